"""How running hashes are paused, slowed down, called off and followed: ``HashControl``.

One ``HashControl`` governs a whole pool; ``for_file`` gives the part of it that belongs to one file. All methods may be
called from any thread.
"""

import math
import threading
import time
from collections.abc import Callable

from .errors import HashingCancelledError

MIB = 1 << 20
CREDIT_SECONDS = 0.25
"""How much unused time a throttle may catch up on: evens out late wake-ups, is too short to be felt as a burst."""


class TokenBucket:
    """The arithmetic of a throttle; its caller brings the lock and a monotonic clock (seconds).

    Bytes are charged after they were read, so that a file smaller than a read costs what it has: what was charged
    beyond the rate is a debt, and whoever comes next waits it out.
    """

    def __init__(self, bytes_per_second: float | None, now: float) -> None:
        self._rate = bytes_per_second
        self._debt_bytes = 0.0
        self._settled_at = now

    @property
    def bytes_per_second(self) -> float | None:
        """The rate, or None where there is no limit."""
        return self._rate

    def set_rate(self, bytes_per_second: float | None, now: float) -> None:
        """Change the rate from now on; a debt stays a debt in bytes, and is waived where the limit goes."""
        self._settle(now)
        self._rate = bytes_per_second
        if bytes_per_second is None:
            self._debt_bytes = 0.0

    def spend(self, size_bytes: int, now: float) -> None:
        """Charge bytes that were read."""
        self._settle(now)
        if self._rate is not None:
            self._debt_bytes += size_bytes

    def delay_seconds(self, now: float) -> float:
        """Return how long to wait before the next read."""
        self._settle(now)
        return max(0.0, self._debt_bytes / self._rate) if self._rate else 0.0

    def _settle(self, now: float) -> None:
        if self._rate is not None:
            paid = self._debt_bytes - (now - self._settled_at) * self._rate
            self._debt_bytes = max(paid, -CREDIT_SECONDS * self._rate)
        self._settled_at = now


class HashControl:
    """Pauses, throttles, cancels and follows hashing.

    Args:
        mib_per_second: the limit that all who share this control keep to together; None for none.
        on_progress: called with the number of bytes read since its last call, from the thread that reads, every few
            MiB and at the end of each file. It should be quick and must not raise.
    """

    def __init__(
        self, *, mib_per_second: float | None = None, on_progress: Callable[[int], None] | None = None
    ) -> None:
        self._parent: HashControl | None = None
        self._condition = threading.Condition()
        self._bucket = TokenBucket(_bytes_per_second(mib_per_second), time.monotonic())
        self._on_progress = on_progress
        self._paused = False
        self._cancelled = False

    def for_file(self, on_progress: Callable[[int], None] | None = None) -> "HashControl":
        """Return a control for one file: it obeys this one as well, shares its rate, and reports to both."""
        child = HashControl(on_progress=on_progress)
        child._parent = self
        child._condition = self._condition
        child._bucket = self._bucket
        return child

    def pause(self) -> None:
        """Halt reading within one read of some 100 KiB; files stay open."""
        with self._condition:
            self._paused = True

    def resume(self) -> None:
        """Go on after ``pause``. A file that changed in the meantime is noticed before it is read on."""
        with self._condition:
            self._paused = False
            self._condition.notify_all()

    def cancel(self) -> None:
        """Call the work off, for good: paused or throttled readers end at once with ``HashingCancelledError``."""
        with self._condition:
            self._cancelled = True
            self._condition.notify_all()

    def set_rate(self, mib_per_second: float | None) -> None:
        """Change the limit in MiB per second, for all who share it, from now on; None lifts it.

        Raises:
            ValueError: the limit is not above zero, or endless.
        """
        rate = _bytes_per_second(mib_per_second)
        with self._condition:
            self._bucket.set_rate(rate, time.monotonic())
            self._condition.notify_all()

    @property
    def paused(self) -> bool:
        """Whether this control, or the one it was made from, is paused."""
        return self._paused or (self._parent is not None and self._parent.paused)

    @property
    def cancelled(self) -> bool:
        """Whether this control, or the one it was made from, was cancelled."""
        return self._cancelled or (self._parent is not None and self._parent.cancelled)

    @property
    def throttled(self) -> bool:
        """Whether a limit is set: then every single read is reported."""
        return self._bucket.bytes_per_second is not None

    def admit(self) -> bool:
        """Wait until the next read may start; return whether a pause came before it.

        Raises:
            HashingCancelledError: the work was called off.
        """
        if not (self.cancelled or self.paused or self.throttled):
            return False
        was_paused = False
        with self._condition:
            while not self.cancelled:
                if self.paused:
                    was_paused = True
                    self._condition.wait()
                    continue
                delay = self._bucket.delay_seconds(time.monotonic())
                if not delay:
                    return was_paused
                self._condition.wait(delay)
        raise HashingCancelledError("hashing was cancelled")

    def report(self, size_bytes: int) -> None:
        """Charge and announce bytes that were read."""
        if self.throttled:
            with self._condition:
                self._bucket.spend(size_bytes, time.monotonic())
        self._announce(size_bytes)

    def _announce(self, size_bytes: int) -> None:
        if self._on_progress is not None:
            self._on_progress(size_bytes)
        if self._parent is not None:
            self._parent._announce(size_bytes)


def _bytes_per_second(mib_per_second: float | None) -> float | None:
    if mib_per_second is None:
        return None
    if not 0 < mib_per_second < math.inf:
        raise ValueError(f"the limit must be above 0 MiB per second, not {mib_per_second!r}; None means no limit")
    return mib_per_second * MIB
