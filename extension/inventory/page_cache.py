"""Hashing 2 TB must not push out of memory what the web UI keeps there: ``PageCacheGuest`` gives pages back.

Only Linux has the calls (``posix_fadvise``, and ``preadv2`` with ``RWF_NOWAIT`` to ask without waiting); elsewhere
nothing is done, and Windows is told by a flag at opening that the file is read once.
"""

import contextlib
import os
import sys

WINDOW_BYTES = 64 << 20
"""Pages are given back in windows of this length; one window is the most that a worker holds."""


class PageCacheGuest:
    """Gives back the pages that reading a file from start to end brought into memory, and no others.

    What was cached before belongs to somebody else (a web UI that switches between two checkpoints lives off it). So
    before a window is read, the page in its middle is asked for: where it is in memory already, the window is left
    alone. The middle is out of reach of the kernel's read-ahead and of samples taken at a file's ends. It is a guess
    for a window that is cached in part; and where the file system cannot be asked (network and FUSE ones), all counts
    as cold.
    """

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self._size_bytes = size_bytes
        self._cold_from: int | None = None
        self.next_window = 0
        """Call ``read_up_to`` once reading has reached this offset."""
        expect_sequential_reads(descriptor)
        self.read_up_to(0)

    def read_up_to(self, offset: int) -> None:
        """Give back what was read of cold windows, and look at the window that begins at ``offset``."""
        self.finish(offset)
        self.next_window = offset + WINDOW_BYTES
        middle = (offset + min(self.next_window, self._size_bytes)) // 2
        if offset >= self._size_bytes or is_cached(self._descriptor, middle):
            self._cold_from = None
        elif self._cold_from is None:
            self._cold_from = offset

    def finish(self, offset: int) -> None:
        """Give back the rest; ``offset`` is where reading ended."""
        # From the start of the cold run each time: the kernel keeps a large folio that a range covers only in part.
        if self._cold_from is not None and offset > self._cold_from:
            give_back(self._descriptor, self._cold_from, offset - self._cold_from)


if sys.platform == "linux":

    def expect_sequential_reads(descriptor: int) -> None:
        """Let the kernel read further ahead in this open file."""
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def give_back(descriptor: int, offset: int, size_bytes: int) -> None:
        """Let the kernel drop these clean pages, but for those that a process has mapped."""
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, offset, size_bytes, os.POSIX_FADV_DONTNEED)

    def is_cached(descriptor: int, offset: int) -> bool:
        """Return whether the page at an offset is in memory; False where the file system cannot tell.

        Asking for a page that is not in memory makes the kernel fetch this one page.
        """
        try:
            return os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
        except OSError:  # BlockingIOError: it is not; anything else: not supported here
            return False

else:

    def expect_sequential_reads(descriptor: int) -> None:
        """Nothing to say to this system."""

    def give_back(descriptor: int, offset: int, size_bytes: int) -> None:
        """Nothing to say to this system."""

    def is_cached(descriptor: int, offset: int) -> bool:
        """Return False: this system cannot be asked."""
        return False
