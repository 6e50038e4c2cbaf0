"""What the server that has a job says of it: that it is at it, that it is done, that it cannot.

The lease of the job's row is who may speak. It is drawn anew each time that the job is given out, so that what a server
says too late (the job was cancelled, moved, or given to another) finds another lease or none, and changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from ...ecosystems.infotext.compare import UNASKED, differences
from ..clock import Clock
from ..database import Database, Record, among
from ..keys import Caller
from ..schema import (
    IS_PROCESSING,
    job_attempts,
    job_need_models,
    job_takers,
    jobs,
    models,
)
from . import changes, images, speed
from .endings import HANDED_BACK, LOST, finish
from .holder import check_lease, is_job, not_found
from .holding import expected
from .images import Made
from .job import COMPLETED, FAILED, PENDING
from .previews import Preview, keep_preview
from .queue import Queue, requirements_of
from .returns import Return

WRONG_MODEL = "wrong_model"
PASSING = frozenset({"busy", "closed", "stopping", "web_ui_away", "no_room", "model_gone"})
"""Why an agent gives a job back, where that is over one day or the hub hears of it: all other reasons last."""
RAN_OUT = "it was not heard of for as long as a lease lasts"
_AT_ONCE = 50
_STATES = {"completed": COMPLETED, "failed": FAILED, HANDED_BACK: PENDING}
"""What an attempt's outcome, where the server said it itself, has made of the job."""


@dataclass(frozen=True)
class Progress:
    """How far a job is: ``progress`` from 0 to 1, ``details`` as they are kept."""

    progress: float
    details: Mapping[str, Any] = field(default_factory=dict)
    preview: Preview | None = None


