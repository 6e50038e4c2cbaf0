"""Jobs that come back from a server undone: why, and for how long that server is not given them again.

Others have such a job first. Where nobody else can do it, the same server is tried again after a while: soon where the
reason passes (somebody generates there by hand), and ever later where it will be the same the next time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from ..database import Record, among
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


def avoided_until(connection: Connection, heads: Iterable[Record], server_id: str, now: float) -> dict[int, float]:
    """Return until when a server is not given those of these jobs, of one need, that it gave back; by their ids."""
    doubtful = {job.id: job for job in heads if job.avoid_until is not None and job.avoid_until > now}
    if not doubtful:
        return {}
    gave = job_attempts.c
    returns = select(gave.job_id, gave.server_id, gave.ended_at, gave.avoid_until).where(
        among(connection, gave.job_id, doubtful), gave.avoid_until.is_not(None)
    )
    last: dict[int, dict[str, Record]] = {}
    for row in connection.execute(returns.order_by(gave.job_id, gave.number)):
        last.setdefault(row.job_id, {})[row.server_id] = row
    able = _able(connection, next(iter(doubtful.values())).need_id, now)
    found = {}
    for job_id, by_server in last.items():
        mine = by_server.get(server_id)
        if mine is None or mine.ended_at > now:  # the clock was set back since
            continue
        lately = {name for name, row in by_server.items() if row.ended_at > now - OTHERS_FIRST_SECONDS}
        until = float(mine.avoid_until)
        if able - lately - {server_id}:
            until = max(until, mine.ended_at + OTHERS_FIRST_SECONDS)
        if until > now:
            found[job_id] = until
    return found


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


def _able(connection: Connection, need_id: int, now: float) -> set[str]:
    """Return the servers that take jobs and can do those of a need."""
    able, taker = job_need_servers.c, job_takers.c
    query = select(able.server_id).join(job_takers, taker.server_id == able.server_id)
    return set(connection.scalars(query.where(able.need_id == need_id, taker.asked_at > now - _TAKER_SECONDS)))
