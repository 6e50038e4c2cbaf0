"""One agent per server on one machine: a lock file that the operating system frees when the process ends."""

import errno
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from .paths import PRIVATE_FILE_MODE

PROBE_SECONDS = 0.5
"""Whoever asks whether a lock is held holds it for a moment; that is waited out for so long."""

_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
"""What ``flock`` and ``msvcrt.locking`` say of a lock that somebody else has; all else is a fault of the disk."""

_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class AlreadyRunningError(Exception):
    """Another process holds the lock."""


class FileLock:
    """An exclusive lock on a file; held until ``release``, or until the process dies in whatever way."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunningError: another process holds it.
            OSError: the file cannot be made, or its file system has no locks.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._file: BinaryIO | None = os.fdopen(os.open(path, _OPEN_FLAGS, PRIVATE_FILE_MODE), "rb+")
        try:
            self._take(self._file)
        except BaseException:
            self.release()
            raise

    def _take(self, file: BinaryIO) -> None:
        give_up_at = time.monotonic() + PROBE_SECONDS
        while True:
            try:
                _lock(file)
                return
            except OSError as error:
                if error.errno not in _HELD:
                    raise
                if time.monotonic() >= give_up_at:
                    raise AlreadyRunningError(str(self.path)) from None
            time.sleep(PROBE_SECONDS / 20)

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock on this file now.

    Raises:
        OSError: that cannot be found out: the file may not be read, or its file system has no locks.
    """
    try:
        with path.open("rb+") as file:
            _lock(file)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _HELD:
            return True
        raise
    return False
