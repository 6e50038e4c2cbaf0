"""How many requests one caller may make: so many at once, and as many again in the course of each minute.

The library ``limits`` does not do here: its storage counts by the machine's clock, which may jump, forgets nothing
that an attacker makes it remember until its timer comes by, and starts a thread for that.

One number per caller is remembered: the moment at which all that it used will have come back (the "generic cell rate
algorithm"). Guesses at one-time codes are counted by ``attempts`` instead, which lets no more through in any minute.
"""

import logging
import threading
from collections import OrderedDict

from ..clock import Clock
from ..errors import RateLimitedError

_MINUTE_SECONDS = 60.0
_REMEMBERED = 10_000
_log = logging.getLogger(__name__)


class Rate:
    """The rate of one kind of request. Remembers ``remembered`` callers at most, those that came last."""

    def __init__(self, clock: Clock, what: str, per_minute: int, remembered: int = _REMEMBERED) -> None:
        """Make one.

        Args:
            clock: Seconds that no jump of the machine's clock moves.
            what: What is counted, for the message: "requests with this key".
            per_minute: How many are taken; 0 for any number.
            remembered: Of how many callers.
        """
        self._clock = clock
        self._what = what
        self._per_minute = per_minute
        self._remembered = remembered
        self._restored_at: OrderedDict[str, float] = OrderedDict()
        self._told_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str) -> None:
        """Count one request. One that is refused does not count.

        Raises:
            RateLimitedError: there were too many; it says when the next one is taken.
        """
        if not self._per_minute:
            return
        share_seconds = _MINUTE_SECONDS / self._per_minute
        with self._lock:
            now = self._clock()
            before = self._restored_at.get(caller, now)
            if before - now > _MINUTE_SECONDS:  # more than anybody can use: the clock went back
                before = now
            restored_at = max(before, now) + share_seconds
            wait_seconds = restored_at - now - _MINUTE_SECONDS
            if wait_seconds <= 1e-6:
                self._remember(self._restored_at, caller, restored_at)
                return
            is_news = now - self._told_at.get(caller, -_MINUTE_SECONDS) >= _MINUTE_SECONDS
            if is_news:
                self._remember(self._told_at, caller, now)
        if is_news:  # a line a minute: who floods the hub shall not flood its log
            _log.warning("%s: too many %s, more than %d a minute", caller, self._what, self._per_minute)
        seconds = int(wait_seconds) + 1
        raise RateLimitedError(
            f"too many {self._what}: {self._per_minute} a minute are taken; try again in {seconds} seconds",
            retry_after_seconds=seconds,
        )

    def _remember(self, moments: "OrderedDict[str, float]", caller: str, moment: float) -> None:
        moments[caller] = moment
        moments.move_to_end(caller)
        if len(moments) > self._remembered:
            moments.popitem(last=False)
