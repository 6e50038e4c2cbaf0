"""How much the hub knew on each day: one sample a day, today's brought up to date now and then."""

import time
from typing import Any

from sqlalchemy import func, select

from .clock import Clock
from .database import Database
from .schema import growth, models, placements, servers

SAMPLE_EVERY_SECONDS = 3600.0


class Growth:
    """The samples; any number of processes may take them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def sample(self) -> bool:
        """Count what there is, unless somebody did within the hour; for ``Job``."""
        now = self._clock()
        today = day_of(now)
        fresh = now - SAMPLE_EVERY_SECONDS
        with self._database.read() as connection:
            at = connection.scalar(select(growth.c.at).where(growth.c.day == today))
            if at is not None and at > fresh:
                return False
            count, size = connection.execute(
                select(func.count(), func.coalesce(func.sum(placements.c.size_bytes), 0))
            ).one()
            row: dict[str, Any] = {
                "day": today,
                "at": now,
                "models": connection.scalar(select(func.count()).select_from(models)),
                "placements": count,
                "bytes": int(size),
                "servers": connection.scalar(select(func.count()).select_from(servers)),
            }
        statement = self._database.insert(growth).values(**row)
        again = statement.on_conflict_do_update(index_elements=["day"], set_=row, where=growth.c.at <= fresh)
        self._database.write(lambda connection: connection.execute(again))
        return False


def day_of(seconds: float) -> str:
    """Return the day (UTC) of a moment, such as ``2026-11-21``."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
