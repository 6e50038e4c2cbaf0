"""What changes every second of jobs that run: how far they are, and which preview is the last."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from ..database import Database, among
from ..schema import job_previews, jobs
from .job import PROCESSING


class Glimpses:
    """Looks at the running jobs of one hub, at the cost of one query."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, public_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return ``progress`` (0 to 1), its details, and ``preview_at`` of those of these jobs that run, by id."""
        if not public_ids:
            return {}
        joined = jobs.outerjoin(job_previews, job_previews.c.job_id == jobs.c.id)
        columns = (jobs.c.public_id, jobs.c.progress, jobs.c.progress_details, job_previews.c.at)
        with self._database.read() as connection:
            query = select(*columns).select_from(joined)
            rows = connection.execute(
                query.where(among(connection, jobs.c.public_id, public_ids), jobs.c.state == PROCESSING)
            ).all()
        return {row.public_id: _glimpse(row.progress, row.progress_details, row.at) for row in rows}


def _glimpse(progress: float, details: str | None, at: float | None) -> dict[str, Any]:
    said = json.loads(details) if details else {}
    told = {name: said.get(name) for name in ("phase", "step", "steps", "eta_seconds")}
    return {"progress": progress, **told, "preview_at": at}
