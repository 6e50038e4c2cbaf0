"""Jobs come into the queue: new ones, those whose models became known, and those that a server gave back."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from ..clock import Clock
from ..database import Answer, Database, Record, among
from ..schema import IS_PENDING, IS_UNRESOLVED, job_inputs, job_requirements, jobs
from . import images, ranks
from .endings import finish
from .job import FAILED, PENDING, UNKNOWN, NewJob, Requirement
from .needs import Needs, need_of
from .previews import drop_preview
from .returns import Return, note_return
from .telling import tell_added, tell_job

EXHAUSTED = "attempts_exhausted"
_TRIES = 5


@dataclass(frozen=True)
class Held:
    """A job's row, locked, and the ids of its needs by target; None where a requirement is not resolved."""

    job: Record
    needs: Mapping[str | None, int | None]

    @property
    def need_id(self) -> int | None:
        """The need that it waits with, or would."""
        return self.needs[self.job.target_server_id]


class MovedError(Exception):
    """A job's need changed while it was being locked: the transaction begins anew."""


class Queue:
    """The way into the queue of one hub."""

    def __init__(self, database: Database, clock: Clock, needs: Needs) -> None:
        self._database = database
        self._clock = clock
        self._needs = needs

    def add(self, connection: Connection, new: Sequence[NewJob]) -> list[str]:
        """Queue jobs in the caller's write transaction, and return their ids in their order.

        Each is queued; one with a requirement that is not resolved waits until ``place`` is told of it.
        """
        if not new:
            return []
        wanted = [need_of(job.target_server_id, job.requirements) for job in new]
        ids = self._needs.ensure(connection, {need for need in wanted if need is not None})
        tags = ranks.take_tags(self._database, connection, Counter(job.submitter.id for job in new))
        now, rows = self._clock(), []
        for job, need in zip(new, wanted, strict=True):
            tag = tags[job.submitter.id]
            tags[job.submitter.id] = tag + 1
            rows.append(_row(job, None if need is None else ids[need], tag, now))
        self._database.execute_many(connection, self._database.insert(jobs), rows)
        public_ids = [str(row["public_id"]) for row in rows]
        query = select(jobs.c.public_id, jobs.c.id).where(among(connection, jobs.c.public_id, public_ids))
        job_ids = {row.public_id: row.id for row in connection.execute(query)}
        self._keep_details(connection, [(job_ids[name], job) for name, job in zip(public_ids, new, strict=True)])
        self._join(connection, [(row["need_id"], row["rank"]) for row in rows])
        tell_added(connection, public_ids)
        return public_ids

    def place(self, connection: Connection, job_ids: Iterable[int]) -> list[str]:
        """Let jobs that wait without a need have one, where all that they ask for is resolved by now.

        To be called in the write transaction that brought their rows of ``job_requirements`` up to date. Returns the
        public ids of those that can be given out from now on.
        """
        unplaced = (jobs.c.need_id.is_(None), IS_PENDING, among(connection, jobs.c.id, job_ids))
        # Locked before their needs, unlike jobs that have one: nobody locks a need for them, and their target stays.
        query = select(jobs).where(*unplaced).order_by(jobs.c.id).with_for_update()
        rows = connection.execute(query).all()
        # Looked for after they were locked, or of two that each resolve something of a job neither would see the other.
        here = job_requirements.c
        lacking = select(here.job_id).where(among(connection, here.job_id, [row.id for row in rows]), IS_UNRESOLVED)
        unresolved = set(connection.scalars(lacking.distinct()))
        targets = {row.id: row.target_server_id for row in rows if row.id not in unresolved}
        asked = requirements_of(connection, targets)
        wanted = {job_id: need_of(target, asked.get(job_id, [])) for job_id, target in targets.items()}
        met = {job_id: need for job_id, need in wanted.items() if need is not None}
        if not met:
            return []
        ids = self._needs.ensure(connection, set(met.values()))
        placed = []
        for row in [row for row in rows if row.id in met]:
            need_id = ids[met[row.id]]
            connection.execute(
                update(jobs).where(jobs.c.id == row.id).values(need_id=need_id, updated_at=self._clock())
            )
            tell_job(connection, row.public_id, PENDING, row.server_id)
            placed.append((need_id, row))
        self._join(connection, [(need_id, row.rank) for need_id, row in placed])
        return [str(row.public_id) for _, row in placed]

    def unresolve(self, job_id: int, slot: int) -> None:
        """Let a job that waits do so without a need: what it asks for in this slot is to be looked up again."""

        def work(connection: Connection) -> None:
            held = self.hold(connection, job_id)
            if held is None or held.job.state != PENDING:
                return
            here = job_requirements.c
            asked = update(job_requirements).where(here.job_id == job_id, here.slot == slot)
            connection.execute(asked.values(resolution=UNKNOWN, models="[]", model_id=None))
            if held.job.need_id is not None:
                freed = update(jobs).where(jobs.c.id == job_id)
                connection.execute(freed.values(need_id=None, updated_at=self._clock()))
                self._needs.leave(connection, held.job.need_id)
            tell_job(connection, held.job.public_id, PENDING, held.job.server_id)

        self.again(work)

    def hold(self, connection: Connection, job_id: int, *targets: str | None) -> Held | None:
        """Lock a job, and first the need that it has or would have if it waited, for its own target and for these.

        Returns None where there is no such job.

        Raises:
            MovedError: it was moved while it was being locked.
        """
        columns = (jobs.c.need_id, jobs.c.target_server_id)
        before = connection.execute(select(*columns).where(jobs.c.id == job_id)).first()
        if before is None:
            return None
        asked = requirements_of(connection, [job_id]).get(job_id, [])
        wanted = {target: need_of(target, asked) for target in (before.target_server_id, *targets)}
        ids = self._needs.ensure(connection, {need for need in wanted.values() if need is not None})
        if before.need_id is not None and before.need_id not in ids.values():
            self._needs.lock(connection, [before.need_id])  # its requirements were changed by hand
        job = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).first()
        if job is None:
            return None
        needs = {target: None if need is None else ids[need] for target, need in wanted.items()}
        if job.target_server_id != before.target_server_id or job.need_id not in {None, before.need_id}:
            raise MovedError
        return Held(job, needs)

    def wait_again(self, connection: Connection, job: Record, need_id: int | None, **values: Any) -> None:
        """Let a held job wait with a need, with these columns besides."""
        now = self._clock()
        fresh: dict[str, Any] = {
            "state": PENDING,
            "need_id": need_id,
            "lease": None,
            "lease_until": None,
            "progress": 0.0,
            "progress_details": None,
            "queued_at": now,
            "updated_at": now,
        }
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**{**fresh, **values}))
        images.drop(connection, job.id)
        drop_preview(connection, job.id)
        if need_id is not None:
            self._needs.join(connection, {need_id: [values.get("rank", job.rank)]})
        tell_job(connection, job.public_id, PENDING, job.server_id)

    def put_back(self, job_id: int, lease: str, why: Return, ran_out_before: float | None = None) -> bool:
        """Take a job from the server that has this lease of it, to be given out again; False: it had it no more.

        One that was begun as often as it may be is failed. With ``ran_out_before`` only if the lease ran out before.
        """
        return self.again(lambda connection: self.put_back_in(connection, job_id, lease, why, ran_out_before))

    def put_back_in(
        self, connection: Connection, job_id: int, lease: str, why: Return, ran_out_before: float | None = None
    ) -> bool:
        """Do what ``put_back`` does in the caller's write transaction, which has locked nothing else before."""
        held = self.hold(connection, job_id)
        if held is None or held.job.lease != lease:
            return False
        job = held.job
        if ran_out_before is not None and not (job.lease_until or 0.0) < ran_out_before:
            return False
        now = self._clock()
        attempts = job.attempts if why.counts else max(0, job.attempts - 1)
        if why.counts and attempts >= job.max_attempts:
            message = f"{attempts} servers began it and none completed it; the last: {why.reason}"
            finish(connection, job, FAILED, now, outcome=why.outcome, reason=why.reason, error=(EXHAUSTED, message))
            return True
        avoid_until = note_return(connection, job, now, why)
        self.wait_again(connection, job, held.need_id, attempts=attempts, avoid_until=avoid_until)
        return True

    def again(self, work: Callable[[Connection], Answer]) -> Answer:
        """Write, and once more where a job was moved while it was being locked."""
        for _ in range(_TRIES):
            try:
                return self._database.write(work)
            except MovedError:
                continue
        raise AssertionError("a job was moved again and again")

    # Inside

    def _join(self, connection: Connection, joining: Iterable[tuple[int | None, float]]) -> None:
        by_need: dict[int, list[float]] = {}
        for need_id, rank in joining:
            if need_id is not None:
                by_need.setdefault(need_id, []).append(rank)
        if by_need:
            self._needs.join(connection, by_need)

    def _keep_details(self, connection: Connection, new: Sequence[tuple[int, NewJob]]) -> None:
        asked = [
            _requirement_row(job_id, slot, each) for job_id, job in new for slot, each in enumerate(job.requirements)
        ]
        if asked:
            self._database.execute_many(connection, self._database.insert(job_requirements), asked)
        inputs = [{"job_id": job_id, "content": _json(dict(job.inputs))} for job_id, job in new if job.inputs]
        if inputs:
            self._database.execute_many(connection, self._database.insert(job_inputs), inputs)


