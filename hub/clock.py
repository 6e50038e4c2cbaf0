"""The hub's clock: wall time that no jump of the machine's clock can move."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since the epoch."""


def steady_seconds() -> float:
    """Return seconds that only ever grow, time asleep included.

    ``time.monotonic`` counts a suspended machine's time on Windows and macOS; Linux has a clock of its own for that.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def hub_clock(wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady_seconds) -> Clock:
    """Return a clock that is set by the wall clock once and then runs steadily.

    So a clock that is put right, or wrong, while the hub runs makes no server older or younger.
    """
    offset = wall() - steady()
    return lambda: offset + steady()