@dataclass(frozen=True)
class Completion:
    """What came of a job: its images, how long it took, and the checkpoint that is in the server's memory now."""

    images: Sequence[Made]
    seconds: float | None = None
    loaded: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a server does not complete a job; with ``retry`` it gives it back, not having begun.

    ``missing`` are SHA-256 values of models that it has not, against what its inventory says.
    """

    code: str
    message: str
    retry: bool = False
    missing: Sequence[str] = ()


class Leases:
    """The leases of one hub's jobs."""

    def __init__(self, database: Database, clock: Clock, queue: Queue, lease_seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._lease_seconds = lease_seconds
        # A hub that did not run heard nobody: who has a lease gets as long as one lasts to say so.
        self._begins_at = clock() + lease_seconds

    def progress(self, public_id: str, lease: str, said: Progress, caller: Caller) -> dict[str, Any]:
        """Take that a server is at a job, and let its lease last anew.

        Raises:
            NotFoundError: there is no such job (``job_not_found``).
            ConflictError: the job is not that server's now (``lease_lost``).
            ForbiddenError: it is another server's.
        """

        def work(connection: Connection) -> dict[str, Any]:
            connection.execute(select(jobs.c.id).where(is_job(public_id)).with_for_update())
            job = self._mine(connection, public_id, lease, caller)
            now = self._clock()
            values = {
                "lease_until": now + self._lease_seconds,
                "progress": said.progress,
                "progress_details": json.dumps(dict(said.details), ensure_ascii=True),
            }
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
            here = job_attempts.c
            mine = update(job_attempts).where(here.job_id == job.id, here.lease == lease)
            connection.execute(mine.values(heard_at=now))
            if said.preview is not None:
                keep_preview(self._database, connection, job.id, said.preview, now)
            return {"success": True, "lease_seconds": self._lease_seconds}

        return self._database.write(work)

    def complete(self, public_id: str, lease: str, said: Completion, caller: Caller) -> dict[str, Any]:
        """Take a job's result, once; fail it where its images were not made with the models that it asked for.

        Raises:
            NotFoundError, ConflictError, ForbiddenError: as ``progress``; ``image_missing``: an image did not arrive.
        """

        def work(connection: Connection) -> dict[str, Any]:
            repeated = self._ended_before(connection, public_id, lease)
            if repeated is not None:
                return {**repeated, "accepted": repeated["state"] == COMPLETED}
            job = self._mine(connection, public_id, lease, caller)
            attempt = self._attempt(connection, job)
            images.settle(connection, job.id, job.attempts, said.images)
            wrong = self._wrong_models(connection, job, attempt, said.images)
            now = self._clock()
            self._measure(connection, job, said)
            result = json.dumps({"seconds": said.seconds, "images": len(said.images)})
            if wrong:
                message = f"{wrong}. The images were not taken; the server may have them in its own folder"
                error = (WRONG_MODEL, message)
                finish(connection, job, FAILED, now, outcome="failed", reason=wrong, error=error, result=result)
                return {**_ended(FAILED), "accepted": False, "error": WRONG_MODEL, "message": message}
            finish(connection, job, COMPLETED, now, outcome="completed", result=result, progress=1.0)
            return {**_ended(COMPLETED), "accepted": True}

        return self._database.write(work)

    def fail(self, public_id: str, lease: str, said: Failure, caller: Caller) -> dict[str, Any]:
        """Take that a server cannot complete a job: it is failed, or given to another.

        Raises:
            NotFoundError, ConflictError, ForbiddenError: as ``progress``.
        """

        def work(connection: Connection) -> dict[str, Any]:
            repeated = self._ended_before(connection, public_id, lease, lock=not said.retry)
            if repeated is not None:
                return repeated
            job = self._mine(connection, public_id, lease, caller)
            if not said.retry:
                error = (said.code, said.message)
                finish(connection, job, FAILED, self._clock(), outcome="failed", reason=said.message, error=error)
                return _ended(FAILED)
            why = Return(HANDED_BACK, f"{said.code}: {said.message}", counts=False, lasts=said.code not in PASSING)
            if not self._queue.put_back_in(connection, job.id, lease, why):
                self._mine(connection, public_id, lease, caller)  # says why
            if said.missing:
                gone = self._models(connection, said.missing)
                changes.distrust(self._database, connection, job.server_id, gone, self._clock())
            return _ended(PENDING)

        return self._queue.again(work)

    def expire(self) -> bool:
        """Take back the jobs whose leases ran out; return whether there are more. For ``Job``."""
        now = self._clock()
        if now < self._begins_at:
            return False
        with self._database.read() as connection:
            out = select(jobs.c.id, jobs.c.lease).where(IS_PROCESSING, jobs.c.lease_until < now)
            rows = connection.execute(out.order_by(jobs.c.lease_until).limit(_AT_ONCE)).all()
        for row in rows:
            self._queue.put_back(row.id, row.lease, Return(LOST, RAN_OUT, counts=True), ran_out_before=now)
        return len(rows) == _AT_ONCE

    # Inside

    def _mine(self, connection: Connection, public_id: str, lease: str, caller: Caller) -> Record:
        """Return the job that this lease is of."""
        job = connection.execute(select(jobs).where(is_job(public_id))).first()
        if job is None:
            raise not_found(public_id)
        check_lease(job, lease, caller)
        return job

    def _ended_before(
        self, connection: Connection, public_id: str, lease: str, *, lock: bool = True
    ) -> dict[str, Any] | None:
        """Return the answer to a report that came before, whose answer was lost; None: this is the first.

        ``lock`` the job for this transaction; what gives it back locks its need before.
        """
        if lock:
            connection.execute(select(jobs.c.id).where(is_job(public_id)).with_for_update())
        here = job_attempts.c
        query = select(here.outcome).join(jobs, jobs.c.id == here.job_id)
        outcome = connection.scalar(query.where(is_job(public_id), here.lease == lease))
        return {**_ended(_STATES[outcome]), "repeated": True} if outcome in _STATES else None

    def _attempt(self, connection: Connection, job: Record) -> Record:
        here = job_attempts.c
        return connection.execute(select(job_attempts).where(here.job_id == job.id, here.lease == job.lease)).one()

    def _wrong_models(self, connection: Connection, job: Record, attempt: Record, made: Sequence[Made]) -> str:
        """Return in words where images state other models than were asked for; nothing where they do not."""
        requirements = requirements_of(connection, [job.id]).get(job.id, [])
        asked = expected(connection, requirements, json.loads(attempt.had))
        styled = bool(json.loads(job.payload).get("styles"))  # a style of the server's own may bring a LoRA
        for image in made:
            found = [each for each in differences(image.infotext or "", asked) if not (styled and each.kind == UNASKED)]
            if found:
                return f"image {image.n}: {found[0]}"
        return ""

    def _measure(self, connection: Connection, job: Record, said: Completion) -> None:
        here = job_takers.c
        mine = here.server_id == job.server_id
        taker = connection.execute(select(job_takers).where(mine).with_for_update()).first()
        if taker is None:
            return
        now = speed.measured(said.seconds, json.loads(job.payload))
        values: dict[str, Any] = {"loaded": taker.loaded if said.loaded is None else said.loaded}
        if now is not None:
            mean = speed.mean(taker.seconds_per_unit, now)
            values |= {"seconds_per_unit": mean, "measured": taker.measured + 1}
        connection.execute(update(job_takers).where(mine).values(**values))

    def _models(self, connection: Connection, hashes: Sequence[str]) -> list[int]:
        """Return those of these models that jobs need."""
        needed = select(job_need_models.c.model_id)
        query = select(models.c.id).where(among(connection, models.c.hash_sha256, hashes), models.c.id.in_(needed))
        return list(connection.scalars(query))


def _ended(state: str) -> dict[str, Any]:
    return {"success": True, "state": state}
