"""Reading a small file that somebody else wrote."""

import os
from pathlib import Path

from ..inventory.errors import FileError
from ..inventory.opening import opened


class TooLargeError(FileError):
    """The file is larger than anything that belongs there."""


def read_bounded(path: Path, limit_bytes: int) -> tuple[bytes, int]:
    """Return the content of a regular file and its mtime in nanoseconds.

    Raises:
        TooLargeError: it has more than ``limit_bytes``.
        FileError: it is gone, no regular file or unreadable; each has its own class.
    """
    with opened(path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        status = os.fstat(descriptor)
        if status.st_size > limit_bytes:
            raise TooLargeError(path, f"has more than {limit_bytes:,} bytes and was not read")
        return file.read(status.st_size), status.st_mtime_ns
