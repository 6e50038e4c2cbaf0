"""How much room is left where the models lie.

A thread of its own measures: a network disk that hangs, hangs it alone.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

EVERY_SECONDS = 60.0
AGAIN_SECONDS = 0.5
"""While there is nothing to measure: before the first look over the folders no root is known."""
STEP_BYTES = 1 << 28
"""Room is told in steps of 256 MiB: what else writes to a disk is no news to a hub."""


@dataclass(frozen=True)
class DiskSpace:
    """A file system: the labels of the roots on it, and its free and whole size in bytes."""

    roots: tuple[str, ...]
    free_bytes: int
    total_bytes: int


def measure(roots: Iterable[tuple[str, str]]) -> tuple[DiskSpace, ...]:
    """Return the file systems of roots (label, path); a root that is away is on none."""
    found: dict[int, tuple[list[str], int, int]] = {}
    for label, path in roots:
        try:
            device, usage = os.stat(path).st_dev, shutil.disk_usage(path)
        except OSError:
            continue
        if usage.total > 0:
            found.setdefault(device, ([], usage.free - usage.free % STEP_BYTES, usage.total))[0].append(label)
    return tuple(DiskSpace(tuple(labels), free, total) for labels, free, total in found.values())


class DiskSpaces:
    """The last measurement of these roots; ``run`` renews it until told to stop."""

    def __init__(self, roots: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._roots = roots
        self.last: tuple[DiskSpace, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Measure now and every so often."""
        while not stop.is_set():
            self.last = measure(self._roots())
            stop.wait(EVERY_SECONDS if self.last else AGAIN_SECONDS)
