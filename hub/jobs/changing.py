"""What people do to jobs: cancel, retry, move ahead, move to another server."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select, update

from ..clock import Clock
from ..database import Database
from ..errors import ConflictError, ForbiddenError
from ..keys import ADMIN, Caller
from ..schema import job_inputs, jobs
from ..server_registry import find_server
from ..trust.audit import note
from . import ranks
from .endings import end_attempt, finish
from .holder import is_job, not_found
from .job import CANCELLED, DONE, FAILED, PENDING, PROCESSING
from .needs import Needs
from .queue import Held, MovedError, Queue
from .returns import forget_returns
from .telling import tell_job

CANCELLED_OUTCOME = "cancelled"


class Changing:
    """The changes that people make to the jobs of one hub; each returns the job's state after it."""

    def __init__(self, database: Database, clock: Clock, needs: Needs, queue: Queue) -> None:
        self._database = database
        self._clock = clock
        self._needs = needs
        self._queue = queue

    def cancel(self, public_id: str, caller: Caller) -> str:
        """Cancel a job, in whatever state; one that is done stays as it is. Whoever runs it hears of it and stops.

        Raises:
            NotFoundError: there is no such job (``job_not_found``).
            ForbiddenError: it is somebody else's, and this is no admin.
        """

        def work(connection: Connection, held: Held) -> str:
            job = held.job
            if job.state in DONE:
                return str(job.state)
            finish(connection, job, CANCELLED, self._clock(), outcome=CANCELLED_OUTCOME, reason=f"by {caller.name}")
            if job.state == PENDING and job.need_id is not None:
                self._needs.leave(connection, job.need_id)
            return CANCELLED

        return self._change(public_id, caller, "job_cancelled", {}, work)

    def retry(self, public_id: str, caller: Caller) -> str:
        """Let a job that failed or was cancelled wait again, at the end of its submitter's jobs.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
            ConflictError: it waits or runs or is completed (``job_not_retryable``), or what it was given is not kept
                any more (``inputs_gone``).
        """

        def work(connection: Connection, held: Held) -> str:
            job = held.job
            if job.state not in {FAILED, CANCELLED}:
                raise ConflictError(
                    f"this job is {job.state}; only one that failed or was cancelled can be tried again",
                    {"state": job.state},
                    code="job_not_retryable",
                )
            if connection.scalar(select(job_inputs.c.size_bytes).where(job_inputs.c.job_id == job.id)) == 0:
                raise ConflictError(
                    "the images that this job begins with were deleted to save room; submit it again with them",
                    {"state": job.state},
                    code="inputs_gone",
                )
            tag = ranks.take_tags(self._database, connection, {job.submitter: 1})[job.submitter]
            values = {"tag": tag, "rank": ranks.rank(tag, job.priority), "attempts": 0, "result": None}
            gone = {"error_code": None, "error_message": None, "finished_at": None, "started_at": None}
            forget_returns(connection, job.id)
            self._queue.wait_again(connection, job, held.need_id, **values, **gone, avoid_until=None)
            return PENDING

        return self._change(public_id, caller, "job_retried", {}, work)

    def set_priority(self, public_id: str, caller: Caller, priority: int) -> str:
        """Give a job another priority; of one that does not wait it counts from when it does again.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
        """

        def work(connection: Connection, held: Held) -> str:
            job = held.job
            rank = ranks.rank(job.tag, priority)
            values = {"priority": priority, "rank": rank, "updated_at": self._clock()}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
            if job.state == PENDING and job.need_id is not None:
                self._needs.join(connection, {job.need_id: [rank]})
                self._needs.leave(connection, job.need_id)
            tell_job(connection, job.public_id, job.state, job.server_id)
            return str(job.state)

        return self._change(public_id, caller, "job_priority", {"priority": priority}, work)

    def move(self, public_id: str, caller: Caller, server: str | None) -> str:
        """Let another server alone do a job, or any (None); whoever runs it stops, and it waits again.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``; there is no such server (``server_not_found``).
            ConflictError: it is done (``job_done``).
        """

        target = None if server is None else self._server(server)

        def work(connection: Connection, held: Held) -> str:
            job, need_id = held.job, held.needs[target]
            if job.state in DONE:
                raise ConflictError(
                    f"this job is {job.state} and cannot be moved; have it tried again first",
                    {"state": job.state},
                    code="job_done",
                )
            if target == job.target_server_id:
                return str(job.state)
            if job.state == PROCESSING and target not in {None, job.server_id}:
                now = self._clock()
                end_attempt(
                    connection, job.id, job.lease, now, CANCELLED_OUTCOME, f"moved to {target} by {caller.name}"
                )
                attempts = max(0, job.attempts - 1)
                self._queue.wait_again(connection, job, need_id, attempts=attempts, target_server_id=target)
                return PENDING
            moved = {"target_server_id": target, "need_id": need_id, "updated_at": self._clock(), "avoid_until": None}
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**moved))
            if job.state == PENDING and job.need_id is not None and need_id is not None:
                self._needs.leave(connection, job.need_id)
                self._needs.join(connection, {need_id: [job.rank]})
            tell_job(connection, job.public_id, job.state, job.server_id)
            return str(job.state)

        return self._change(public_id, caller, "job_moved", {"server": target}, work, target)

    # Inside

    def _change(
        self,
        public_id: str,
        caller: Caller,
        action: str,
        details: dict[str, Any],
        work: Callable[[Connection, Held], str],
        *targets: str | None,
    ) -> str:
        def change(connection: Connection) -> str:
            query = select(jobs.c.id, jobs.c.submitter).where(is_job(public_id))
            row = connection.execute(query).first()
            if row is None:
                raise not_found(public_id)
            theirs = caller.key is None or caller.key != row.submitter
            if theirs and caller.scope != ADMIN:
                raise ForbiddenError("this job was submitted with another key; its submitter or an admin may change it")
            held = self._queue.hold(connection, row.id, *targets)
            if held is None:
                raise MovedError  # it was deleted just now: next time it is not found
            state = work(connection, held)
            if theirs:
                note(connection, caller, action, public_id, {**details, "submitted_by": held.job.submitted_by})
            return state

        return self._queue.again(change)

    def _server(self, name: str) -> str:
        with self._database.read() as connection:
            return str(find_server(connection, name).id)