def requirements_of(connection: Connection, job_ids: Collection[int]) -> dict[int, list[Requirement]]:
    """Return what these jobs ask for, in the order of their slots."""
    here = job_requirements.c
    query = select(job_requirements).where(among(connection, here.job_id, job_ids)).order_by(here.job_id, here.slot)
    found: dict[int, list[Requirement]] = {}
    for row in connection.execute(query):
        found.setdefault(row.job_id, []).append(
            Requirement(
                role=row.role,
                name=row.name,
                hash=row.hash,
                source=row.source,
                weight=row.weight,
                resolution=row.resolution,
                models=tuple(json.loads(row.models)),
                candidates=tuple(json.loads(row.candidates)),
                civitai_version_id=row.civitai_version_id,
            )
        )
    return found


def _row(job: NewJob, need_id: int | None, tag: float, now: float) -> dict[str, Any]:
    return {
        "public_id": str(uuid.uuid4()),
        "state": PENDING,
        "need_id": need_id,
        "target_server_id": job.target_server_id,
        "priority": job.priority,
        "tag": tag,
        "rank": ranks.rank(tag, job.priority),
        "submitter": job.submitter.id,
        "submitted_by": job.submitter.name,
        "source": job.submitter.source,
        "bulk_id": job.bulk_id,
        "mode": job.mode,
        "payload": _json(dict(job.payload)),
        "asked": _json(dict(job.asked)),
        "title": job.title,
        "created_at": now,
        "updated_at": now,
        "queued_at": now,
        "attempts": 0,
        "max_attempts": job.max_attempts,
        "progress": 0.0,
    }


def _requirement_row(job_id: int, slot: int, each: Requirement) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "slot": slot,
        "role": each.role,
        "name": each.name,
        "hash": each.hash,
        "source": each.source,
        "weight": each.weight,
        "resolution": each.resolution,
        "models": _json(list(each.models)),
        "model_id": each.models[0] if each.models else None,
        "candidates": _json(list(each.candidates)),
        "civitai_version_id": each.civitai_version_id,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
