"""How it stands between this hub, all its processes, and a metadata service: is it asked, and when next.

One row in the database: a pause that one process was told of holds for all, and of several that find the service gone
one says so in the log.
"""

import logging
import random
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from ..clock import Clock
from ..database import Database
from ..schema import metadata_services
from .errors import CannotAskError, EnrichmentError

NAME = "civitai"
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3600.0
STUMBLE_PAUSE_SECONDS = 1.0
LONGEST_RETRY_AFTER_SECONDS = 86400.0
_RANDOM = random.SystemRandom()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """The row as it is; times in seconds since the epoch."""

    enabled: bool | None = None
    paused_until: float = 0.0
    failures: int = 0
    trouble: str | None = None
    trouble_since: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None
    last_answer_at: float | None = None


def pause_seconds(error: EnrichmentError, failures: int, draw: float | None = None) -> float:
    """Return how long to leave a service alone after so many failures in a row, the last of them ``error``.

    It doubles with every failure, of which at least half is waited for (so that hubs do not come back in step). What
    the service asks for in ``Retry-After`` comes first, up to a day: a clock gone wrong must not end all asking.
    """
    stumbled = not isinstance(error, CannotAskError)
    first = STUMBLE_PAUSE_SECONDS if stumbled else FIRST_PAUSE_SECONDS
    span = min(LONGEST_PAUSE_SECONDS, first * 2.0 ** min(failures - 1, 30))
    own = span * (0.5 + 0.5 * (_RANDOM.random() if draw is None else draw))
    asked = error.retry_after_seconds if isinstance(error, CannotAskError) else None
    if asked is None:
        return own
    return min(asked, LONGEST_RETRY_AFTER_SECONDS) + own - span * 0.5


class Standings:
    """The standing with one service, read and changed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def read(self, connection: Connection) -> Standing:
        """Return how it stands."""
        columns = [metadata_services.c[name] for name in Standing.__dataclass_fields__]
        row = connection.execute(select(*columns).where(metadata_services.c.name == NAME)).first()
        return Standing() if row is None else Standing(**row._mapping)

    def failed(self, error: EnrichmentError) -> None:
        """Note a failure and pause; the first that finds the service gone says so in the log."""
        message = str(error)[:500]

        def work(connection: Connection) -> tuple[bool, float]:
            now, before = self._clock(), self._locked(connection)
            pause = pause_seconds(error, before.failures + 1)
            values: dict[str, Any] = {
                "failures": before.failures + 1,
                "paused_until": max(before.paused_until, now + pause),
                "last_error": message,
                "last_error_at": now,
            }
            if isinstance(error, CannotAskError):
                values |= {"trouble": error.trouble, "trouble_since": before.trouble_since or now}
            self._set(connection, values)
            return isinstance(error, CannotAskError) and before.trouble is None, pause

        begins, pause = self._database.write(work)
        if begins:
            _log.warning(
                "models are not looked up for now: %s; tried again in %d s and then at longer intervals, silently",
                message,
                round(pause),
            )

    def answered(self) -> None:
        """Note that the service answers; the first that finds it back says so in the log."""

        def work(connection: Connection) -> Standing:
            now, before = self._clock(), self._locked(connection)
            values = {"failures": 0, "trouble": None, "trouble_since": None, "last_answer_at": now}
            if before.failures:
                values["paused_until"] = 0.0
            self._set(connection, values)
            return before

        before = self._database.write(work)
        if before.trouble is not None:
            _log.info("the metadata service answers again; models are looked up")

    def enable(self, enabled: bool | None) -> None:
        """Switch asking on or off for all processes; None leaves it to the settings."""

        def work(connection: Connection) -> None:
            self._locked(connection)
            self._set(connection, {"enabled": enabled})

        self._database.write(work)

    def resume(self, connection: Connection) -> None:
        """End a pause of our own making; one that the service asked for stays."""
        before = self._locked(connection)
        if before.trouble != "rate_limited":
            self._set(connection, {"paused_until": 0.0})

    def _locked(self, connection: Connection) -> Standing:
        """Return the row, made where it is missing, locked until the transaction ends."""
        made = self._database.insert(metadata_services).values(name=NAME, paused_until=0.0, failures=0)
        connection.execute(made.on_conflict_do_nothing())
        row = select(metadata_services.c.name).where(metadata_services.c.name == NAME)
        connection.execute(row.with_for_update())
        return self.read(connection)

    def _set(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(update(metadata_services).where(metadata_services.c.name == NAME).values(**values))
