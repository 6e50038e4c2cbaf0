"""Timing in rounds: what is compared takes turns, so that whatever else the machine does falls on all of it alike."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence

Clock = Callable[[], float]
Work = Callable[[], object]

CPU: Clock = time.process_time
"""CPU seconds of this process, all its threads: for work whose wall time would be the machine's noise."""
WALL: Clock = time.perf_counter
"""Wall seconds: for work that other processes or disks take part in."""


def seconds(work: Work, clock: Clock = CPU) -> float:
    """Return what one call takes."""
    started = clock()
    work()
    return clock() - started


def in_turn(works: Sequence[Work], rounds: int, clock: Clock = CPU, *, before: Work = gc.collect) -> list[list[float]]:
    """Return, for each work, its seconds in each round.

    The order changes from round to round. ``before`` is called before each work, and is not timed: usually it collects
    the garbage that the others left.
    """
    taken: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        shift = number % len(works)
        for index in [*range(shift, len(works)), *range(shift)]:
            before()
            taken[index].append(seconds(works[index], clock))
    return taken


def median_ratio(values: Sequence[float], yardstick: Sequence[float]) -> float:
    """Return the median over rounds of a value over the yardstick's of the same round."""
    return statistics.median(value / unit for value, unit in zip(values, yardstick, strict=True))
