"""Can this hub work now? What ``/readyz`` answers, so that a load balancer sends it requests or does not."""

import logging
import shutil
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from .errors import OverloadedError
from .migrating import current_revision
from .services import Hub

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """Why a hub cannot work; ``check`` is what found it out."""

    check: str
    message: str


def problem_of(hub: Hub) -> Problem | None:
    """Return what keeps the hub from working, None where nothing does."""
    if hub.stopping.is_set():
        return Problem("stopping", "the hub is stopping")
    return _database_problem(hub) or _disk_problem(hub) or _jobs_problem(hub)


def _database_problem(hub: Hub) -> Problem | None:
    try:
        with hub.database.read() as connection:
            revision = current_revision(connection)
            if hub.database.is_sqlite:
                read_only = False
            else:  # a standby, or a server that somebody closed for writing
                read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
    except (OverloadedError, SQLAlchemyError):
        _log.exception("the database does not answer")
        return Problem("database", "the database does not answer")
    if revision != hub.migration:
        return Problem("migration", f"the database is at migration {revision}, this hub at {hub.migration}")
    return Problem("database", "the database takes no writes") if read_only else None


def _disk_problem(hub: Hub) -> Problem | None:
    folder = hub.settings.data_dir
    try:
        free_mb = shutil.disk_usage(folder).free // 1_000_000
    except FileNotFoundError:
        return None  # with PostgreSQL, a data folder is made only where there is something to put in it
    except OSError as error:
        return Problem("disk", f"the data folder {folder} cannot be looked at: {error.strerror}")
    if free_mb < hub.settings.ready_free_mb:
        return Problem("disk", f"the disk of {folder} has {free_mb} MB free, less than {hub.settings.ready_free_mb:g}")
    return None


def _jobs_problem(hub: Hub) -> Problem | None:
    dead = [job.name for job in hub.jobs if not job.is_alive]
    return Problem("jobs", f"these background jobs ended: {', '.join(dead)}") if dead else None
