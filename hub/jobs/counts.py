"""How many jobs wait: in all, for a model, for a server. For pages that say so beside other things."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, literal, select

from ..clock import Clock
from ..database import Database, among
from ..schema import job_need_models, job_need_servers, job_needs, job_takers, jobs
from .facts import TAKING_SECONDS
from .job import PENDING, PROCESSING

MOST_WAITING = 1_000
"""Of the number that stands beside the navigation of every page."""


@dataclass(frozen=True)
class Load:
    """What a server has to do: jobs that it runs, and jobs that wait and that it could run.

    ``taking``: it asks for jobs now; ``ever``: it did at least once.
    """

    running: int = 0
    waiting: int = 0
    taking: bool = False
    ever: bool = False


class JobCounts:
    """Counts of the jobs of one hub."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def waiting(self) -> int:
        """Return how many jobs wait, ``MOST_WAITING`` at most."""
        some = select(literal(1)).where(jobs.c.state == PENDING).limit(MOST_WAITING).subquery()
        with self._database.read() as connection:
            return int(connection.scalar(select(func.count()).select_from(some)) or 0)

    def waiting_for(self, model_ids: Collection[int]) -> int:
        """Return how many jobs wait that any of these models would do for."""
        with self._database.read() as connection:
            needs = select(job_need_models.c.need_id).where(among(connection, job_need_models.c.model_id, model_ids))
            total = select(func.sum(job_needs.c.waiting)).where(job_needs.c.id.in_(needs))
            return int(connection.scalar(total) or 0)

    def by_server(self) -> dict[str, Load]:
        """Return what each server has to do; one that is not there has nothing."""
        waiting = (
            select(job_need_servers.c.server_id, func.sum(job_needs.c.waiting).label("count"))
            .join(job_needs, job_needs.c.id == job_need_servers.c.need_id)
            .group_by(job_need_servers.c.server_id)
        )
        running = (
            select(jobs.c.server_id, func.count().label("count"))
            .where(jobs.c.state == PROCESSING, jobs.c.server_id.is_not(None))
            .group_by(jobs.c.server_id)
        )
        with self._database.read() as connection:
            waits = {row.server_id: int(row[1]) for row in connection.execute(waiting)}
            runs = {row.server_id: int(row[1]) for row in connection.execute(running)}
            asked = {row.server_id: row.asked_at for row in connection.execute(select(job_takers))}
        lately = self._clock() - TAKING_SECONDS
        return {
            name: Load(
                runs.get(name, 0),
                waits.get(name, 0),
                name in runs or (name in asked and asked[name] >= lately),
                name in asked,
            )
            for name in {*waits, *runs, *asked}
        }
