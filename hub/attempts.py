"""How often somebody without a key may try: so often from one address, so often from all of them together."""

import ipaddress
import logging
import threading
from collections import deque

from .clock import Clock
from .errors import RateLimitedError

_log = logging.getLogger(__name__)
WINDOW_SECONDS = 60.0
PER_ADDRESS = 10
IN_TOTAL = 100
"""At this rate the ten minutes of a pairing code are enough for a thousand of its 10**12 values."""


class Attempts:
    """Counts what came in the last minute; remembers no more than ``in_total`` attempts, whoever makes them.

    Attempts that are refused do not count: one address alone cannot use up what is left for the others.
    """

    def __init__(self, clock: Clock, per_address: int = PER_ADDRESS, in_total: int = IN_TOTAL) -> None:
        self._clock = clock
        self._per_address = per_address
        self._in_total = in_total
        self._made: deque[tuple[float, str]] = deque()
        self._told_at = float("-inf")
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """Count one attempt from this address.

        Raises:
            RateLimitedError: there were too many; it says when the next one is taken.
        """
        who = source(address)
        with self._lock:
            now = self._clock()
            while self._made and self._made[0][0] <= now - WINDOW_SECONDS:
                self._made.popleft()
            theirs = [moment for moment, one in self._made if one == who]
            if len(theirs) >= self._per_address:
                raise self._refusal(theirs[0], now, who)
            if len(self._made) >= self._in_total:
                raise self._refusal(self._made[0][0], now, who)
            self._made.append((now, who))

    def _refusal(self, oldest: float, now: float, who: str) -> RateLimitedError:
        if now >= self._told_at + WINDOW_SECONDS:  # a line a minute: who floods the hub shall not flood its log
            self._told_at = now
            _log.warning("too many attempts, the last from %s", who)
        seconds = int(oldest + WINDOW_SECONDS - now) + 1
        return RateLimitedError(f"too many attempts; try again in {seconds} seconds", retry_after_seconds=seconds)


def source(address: str) -> str:
    """Return whom an address stands for: an IPv6 network of 64 bits is one customer's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
