"""When to ask again, and how long to wait before.

urllib3's ``Retry`` does not do here. It waits in ``time.sleep``, so that a stopping agent would hang for as long as a
hub says in ``Retry-After``. Its jitter is added to the exponential pause rather than drawn over the whole of it, so
that a fleet comes back in step. And it is done before the body is read, where half an answer shows.
"""

import email.utils
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from .errors import HubError, RefusedError, StoppedError

_RANDOM = random.SystemRandom()
"""Of the operating system: 200 agents that were cloned from one image draw different pauses."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is sent at most, and the bounds of the pauses between, in seconds.

    The pause before attempt n + 1 is drawn evenly between 0 and ``base_seconds * 2 ** (n - 1)``, at most
    ``longest_seconds`` (full jitter). A hub's ``Retry-After`` comes on top of it, in place of nothing: we never come
    back earlier than asked. One above ``longest_retry_after_seconds`` is not waited for but left to the caller, who
    finds it in the error.
    """

    attempts: int = 3
    base_seconds: float = 0.5
    longest_seconds: float = 8.0
    longest_retry_after_seconds: float = 30.0

    def pause_seconds(self, error: HubError, failures: int, draw: float | None = None) -> float | None:
        """Return how long to wait after so many failures, the last of them ``error``; None to give up.

        ``draw`` is the jitter between 0 and 1, random by default.
        """
        if failures >= self.attempts or not error.transient:
            return None
        asked = error.retry_after_seconds if isinstance(error, RefusedError) else None
        if asked is not None and asked > self.longest_retry_after_seconds:
            return None
        span = min(self.longest_seconds, self.base_seconds * 2.0 ** min(failures - 1, 30))
        return (asked or 0.0) + span * (_RANDOM.random() if draw is None else draw)


NO_RETRY = RetryPolicy(attempts=1)


def pause(seconds: float, stop: threading.Event | None, hub: str) -> None:
    """Wait before the next attempt.

    Raises:
        StoppedError: the stop event was set before the time was over.
    """
    if (stop or threading.Event()).wait(seconds):
        raise StoppedError(f"stopped waiting for the hub at {hub}, as asked")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``, as seconds or as an HTTP date (RFC 9110, 10.2.3); None where there is none to be read.

    A date is compared with the answer's own ``Date``, where it has one: the two clocks may differ.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
