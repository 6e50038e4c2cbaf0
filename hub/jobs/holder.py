"""Which job an id is of, and who has it now: the lease of its row, and nobody else."""

from sqlalchemy import ColumnElement

from .. import fields
from ..database import Record
from ..errors import ConflictError, ForbiddenError, NotFoundError
from ..keys import Caller
from ..schema import jobs
from ..trust.tokens import same

_ID_CHARACTERS = 36


def is_job(public_id: str) -> ColumnElement[bool]:
    """Return the condition that a job has this id, in upper or lower case.

    It is what stands in an address, so it may be anything: PostgreSQL takes no NUL even to compare with.
    """
    can_be_one = len(public_id) == _ID_CHARACTERS and public_id.isascii() and fields.is_clean(public_id)
    return jobs.c.public_id == (public_id.lower() if can_be_one else "")


def not_found(public_id: str) -> NotFoundError:
    """Return the error for a job that is not there (any more)."""
    return NotFoundError(f"there is no job {public_id[:60]!r} (any more)", code="job_not_found")


def check_lease(job: Record, lease: str, caller: Caller) -> None:
    """Refuse whoever does not have a job.

    Raises:
        ConflictError: the lease is not the job's now (``lease_lost``; ``details`` have the job's ``state``).
        ForbiddenError: the job was given to another server than this key's.
    """
    if job.lease is None or not same(job.lease, lease):
        raise ConflictError(
            f"this job is not yours now: it is {job.state}; stop running it and keep nothing of it",
            {"state": job.state},
            code="lease_lost",
        )
    if caller.server_id is not None and caller.server_id != job.server_id:
        raise ForbiddenError(f"this key belongs to the server {caller.server_id!r}, and the job to another")
