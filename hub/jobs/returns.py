"""Jobs that come back from a server undone: why, and for how long that server is not given them again.

Others have such a job first. Where nobody else can do it, the same server is tried again after a while: soon where the
reason passes (somebody generates there by hand), and ever later where it will be the same the next time.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, update

from ..database import Record
from ..schema import job_attempts, job_need_servers, job_takers
from .endings import end_attempt

OTHERS_FIRST_SECONDS = 60.0
"""So long a job that a server gave back goes to others first."""
ALONE_SECONDS = 10.0
"""So long a server does not get a job again that it gave back, though nobody else can do it: the first time."""
LONGEST_SECONDS = 600.0
"""The same after it gave the job back for a lasting reason again and again."""
_TAKER_SECONDS = 120.0
"""A server that asked for a job within so long takes jobs."""


@dataclass(frozen=True)
class Return:
    """Why a job comes back from a server.

    ``outcome`` is that of the attempt, ``reason`` in words. ``counts``: the attempt is one of those that a job has.
    ``avoids``: others shall have it first. ``lasts``: what was wrong will be wrong the next time.
    """

    outcome: str
    reason: str
    counts: bool
    avoids: bool = True
    lasts: bool = False


def note_return(connection: Connection, job: Record, now: float, why: Return) -> float | None:
    """Note that the attempt of a locked job ended so; return ``jobs.avoid_until`` as it is then."""
    end_attempt(connection, job.id, job.lease, now, why.outcome, why.reason)
    if not why.avoids:
        return _avoided(job)
    here = job_attempts.c
    pause = _pause(_last_return(connection, job.id, job.server_id), now) if why.lasts else ALONE_SECONDS
    mine = update(job_attempts).where(here.job_id == job.id, here.lease == job.lease)
    connection.execute(mine.values(avoid_until=now + pause))
    return max(_avoided(job) or 0.0, now + max(pause, OTHERS_FIRST_SECONDS))


def forget_returns(connection: Connection, job_id: int) -> None:
    """Let every server be given a job again at once; ``jobs.avoid_until`` is the caller's."""
    connection.execute(update(job_attempts).where(job_attempts.c.job_id == job_id).values(avoid_until=None))


def avoided_until(connection: Connection, job: Record, server_id: str, now: float) -> float | None:
    """Return until when a server is not given a job that it gave back; None: it may have it."""
    if job.avoid_until is None or job.avoid_until <= now:
        return None
    last = _last_return(connection, job.id, server_id)
    if last is None or last.ended_at > now:  # the clock was set back since
        return None
    others_first = float(max(last.avoid_until, last.ended_at + OTHERS_FIRST_SECONDS))
    if others_first <= now:
        return None
    if _another_can(connection, job, server_id, now):
        return others_first
    return float(last.avoid_until) if last.avoid_until > now else None


def _avoided(job: Record) -> float | None:
    return None if job.avoid_until is None else float(job.avoid_until)


def _last_return(connection: Connection, job_id: int, server_id: str) -> Record | None:
    """Return when a server gave a job back last, and until when it is not given it again."""
    here = job_attempts.c
    query = select(here.ended_at, here.avoid_until).where(here.job_id == job_id, here.server_id == server_id)
    return connection.execute(query.where(here.avoid_until.is_not(None)).order_by(here.number.desc()).limit(1)).first()


def _pause(before: Record | None, now: float) -> float:
    """Return how long a server is spared a job: twice as long as the last time, unless that is long ago."""
    if before is None or not before.ended_at <= now <= before.avoid_until + LONGEST_SECONDS:
        return ALONE_SECONDS
    return float(min(2 * (before.avoid_until - before.ended_at), LONGEST_SECONDS))


def _another_can(connection: Connection, job: Record, server_id: str, now: float) -> bool:
    """Say whether a server that takes jobs can do this one, and did not give it back lately itself."""
    able, taker, gave = job_need_servers.c, job_takers.c, job_attempts.c
    lately = gave.ended_at > now - OTHERS_FIRST_SECONDS
    too = exists().where(gave.job_id == job.id, gave.server_id == able.server_id, gave.avoid_until.is_not(None), lately)
    another = (
        select(able.server_id)
        .join(job_takers, taker.server_id == able.server_id)
        .where(able.need_id == job.need_id, able.server_id != server_id, taker.asked_at > now - _TAKER_SECONDS, ~too)
    )
    return bool(connection.scalar(select(exists(another))))
