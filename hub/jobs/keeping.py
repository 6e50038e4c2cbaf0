"""How long jobs and their images are kept: the images go first, by age and for room; the record of a job goes last.

Everything is done a batch at a time, oldest first. Of several processes one does it at a time; the others come back.
"""

import logging
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, null, select, update

from ..clock import Clock
from ..database import Database, among
from ..limits import MIB
from ..schema import job_image_parts, job_images, job_inputs, jobs

_log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
BATCH_BYTES = 64 * MIB
"""What one transaction deletes of images, so that no writer waits long for it."""
BATCH_ITEMS = 500
BATCH_JOBS = 200
GRACE_SECONDS = 3600.0
"""What was made this recently is not deleted for room: somebody is about to fetch it."""

_DAY_SECONDS = 86_400.0
_IS_KEPT = job_images.c.deleted_at.is_(None)
_ENDED = jobs.c.finished_at.is_not(None)
_inputs_of_ended = job_inputs.join(jobs, jobs.c.id == job_inputs.c.job_id)
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(0x514E, hashtext(coalesce(current_schema(), '')))"


@dataclass(frozen=True)
class Bounds:
    """For how long jobs and images are kept, and how many MiB of images."""

    jobs_days: float
    images_days: float
    images_mib: int


@dataclass(frozen=True)
class _Kept:
    """Something large that a job which ended has: image ``n``, or with None what it was given to begin with."""

    at: float
    job_id: int
    n: int | None
    size_bytes: int


class Keeping:
    """Sees to it that the jobs of one hub do not grow without end."""

    def __init__(self, database: Database, clock: Clock, bounds: Bounds) -> None:
        self._database = database
        self._clock = clock
        self._bounds = bounds

    def step(self) -> bool:
        """Do one batch of everything; return whether there is more. For ``background.Job``."""
        return self._database.write(self._batch)

    def _batch(self, connection: Connection) -> bool:
        if connection.dialect.name != "sqlite" and not connection.exec_driver_sql(_ONE_AT_A_TIME).scalar():
            return False
        now = self._clock()
        more_contents = self._delete_contents(connection, now)
        more_jobs = self._delete_jobs(connection, now)
        return more_contents or more_jobs

    def _delete_contents(self, connection: Connection, now: float) -> bool:
        too_old = now - self._bounds.images_days * _DAY_SECONDS
        surplus_bytes = _kept_bytes(connection) - self._bounds.images_mib * MIB
        before = max(too_old, now - GRACE_SECONDS) if surplus_bytes > 0 else too_old
        oldest = _oldest(connection, before)
        going = _chosen(oldest, too_old, surplus_bytes)
        for item in going:
            _delete_content(connection, item, now)
        if going:
            _log.info("deleted %d images of jobs, for their age or for room", len(going))
        return bool(going) and len(oldest) > len(going)

    def _delete_jobs(self, connection: Connection, now: float) -> bool:
        """Forget the oldest jobs that ended, once what is large of them is gone."""
        before = now - self._bounds.jobs_days * _DAY_SECONDS
        query = select(jobs.c.id).where(_ENDED, jobs.c.finished_at < before)
        oldest = list(connection.scalars(query.order_by(jobs.c.finished_at, jobs.c.id).limit(BATCH_JOBS)))
        if not oldest:
            return False
        has_images = exists().where(job_images.c.job_id == jobs.c.id, _IS_KEPT)
        gone = connection.execute(delete(jobs).where(among(connection, jobs.c.id, oldest), ~has_images)).rowcount
        if gone:
            _log.info("forgot %d jobs that ended long ago", gone)
        return gone > 0 and len(oldest) == BATCH_JOBS


def _kept_bytes(connection: Connection) -> int:
    images = select(func.coalesce(func.sum(job_images.c.size_bytes), 0)).where(_IS_KEPT)
    inputs = select(func.coalesce(func.sum(job_inputs.c.size_bytes), 0)).select_from(_inputs_of_ended)
    return int(connection.scalar(images) or 0) + int(connection.scalar(inputs.where(_ENDED)) or 0)


def _oldest(connection: Connection, before: float) -> list[_Kept]:
    """Return what is older than that of jobs that ended, the oldest first; a bounded number."""
    here = job_images.c
    images = (
        select(here.created_at, here.job_id, here.n, here.size_bytes)
        .join(jobs, jobs.c.id == here.job_id)
        .where(_IS_KEPT, here.created_at < before, _ENDED)
        .order_by(here.created_at)
        .limit(BATCH_ITEMS)
    )
    inputs = (
        select(jobs.c.finished_at, job_inputs.c.job_id, null(), job_inputs.c.size_bytes)
        .select_from(_inputs_of_ended)
        .where(_ENDED, jobs.c.finished_at < before, job_inputs.c.size_bytes > 0)
        .order_by(job_inputs.c.job_id)
        .limit(BATCH_ITEMS)
    )
    found = [_Kept(*row) for query in (images, inputs) for row in connection.execute(query)]
    return sorted(found, key=lambda item: item.at)


def _chosen(oldest: list[_Kept], too_old: float, surplus_bytes: int) -> list[_Kept]:
    """Return what goes in one batch: what is too old, and as much as there is too much."""
    going: list[_Kept] = []
    batch_bytes = 0
    for item in oldest:
        if (item.at >= too_old and surplus_bytes <= 0) or batch_bytes >= BATCH_BYTES:
            break
        going.append(item)
        batch_bytes += item.size_bytes
        surplus_bytes -= item.size_bytes
    return going


def _delete_content(connection: Connection, item: _Kept, now: float) -> None:
    if item.n is None:
        emptied = update(job_inputs).where(job_inputs.c.job_id == item.job_id)
        connection.execute(emptied.values(content=""))  # the row says that there was something
        return
    parts, image = job_image_parts.c, job_images.c
    connection.execute(delete(job_image_parts).where(parts.job_id == item.job_id, parts.n == item.n))
    that = update(job_images).where(image.job_id == item.job_id, image.n == item.n)
    connection.execute(that.values(deleted_at=now))
