"""How a job, and a server's attempt at it, ends."""

from typing import Any

from sqlalchemy import Connection, update

from ..database import Record
from ..schema import job_attempts, jobs
from . import images
from .job import COMPLETED
from .previews import drop_preview
from .telling import tell_job

HANDED_BACK = "handed_back"
LOST = "lost"


def end_attempt(connection: Connection, job_id: int, lease: str, now: float, outcome: str, reason: str | None) -> None:
    """Note how the attempt with this lease ended."""
    here = job_attempts.c
    mine = update(job_attempts).where(here.job_id == job_id, here.lease == lease, here.ended_at.is_(None))
    connection.execute(mine.values(ended_at=now, outcome=outcome, reason=reason))


def finish(
    connection: Connection,
    job: Record,
    state: str,
    now: float,
    *,
    outcome: str,
    reason: str | None = None,
    error: tuple[str, str] | None = None,
    **values: Any,
) -> None:
    """Let a locked job be done with: ``completed``, ``failed`` or ``cancelled``.

    One that waited has left its need afterwards (``Needs.leave``).

    Args:
        connection: The write transaction.
        job: Its row.
        state: What it becomes.
        now: By the hub's clock.
        outcome: Of the attempt that runs, if one does.
        reason: Of the same, in words.
        error: Code and message of what failed.
        values: Other columns.
    """
    if job.lease is not None:
        end_attempt(connection, job.id, job.lease, now, outcome, reason)
    code, message = error or (None, None)
    done: dict[str, Any] = {
        "state": state,
        "need_id": None,
        "lease": None,
        "lease_until": None,
        "finished_at": now,
        "updated_at": now,
        "error_code": code,
        "error_message": message,
        "progress_details": None,
    }
    connection.execute(update(jobs).where(jobs.c.id == job.id).values(**{**done, **values}))
    drop_preview(connection, job.id)
    if state != COMPLETED:
        images.drop(connection, job.id)
    tell_job(connection, job.public_id, state, job.server_id, **({"error": code} if code else {}))
