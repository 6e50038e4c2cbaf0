"""When a file that was found may be read: its writer has left it alone for the settle time.

The age of its mtime tells that at once for old files. A clock that jumped, or a file server whose clock is ahead, makes
that age useless (negative, or small for ever); then it is enough to have watched the file stand still for the settle
time by our own monotonic clock.
"""

from collections.abc import Callable, Hashable, Iterator

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


Key = tuple[str, str]
"""A root's path, and a file's relative to it."""


class Waiting:
    """The files that are to be looked at again, and when. Its caller holds the lock."""

    def __init__(self, clock_ns: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._clock_ns = clock_ns
        self._monotonic = monotonic
        self._settling = Settling()
        self._due: dict[Key, float] = {}

    def must_wait(self, key: Key, found: FileStat, settle_seconds: float) -> bool:
        """Tell whether a file must be left alone for longer; if so, it is looked at again when that is over."""
        now = self._monotonic()
        wait = self._settling.wait_seconds(key, found, settle_seconds, wall_ns=self._clock_ns(), monotonic=now)
        if found.busy:
            wait = max(wait, settle_seconds)
        if wait > 0:
            self._due[key] = now + wait
            return True
        self._due.pop(key, None)
        return False

    def again(self, key: Key, seconds: float) -> None:
        """Have a file looked at after some seconds, whatever its age."""
        self._due[key] = self._monotonic() + seconds

    def take_due(self) -> list[Key]:
        """Return the files whose time has come, and wait for them no longer."""
        now = self._monotonic()
        ripe = [key for key, at in self._due.items() if at <= now]
        for key in ripe:
            del self._due[key]
        return ripe

    def next_due(self) -> float | None:
        """Return the monotonic time at which the next file is to be looked at, or None."""
        return min(self._due.values(), default=None)

    def __iter__(self) -> Iterator[Key]:
        """Iterate over all files that are waited for."""
        return iter(self._due)

    def forget(self, key: Key) -> None:
        """Wait no longer for a file."""
        self._due.pop(key, None)
        self._settling.forget(key)
