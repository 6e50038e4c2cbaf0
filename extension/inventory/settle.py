"""When a file that was found may be read: its writer has left it alone for the settle time.

The age of its mtime tells that at once for old files. A clock that jumped, or a file server whose clock is ahead, makes
that age useless (negative, or small for ever); then it is enough to have watched the file stand still for the settle
time by our own monotonic clock.
"""

from collections.abc import Hashable

from .scan import FileStat

LOCAL_SECONDS = 2.0
NETWORK_SECONDS = 10.0

EMPTY = "it is empty"
DOWNLOADING = "a download of it is under way (an .aria2 file stands beside it)"
SETTLING = "it was written to just now; it is read once it has been left alone"
"""Why a file is not read yet, for a person."""


class Settling:
    """Remembers since when each unsettled file was seen with its present stat."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[int, int, float]] = {}

    def wait_seconds(
        self, key: Hashable, found: FileStat, settle_seconds: float, *, wall_ns: int, monotonic: float
    ) -> float:
        """Return for how many seconds the file must still be left alone; 0.0: it may be read now.

        Args:
            key: names the file from one call to the next.
            found: its stat now.
            settle_seconds: how long it must have been untouched.
            wall_ns: the wall clock, in nanoseconds since the epoch.
            monotonic: a clock that never jumps, in seconds.
        """
        age = (wall_ns - found.mtime_ns) / 1e9
        if age >= settle_seconds:
            self._seen.pop(key, None)
            return 0.0
        size, mtime_ns, since = self._seen.get(key, (-1, -1, monotonic))
        if (size, mtime_ns) != (found.size, found.mtime_ns):
            since = monotonic
            self._seen[key] = (found.size, found.mtime_ns, since)
        watched = settle_seconds - (monotonic - since)
        wait = watched if age < 0 else min(watched, settle_seconds - age)
        if wait <= 0:
            self._seen.pop(key, None)
            return 0.0
        return wait

    def forget(self, key: Hashable) -> None:
        """Drop a file that is not waited for any more."""
        self._seen.pop(key, None)
