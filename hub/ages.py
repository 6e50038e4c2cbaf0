"""How a server's silence is called: ``present``, ``stale`` or ``offline``. Pure functions of the hub's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

PRESENT = "present"
STALE = "stale"
OFFLINE = "offline"
STATES = (PRESENT, STALE, OFFLINE)
"""Best first."""


@dataclass(frozen=True)
class Ages:
    """After how much silence a server is called stale, and offline."""

    stale_after_seconds: float
    offline_after_seconds: float

    def state(self, last_seen: float | None, now: float) -> str:
        """Return a server's state; both times in seconds since the epoch, by the hub's clock.

        A ``last_seen`` in the future (the hub was restarted with its clock set back) counts as now. A server that
        was never seen is offline.
        """
        if last_seen is None or now - last_seen > self.offline_after_seconds:
            return OFFLINE
        return STALE if now - last_seen > self.stale_after_seconds else PRESENT

    def is_live(self, last_seen: float | None, now: float) -> bool:
        """Say whether an agent that was seen then still holds its server."""
        return self.state(last_seen, now) == PRESENT


def worse(first: str, second: str) -> str:
    """Return the worse of two states."""
    return max(first, second, key=STATES.index)


@lru_cache(maxsize=4096)
def iso_time(seconds: float | None) -> str | None:
    """Write seconds since the epoch as ISO 8601 in UTC with milliseconds, as StableQueue does.

    Kept, because a batch of answers says three thousand times when a hundred servers were seen.
    """
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> float:
    """Return seconds since the epoch of a date, or of a date and time, in ISO 8601.

    A date alone is the end of that day; without a zone it is UTC.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in {"Z", "z"} else text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    if len(text) <= len("2026-12-31"):
        moment += timedelta(days=1)
    return moment.timestamp()
