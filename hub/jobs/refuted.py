"""Jobs whose model never was: only claimed, by a cache or a sidecar, until an agent read the file and found another.

Who asked by name meant the file. What is asked for is looked up again, and a job of which it means something else now
waits anew without a need, for ``waking`` to resolve. What still means the same (somebody asked for that very hash)
stays; so does a model of which the file went before it was read: it was there.
"""

from sqlalchemy import exists, select

from ..database import Database, among
from ..schema import IS_PENDING, job_need_models, job_needs, job_requirements, jobs, models, past_placements, placements
from ..search import Indexing
from .job import RESOLVED
from .queue import Queue
from .resolving import Resolver, asking_again

_ROWS_AT_ONCE = 500


class Refuted:
    """Looks for such jobs of one hub."""

    def __init__(self, database: Database, resolver: Resolver, queue: Queue, indexing: Indexing) -> None:
        self._database = database
        self._resolver = resolver
        self._queue = queue
        self._indexing = indexing

    def release(self) -> None:
        """Let the jobs that ask for what never was wait to be resolved; cheap where there is none."""
        gone, after = self._gone(), -1
        if gone:
            self._indexing.refresh()  # learns the name of the file that is there instead
        while gone:
            with self._database.read() as connection:
                needed = job_requirements.c
                asked = select(job_requirements, jobs.c.target_server_id).join(jobs, jobs.c.id == needed.job_id)
                asked = asked.where(among(connection, needed.model_id, gone), needed.resolution == RESOLVED)
                asked = asked.where(IS_PENDING, jobs.c.need_id.is_not(None), needed.job_id > after)
                rows = connection.execute(asked.order_by(needed.job_id, needed.slot).limit(_ROWS_AT_ONCE)).all()
                meant = self._resolver.resolve(connection, [asking_again(row) for row in rows])
            for row, meaning in zip(rows, meant, strict=True):
                if meaning.resolution != RESOLVED or not gone.issuperset(meaning.models):
                    self._queue.unresolve(row.job_id, row.slot)
            if len(rows) < _ROWS_AT_ONCE:
                return
            after = rows[-1].job_id

    def _gone(self) -> set[int]:
        """Return the models that jobs wait for and that nobody read, has, had, registered or imported."""
        waits = (
            select(job_needs.c.id)
            .join(job_need_models, job_need_models.c.need_id == job_needs.c.id)
            .where(job_need_models.c.model_id == models.c.id, job_needs.c.waiting > 0)
        )
        query = select(models.c.id).where(
            models.c.id.in_(select(job_need_models.c.model_id)),  # an index alone is read to find that there is none
            ~models.c.verified,
            models.c.registered_at.is_(None),
            models.c.imported_at.is_(None),
            ~exists().where(placements.c.model_id == models.c.id),
            ~exists().where(past_placements.c.model_id == models.c.id),
            exists(waits),
        )
        with self._database.read() as connection:
            return set(connection.scalars(query))
