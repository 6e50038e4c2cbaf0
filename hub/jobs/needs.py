"""What waiting jobs need, each set of models once, and which servers have all of it.

A hundred thousand jobs need a few thousand sets of models. Which servers have a set is kept beside it, with the rank of
the set's first job, so that a server that asks for work reads one row of an index however many jobs there are.

A need's row is locked before the jobs that wait with it change, several in the order of their ids. Whoever makes a need
keeps out, until the transaction ends, syncs that would not see it (``changes.note``).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, or_, select, update

from ..ages import PRESENT
from ..clock import Clock
from ..database import Database, Record, among
from ..schema import (
    IS_PENDING,
    IS_PROCESSING,
    job_changes,
    job_need_models,
    job_need_servers,
    job_needs,
    jobs,
    placements,
    servers,
)
from .job import RESOLVED, Requirement

CREATING = 0x714A6F62  # "qJob"
"""The advisory lock of PostgreSQL that makers of needs hold alone and syncs share."""
_CHECKPOINTS = ("checkpoint", "unet")
_PRUNED = 500
_ATTEMPTS = 5


@dataclass(frozen=True)
class Need:
    """A set of models, and the server that must have it, None: any. A slot is filled by any of its models (ids)."""

    target_server_id: str | None
    slots: tuple[tuple[int, ...], ...]
    checkpoint_id: int | None

    @property
    def key(self) -> str:
        """What is the same for equal needs alone."""
        said = json.dumps([self.target_server_id, self.slots, self.checkpoint_id], separators=(",", ":"))
        return hashlib.sha256(said.encode("ascii")).hexdigest()


def need_of(target_server_id: str | None, requirements: Iterable[Requirement]) -> Need | None:
    """Return what a job with these requirements needs; None where one of them is not resolved."""
    slots: set[tuple[int, ...]] = set()
    checkpoint_id: int | None = None
    for each in requirements:
        if each.resolution != RESOLVED or not each.models:
            return None
        slots.add(tuple(sorted(set(each.models))))
        if each.role in _CHECKPOINTS and checkpoint_id is None:
            checkpoint_id = min(each.models)
    return Need(target_server_id, tuple(sorted(slots)), checkpoint_id)


class Needs:
    """The needs of one hub's jobs; every method but ``prune`` runs in the caller's write transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ensure(self, connection: Connection, wanted: Collection[Need]) -> dict[Need, int]:
        """Return the id of each of these needs, making those that are not there, all of them locked."""
        for _ in range(_ATTEMPTS):
            ids = self._ids(connection, wanted)
            if len(ids) < len(wanted):
                self._keep_syncs_out(connection)
                ids = self._ids(connection, wanted)
                self._make(connection, [need for need in wanted if need.key not in ids])
                ids = self._ids(connection, wanted)
            if len(self.lock(connection, ids.values())) == len(wanted):
                return {need: ids[need.key] for need in wanted}
            # One of them was deleted in between, because nothing used it.
        raise AssertionError("a need vanished again and again")

    def lock(self, connection: Connection, ids: Iterable[int]) -> dict[int, Record]:
        """Return the rows of those of these needs that are there, locked."""
        query = select(job_needs).where(among(connection, job_needs.c.id, ids)).order_by(job_needs.c.id)
        return {row.id: row for row in connection.execute(query.with_for_update())}

    def join(self, connection: Connection, joining: Mapping[int, Sequence[float]]) -> None:
        """Let jobs of these ranks wait with needs (by their ids) that are locked; the jobs' rows say so already."""
        rows = self.lock(connection, joining)
        new = [need_id for need_id, row in rows.items() if row.waiting == 0]
        heads = {
            need_id: min([*joining[need_id], *([] if row.head_rank is None else [row.head_rank])])
            for need_id, row in rows.items()
        }
        changed = [
            {"row_id": need_id, "more": len(joining[need_id]), "head": heads[need_id]} for need_id in sorted(joining)
        ]
        joined = update(job_needs).where(job_needs.c.id == bindparam("row_id"))
        connection.execute(
            joined.values(waiting=job_needs.c.waiting + bindparam("more"), head_rank=bindparam("head")), changed
        )
        self._begin(connection, {need_id: rows[need_id] for need_id in new}, heads)
        self._restate(
            connection,
            {
                need_id: heads[need_id]
                for need_id, row in rows.items()
                if row.waiting and row.head_rank != heads[need_id]
            },
        )

    def leave(self, connection: Connection, need_id: int, count: int = 1) -> None:
        """Let so many jobs wait with a locked need no more; the jobs' rows say so already."""
        row = self.lock(connection, [need_id])[need_id]
        waits = (jobs.c.need_id == need_id, IS_PENDING)
        head = connection.scalar(select(jobs.c.rank).where(*waits).order_by(jobs.c.rank, jobs.c.id).limit(1))
        waiting = 0 if head is None else row.waiting - count
        connection.execute(update(job_needs).where(job_needs.c.id == need_id).values(waiting=waiting, head_rank=head))
        if head is None:
            connection.execute(delete(job_need_servers).where(job_need_servers.c.need_id == need_id))
        elif head != row.head_rank:
            self._restate(connection, {need_id: head})

    def able(self, connection: Connection, ids: Collection[int], server_id: str | None = None) -> set[tuple[int, str]]:
        """Return which servers have all that these needs ask for, as pairs; of one server, where it is given.

        Only what is present counts, and what its agent did not find lately does not.
        """
        here, need, asked = placements.c, job_needs.c, job_need_models.c
        conditions = [
            among(connection, asked.need_id, ids),
            here.state == PRESENT,
            or_(need.target_server_id.is_(None), need.target_server_id == here.server_id),
            ~self.distrusted(here.server_id, here.model_id),
            *([here.server_id == server_id] if server_id is not None else []),
        ]
        query = (
            select(asked.need_id, here.server_id)
            .join(job_needs, need.id == asked.need_id)
            .join(placements, here.model_id == asked.model_id)
            .where(*conditions)
            .group_by(asked.need_id, here.server_id, need.slots)
            .having(func.count(asked.slot.distinct()) == need.slots)
        )
        found = {(row.need_id, row.server_id) for row in connection.execute(query)}
        # Who asks for no model can be served by everybody.
        modest = (
            select(need.id, servers.c.id)
            .where(among(connection, need.id, ids), need.slots == 0)
            .where(or_(need.target_server_id.is_(None), need.target_server_id == servers.c.id))
            .where(*([servers.c.id == server_id] if server_id is not None else []))
        )
        return found | {(row[0], row[1]) for row in connection.execute(modest)}

    def distrusted(self, server_id: Any, model_id: Any) -> ColumnElement[bool]:
        """Return the condition that a server's agent said lately that it does not have a model."""
        said = job_changes.c
        return exists().where(
            and_(said.server_id == server_id, said.model_id == model_id, said.not_before > self._clock())
        )

    def bring_up_to_date(self, connection: Connection, server_id: str, ids: Collection[int]) -> list[int]:
        """Look anew whether a server has what these needs ask for; return those that it has and had not."""
        rows = {need_id: row for need_id, row in self.lock(connection, ids).items() if row.waiting}
        now = {need_id for need_id, _ in self.able(connection, rows, server_id)}
        here = job_need_servers.c
        stated = select(here.need_id).where(here.server_id == server_id, among(connection, here.need_id, ids))
        before = set(connection.scalars(stated))
        if before - now:
            gone = (here.server_id == server_id, among(connection, here.need_id, before - now))
            connection.execute(delete(job_need_servers).where(*gone))
        came = sorted(now - before)
        self._state(connection, [(rows[need_id], server_id, rows[need_id].head_rank) for need_id in came])
        return came

    def welcome(self, connection: Connection, server_id: str) -> None:
        """Let a server that asks for work for the first time do what asks for no model."""
        modest = select(job_needs.c.id).where(job_needs.c.slots == 0, job_needs.c.waiting > 0)
        self.bring_up_to_date(connection, server_id, connection.scalars(modest).all())

    def prune(self) -> bool:
        """Delete needs that no job has any more; return whether there are more. For ``Job``."""
        return self._database.write(self._prune)

    # Inside

    def _ids(self, connection: Connection, wanted: Collection[Need]) -> dict[str, int]:
        query = select(job_needs.c.key, job_needs.c.id)
        found = connection.execute(query.where(among(connection, job_needs.c.key, {need.key for need in wanted})))
        return {row.key: row.id for row in found}

    def _keep_syncs_out(self, connection: Connection) -> None:
        if not self._database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CREATING})")

    def _make(self, connection: Connection, new: Sequence[Need]) -> None:
        if not new:
            return
        rows = [
            {
                "key": need.key,
                "target_server_id": need.target_server_id,
                "slots": len(need.slots),
                "checkpoint_id": need.checkpoint_id,
                "waiting": 0,
            }
            for need in new
        ]
        self._database.execute_many(connection, self._database.insert(job_needs).on_conflict_do_nothing(), rows)
        ids = self._ids(connection, new)
        asked = [
            {"need_id": ids[need.key], "slot": number, "model_id": model_id}
            for need in new
            for number, slot in enumerate(need.slots)
            for model_id in slot
        ]
        if asked:
            insert = self._database.insert(job_need_models).on_conflict_do_nothing()
            self._database.execute_many(connection, insert, asked)

    def _begin(self, connection: Connection, rows: Mapping[int, Record], heads: Mapping[int, float]) -> None:
        """State which servers have what these needs ask for, for which nobody waited before."""
        if rows:
            found = sorted(self.able(connection, rows))
            self._state(connection, [(rows[need_id], server_id, heads[need_id]) for need_id, server_id in found])

    def _state(self, connection: Connection, able: Sequence[tuple[Record, str, float]]) -> None:
        now = self._clock()
        rows = [
            {
                "need_id": need.id,
                "server_id": server_id,
                "head_rank": head_rank,
                "checkpoint_id": need.checkpoint_id,
                "since": now,
            }
            for need, server_id, head_rank in able
        ]
        if rows:
            insert = self._database.upsert(job_need_servers, ("need_id", "server_id"), ("head_rank",))
            self._database.execute_many(connection, insert, rows)

    def _restate(self, connection: Connection, heads: Mapping[int, float]) -> None:
        if heads:
            stated = update(job_need_servers).where(job_need_servers.c.need_id == bindparam("row_id"))
            rows = [{"row_id": need_id, "head": head} for need_id, head in sorted(heads.items())]
            connection.execute(stated.values(head_rank=bindparam("head")), rows)

    def _prune(self, connection: Connection) -> bool:
        waits = exists().where(jobs.c.need_id == job_needs.c.id, IS_PENDING)
        runs = exists().where(jobs.c.need_id == job_needs.c.id, IS_PROCESSING)
        idle = select(job_needs.c.id).where(job_needs.c.waiting == 0, ~waits, ~runs).order_by(job_needs.c.id)
        ids = connection.scalars(idle.limit(_PRUNED).with_for_update(skip_locked=True)).all()
        if ids:
            connection.execute(delete(job_needs).where(among(connection, job_needs.c.id, ids)))
        return len(ids) == _PRUNED
