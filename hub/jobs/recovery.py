"""What a hub's start, and a server's removal, mean for jobs."""

from sqlalchemy import Connection, delete, update

from ..schema import IS_PROCESSING, job_changes, job_need_servers, job_takers, jobs
from .changes import DISTRUST_SECONDS
from .reports import LONGEST_WAIT_SECONDS


def forget_the_future(connection: Connection, now: float, lease_seconds: float) -> None:
    """Let nothing last longer than it may from now on: the machine's clock was set back since it was written."""
    latest = now + lease_seconds
    out = update(jobs).where(IS_PROCESSING, jobs.c.lease_until > latest)
    connection.execute(out.values(lease_until=latest))
    doubted = update(job_changes).where(job_changes.c.not_before > now + DISTRUST_SECONDS)
    connection.execute(doubted.values(not_before=now))
    waits = update(job_takers).where(job_takers.c.waits_until > now + LONGEST_WAIT_SECONDS)
    connection.execute(waits.values(waits_until=now))


def forget_server(connection: Connection, server_id: str) -> None:
    """Let a server that is removed do nothing more: what it runs is taken back, within seconds, as if it were dead."""
    connection.execute(delete(job_need_servers).where(job_need_servers.c.server_id == server_id))
    connection.execute(delete(job_changes).where(job_changes.c.server_id == server_id))
    runs = update(jobs).where(IS_PROCESSING, jobs.c.server_id == server_id)
    connection.execute(runs.values(lease_until=0.0))
