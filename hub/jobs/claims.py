"""A server asks for a job, and is given the first in order of those whose every model it has now.

Two transactions: the first notes who asks, and what it turns out to run no more; the second chooses and gives. Killed
between or in them, the hub has given nothing, or has given a lease: where the answer is lost, the server's next claim
does not name that job among those it runs, and it is given out again at once.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from ..ages import Ages, iso_time
from ..clock import Clock
from ..database import Database, Record
from ..errors import ConflictError, NotFoundError, UnauthorizedError
from ..schema import (
    IS_PENDING,
    IS_PROCESSING,
    job_attempts,
    job_inputs,
    job_takers,
    jobs,
    servers,
)
from . import ranks
from .choosing import candidates, left_until
from .endings import LOST
from .holding import held_by, loaded_as
from .job import PROCESSING
from .needs import Needs
from .queue import Queue, requirements_of
from .returns import Return, avoided_until
from .telling import tell_job

_HEADS, _ROUNDS = 8, 40
_UNHEARD_ATTEMPTS, _KEPT_ATTEMPTS = 10, 100
EACH_TIME_ANEW = "the server asked for work without it: it was restarted, or the hub's answer was lost"


@dataclass(frozen=True)
class Claim:
    """A server's question for work.

    ``running`` are the ids of the jobs that it has, ``loaded`` the SHA-256 of the checkpoint in its memory.
    """

    server_id: str
    agent_id: str
    wait_seconds: float
    running: frozenset[str] = frozenset()
    loaded: str | None = None
    runtime: str | None = None


@dataclass(frozen=True)
class Found:
    """What a look for work came to.

    ``job`` is what the server is told of the job that it was given. ``over``: this claim is not the server's newest any
    more. ``look_again_at``: there is a job that it may have then, by the hub's clock.
    """

    job: dict[str, Any] | None = None
    over: bool = False
    look_again_at: float | None = None


class _AgainError(Exception):
    """The transaction is to be done anew, without this need."""

    def __init__(self, need_id: int, look_again_at: float | None = None) -> None:
        super().__init__(need_id)
        self.need_id = need_id
        self.look_again_at = look_again_at


class Claims:
    """Gives out the jobs of one hub."""

    def __init__(
        self, database: Database, clock: Clock, ages: Ages, needs: Needs, queue: Queue, lease_seconds: float
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._needs = needs
        self._queue = queue
        self._lease_seconds = lease_seconds

    def begin(self, claim: Claim, allowed: ColumnElement[bool]) -> str:
        """Note that a server asks for work, and take back what it has and does not run; return the claim's token.

        Raises:
            NotFoundError: there is no such server.
            ConflictError: another live agent holds it (``server_id_in_use``).
            UnauthorizedError: ``allowed`` does not hold any more.
        """
        token = secrets.token_hex(16)
        known, left = self._database.write(lambda connection: self._begin(connection, claim, token, allowed))
        if not known:
            self._database.write(lambda connection: self._needs.welcome(connection, claim.server_id))
        for job_id, lease, heard in left:
            self._queue.put_back(job_id, lease, Return(LOST, EACH_TIME_ANEW, counts=heard, avoids=heard))
        return token

    def leave(self, claim: Claim, token: str) -> None:
        """Note that a server waits no more."""
        mine = update(job_takers).where(job_takers.c.server_id == claim.server_id, job_takers.c.claim == token)
        self._database.write(lambda connection: connection.execute(mine.values(waits_until=self._clock())))

    def take_back(self, given: Mapping[str, Any]) -> None:
        """Take back a job, as ``look`` gave it, that the server did not hear of any more."""
        with self._database.read() as connection:
            job_id = connection.scalar(select(jobs.c.id).where(jobs.c.public_id == given["id"]))
        if job_id is not None:
            why = Return(LOST, "the server hung up before it could be told", counts=False, avoids=False)
            self._queue.put_back(job_id, str(given["lease"]), why)

    def look(self, claim: Claim, token: str, allowed: ColumnElement[bool]) -> Found:
        """Give the server the first job that it can do, if there is one.

        Raises:
            UnauthorizedError: ``allowed`` does not hold any more.
        """
        without: set[int] = set()
        soonest: float | None = None
        for _ in range(_ROUNDS):
            try:
                found = self._database.write(lambda connection: self._look(connection, claim, token, allowed, without))
            except _AgainError as again:
                without.add(again.need_id)
                soonest = _sooner(soonest, again.look_again_at)
                continue
            if found.job is not None or found.over:
                return found
            return Found(look_again_at=_sooner(soonest, found.look_again_at))
        return Found(look_again_at=_sooner(soonest, self._clock() + 1.0))

    # Inside

    def _begin(
        self, connection: Connection, claim: Claim, token: str, allowed: ColumnElement[bool]
    ) -> tuple[bool, list[tuple[int, str, bool]]]:
        """Return whether the server asked before, and what it has and does not run: job, lease, whether it began."""
        now = self._clock()
        columns = (servers.c.agent_id, servers.c.agent, servers.c.last_seen, allowed.label("allowed"))
        server = connection.execute(select(*columns).where(servers.c.id == claim.server_id)).first()
        if server is None:
            raise NotFoundError(
                f"there is no server {claim.server_id[:100]!r}; its agent makes it known with its first sync",
                code="server_not_found",
            )
        if not server.allowed:
            raise UnauthorizedError("this API key was revoked")
        other = server.agent_id is not None and server.agent_id != claim.agent_id
        if other and self._ages.is_live(server.last_seen, now):
            raise ConflictError(
                f"another live agent holds the server {claim.server_id!r}: stop it, or give this one another server id",
                {"last_seen": iso_time(server.last_seen)},
                code="server_id_in_use",
            )
        values = {
            "asked_at": now,
            "waits_until": now + claim.wait_seconds,
            "claim": token,
            "loaded": claim.loaded,
            "runtime": claim.runtime,
        }
        taker = select(job_takers.c.server_id).where(job_takers.c.server_id == claim.server_id)
        known = connection.scalar(taker) is not None
        upsert = self._database.upsert(job_takers, ("server_id",), values)
        connection.execute(upsert.values(server_id=claim.server_id, measured=0, **values))
        theirs = select(jobs.c.id, jobs.c.public_id, jobs.c.lease).where(
            IS_PROCESSING, jobs.c.server_id == claim.server_id
        )
        left = [row for row in connection.execute(theirs) if row.public_id not in claim.running]
        return known, [(row.id, row.lease, self._counts(connection, row)) for row in left]

    def _counts(self, connection: Connection, row: Record) -> bool:
        """Say whether a server began a job: it said so, or had it too often for every answer to have been lost."""
        here = job_attempts.c
        query = select(here.number, here.heard_at).where(here.job_id == row.id, here.lease == row.lease)
        attempt = connection.execute(query).first()
        return attempt is None or attempt.heard_at is not None or attempt.number > _UNHEARD_ATTEMPTS

    def _look(
        self,
        connection: Connection,
        claim: Claim,
        token: str,
        allowed: ColumnElement[bool],
        without: set[int],
    ) -> Found:
        query = select(job_takers, allowed.label("allowed")).where(job_takers.c.server_id == claim.server_id)
        taker = connection.execute(query.with_for_update(of=job_takers)).first()
        if taker is None or taker.claim != token:
            return Found(over=True)
        if not taker.allowed:
            raise UnauthorizedError("this API key was revoked")
        loaded = loaded_as(connection, taker.loaded)
        soonest: float | None = None
        for candidate in candidates(connection, claim.server_id, loaded, without):
            until = left_until(connection, taker, candidate, loaded, self._clock())
            if until is None:
                return Found(self._give(connection, taker, candidate.need_id))
            soonest = _sooner(soonest, until)
        return Found(look_again_at=soonest)

    def _give(self, connection: Connection, taker: Record, need_id: int) -> dict[str, Any]:
        """Give a server the first job of a need.

        Raises:
            _AgainError: there is none for it.
        """
        now, server_id = self._clock(), taker.server_id
        if need_id not in self._needs.lock(connection, [need_id]):
            raise _AgainError(need_id)
        waits = select(jobs).where(jobs.c.need_id == need_id, IS_PENDING)
        heads = connection.execute(waits.order_by(jobs.c.rank, jobs.c.id).limit(_HEADS)).all()
        avoided = avoided_until(connection, heads, server_id, now)
        free = [job for job in heads if job.id not in avoided]
        if not free:
            raise _AgainError(need_id, min(avoided.values(), default=None))
        job = free[0]
        requirements = requirements_of(connection, [job.id]).get(job.id, [])
        holding = held_by(connection, self._needs, server_id, requirements)
        if holding is None:  # it went, and that was not worked out yet
            raise _AgainError(need_id)
        lease, number = secrets.token_hex(20), self._number(connection, job.id)
        given = update(jobs).where(jobs.c.id == job.id)
        connection.execute(
            given.values(
                state=PROCESSING,
                server_id=server_id,
                lease=lease,
                lease_until=now + self._lease_seconds,
                attempts=job.attempts + 1,
                started_at=now,
                updated_at=now,
                progress=0.0,
                progress_details=None,
                error_code=None,
                error_message=None,
            )
        )
        attempt = {"job_id": job.id, "number": number, "server_id": server_id, "claimed_at": now, "lease": lease}
        connection.execute(job_attempts.insert().values(**attempt, had=json.dumps(holding.had)))
        self._needs.leave(connection, need_id)
        connection.execute(update(job_takers).where(job_takers.c.server_id == server_id).values(waits_until=now))
        tell_job(connection, job.public_id, PROCESSING, server_id)
        inputs = connection.scalar(select(job_inputs.c.content).where(job_inputs.c.job_id == job.id))
        ranks.given(connection, job.tag)
        return {
            "id": job.public_id,
            "lease": lease,
            "lease_seconds": self._lease_seconds,
            "attempt": number,
            "mode": job.mode,
            "payload": json.loads(job.payload),
            "inputs": json.loads(inputs) if inputs else {},
            "requirements": holding.told,
            "target_server_id": job.target_server_id,
            "title": job.title,
        }

    def _number(self, connection: Connection, job_id: int) -> int:
        """Return the number of the next attempt at a job; what was handed back long ago is forgotten."""
        here = job_attempts.c
        number = (connection.scalar(select(func.max(here.number)).where(here.job_id == job_id)) or 0) + 1
        if number > _KEPT_ATTEMPTS:
            old = (here.job_id == job_id, here.number <= number - _KEPT_ATTEMPTS)
            connection.execute(delete(job_attempts).where(*old))
        return int(number)


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)
