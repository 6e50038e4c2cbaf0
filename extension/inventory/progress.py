"""How far the hashing is: files, bytes, rate and time left, for a person who waits."""

import math
import threading
from collections import deque
from dataclasses import dataclass

PAUSE_SECONDS = 5.0
"""Work that comes within this time of the last belongs to the same campaign."""
WINDOW_SECONDS = 15.0
"""The rate is that of the last so many seconds, so that it follows a change of disk or throttle."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at the work: ``seconds`` since it began (until its end), ``rate`` in bytes per second, ``eta_seconds``
    None while there is no rate yet.

    ``current`` maps the paths being read to (bytes read, size).
    """

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    seconds: float
    rate: float
    eta_seconds: float | None
    current: dict[str, tuple[int, int]]

    @property
    def finished(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.files_done >= self.files_total


class Meter:
    """Counts the work of one campaign: from the first file that is queued until nothing has come for some seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files_done = self._files_total = self._bytes_done = self._bytes_total = 0
        self._current: dict[str, tuple[int, int]] = {}
        self._marks: deque[tuple[float, int]] = deque()
        self._began_at = self._ended_at = -math.inf
        self.bytes_read_ever = 0

    def queued(self, size_bytes: int, monotonic: float) -> None:
        """Count a file that is to be read; one that comes well after the end of a campaign begins a new one."""
        with self._lock:
            if self._files_done >= self._files_total and monotonic - self._ended_at > PAUSE_SECONDS:
                self._files_done = self._files_total = self._bytes_done = self._bytes_total = 0
                self._marks.clear()
                self._began_at = monotonic
            self._files_total += 1
            self._bytes_total += size_bytes

    def began(self, path: str, size_bytes: int, monotonic: float) -> None:
        """Note that a file is being read now."""
        with self._lock:
            self._current[path] = (0, size_bytes)
            if not self._marks:
                self._marks.append((monotonic, self._bytes_done))

    def read(self, path: str | None, count: int, monotonic: float) -> None:
        """Count bytes that were read of a file; None: of one that belongs to no campaign."""
        with self._lock:
            self.bytes_read_ever += count
            if path is None:
                return
            done, size = self._current.get(path, (0, 0))
            self._current[path] = (done + count, size)
            self._bytes_done += count
            if not self._marks or monotonic - self._marks[-1][0] >= 0.2:
                self._marks.append((monotonic, self._bytes_done))
            while self._marks and monotonic - self._marks[0][0] > WINDOW_SECONDS and len(self._marks) > 2:
                self._marks.popleft()

    def ended(self, path: str, size_bytes: int, monotonic: float) -> None:
        """Note that a file is done or given up; what was not read of it counts as done."""
        with self._lock:
            self._ended_at = monotonic
            done, _ = self._current.pop(path, (0, 0))
            self._bytes_done += size_bytes - done
            self._files_done += 1

    def dropped(self, size_bytes: int) -> None:
        """Take back a file that was queued and needs no reading after all."""
        with self._lock:
            self._files_total -= 1
            self._bytes_total -= size_bytes

    def look(self, monotonic: float) -> Progress:
        """Return the state of things now."""
        with self._lock:
            rate = 0.0
            if self._marks:
                since, bytes_then = self._marks[0]
                rate = max(0, self._bytes_done - bytes_then) / max(monotonic - since, 0.2)
            left = self._bytes_total - self._bytes_done
            eta = left / rate if rate > 0 else (0.0 if left <= 0 else None)
            finished = self._files_done >= self._files_total
            seconds = (
                max(0.0, (self._ended_at if finished else monotonic) - self._began_at) if self._files_total else 0.0
            )
            return Progress(
                self._files_done, self._files_total, self._bytes_done, self._bytes_total, seconds, rate, eta,
                dict(self._current),
            )  # fmt: skip
