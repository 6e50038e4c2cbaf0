"""The lists of checkpoints and of LoRAs that StableQueue's clients choose from: what some server has."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import exists, select

from .. import effective
from ..availability import SUMMARY, Availability, summary
from ..database import Database, among
from ..schema import models, placements
from .shapes import resource


class Resources:
    """Models by type, as StableQueue lists them."""

    def __init__(self, database: Database, availability: Availability) -> None:
        self._database = database
        self._availability = availability

    def listed(self, types: Collection[str], after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return models of these types that some server has, oldest first, and the id to go on after, if there is more.

        ``after`` is the id of the last model of the page before, 0 at first.
        """
        anywhere = exists().where(placements.c.model_id == models.c.id)
        query = select(*SUMMARY).where(models.c.id > after, anywhere)
        with self._database.read() as connection:
            narrowed = query.where(among(connection, effective.TYPE, types)).order_by(models.c.id)
            rows = list(connection.execute(narrowed.limit(limit + 1)))
            page = rows[:limit]
            states = self._availability.of_models(connection, page)
        listed = [resource({**summary(row), **states[row.id]}) for row in page]
        return listed, page[-1].id if len(rows) > limit else None
