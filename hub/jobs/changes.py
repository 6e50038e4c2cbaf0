"""What came to servers and went from them, of the models that jobs need: noted by syncs, and looked at beside them.

A sync says in its own transaction which of the models that jobs need it changed, in one statement. What that means for
the jobs is worked out after it, a batch of needs at a time, so that neither a sync nor a claim waits for it. A claim
looks at the files of its one job itself.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby, islice

from sqlalchemy import Connection, bindparam, delete, exists, false, literal, or_, select, true, update

from ..clock import Clock
from ..database import Database, among
from ..schema import IS_PENDING, job_changes, job_need_models, job_needs, jobs
from .needs import CREATING, Needs
from .telling import tell_possible

DISTRUST_SECONDS = 60.0
"""So long a model that an agent did not find is not believed to be there."""
_AT_ONCE = 2_000
_NEEDS_AT_ONCE = 300
_MARKS = 1 << 62


def note(database: Database, connection: Connection, server_id: str, model_ids: Collection[int]) -> None:
    """Note that these models came to a server or went from it, as far as a job needs them.

    Must run in the write transaction that does it, after it was done. Whoever makes a need at the same time has made it
    before this looks, or sees what was done.
    """
    if not model_ids:
        return
    if not database.is_sqlite:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({CREATING})")
    if connection.scalar(select(exists(select(job_need_models.c.need_id)))):
        _put(database, connection, server_id, model_ids, 0.0)


def distrust(
    database: Database, connection: Connection, server_id: str, model_ids: Collection[int], now: float
) -> None:
    """Note that a server's agent did not find these models: for a while, or until it says something new of them."""
    if model_ids:
        _put(database, connection, server_id, model_ids, now + DISTRUST_SECONDS)


def _put(
    database: Database, connection: Connection, server_id: str, model_ids: Collection[int], not_before: float
) -> None:
    asked = job_need_models.c.model_id
    values = (literal(server_id), asked, literal(not_before), literal(secrets.randbelow(_MARKS)), true())
    needed = select(*values).where(among(connection, asked, model_ids)).distinct()
    names = ("server_id", "model_id", "not_before", "mark", "fresh")
    insert = database.insert(job_changes).from_select(names, needed)
    new = insert.excluded
    changing = {name: new[name] for name in names[2:]}
    connection.execute(insert.on_conflict_do_update(index_elements=["server_id", "model_id"], set_=changing))


class Changes:
    """Works out what the changes mean for the jobs that wait."""

    def __init__(self, database: Database, clock: Clock, needs: Needs) -> None:
        self._database = database
        self._clock = clock
        self._needs = needs

    def digest(self) -> bool:
        """Look at what changed; return whether there is more. For ``Job``: any number of processes may."""
        now, said = self._clock(), job_changes.c
        due = select(said.server_id, said.model_id, said.mark).where(or_(said.fresh == true(), said.not_before <= now))
        with self._database.read() as connection:
            rows = connection.execute(due.order_by(said.server_id, said.model_id).limit(_AT_ONCE)).all()
        for server_id, group in groupby(rows, lambda row: str(row.server_id)):
            self._look(server_id, {row.model_id: row.mark for row in group}, now)
        return len(rows) == _AT_ONCE

    def _look(self, server_id: str, marks: Mapping[int, int], now: float) -> None:
        asked, need = job_need_models.c, job_needs.c
        with self._database.read() as connection:
            concerned = (
                select(asked.need_id)
                .join(job_needs, need.id == asked.need_id)
                .where(among(connection, asked.model_id, marks), need.waiting > 0)
                .where(or_(need.target_server_id.is_(None), need.target_server_id == server_id))
                .distinct()
                .order_by(asked.need_id)
            )
            ids = connection.scalars(concerned).all()
        for batch in _batches(ids):
            self._database.write(lambda connection, batch=batch: self._bring(connection, server_id, batch))  # type: ignore[misc]
        self._database.write(lambda connection: _looked_at(connection, server_id, marks, now))

    def _bring(self, connection: Connection, server_id: str, ids: Collection[int]) -> None:
        came = self._needs.bring_up_to_date(connection, server_id, ids)
        if came:
            waits = (jobs.c.need_id == came[0], IS_PENDING)
            head = select(jobs.c.public_id).where(*waits).order_by(jobs.c.rank, jobs.c.id).limit(1)
            tell_possible(connection, connection.execute(head).scalar_one(), server_id, len(came))


def _looked_at(connection: Connection, server_id: str, marks: Mapping[int, int], now: float) -> None:
    """Forget changes that are as they were when they were looked at; who is distrusted stays so."""
    said = job_changes.c
    same = (said.server_id == server_id, said.model_id == bindparam("row_id"), said.mark == bindparam("seen"))
    rows = [{"row_id": model_id, "seen": mark} for model_id, mark in sorted(marks.items())]
    connection.execute(delete(job_changes).where(*same, said.not_before <= now), rows)
    connection.execute(update(job_changes).where(*same).values(fresh=false()), rows)


def _batches(ids: Iterable[int]) -> Iterable[list[int]]:
    each = iter(ids)
    while batch := list(islice(each, _NEEDS_AT_ONCE)):
        yield batch
