"""Opening a model file so that nobody is disturbed and nothing but a file is opened."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import FileVanishedError, NotARegularFileError, UnreadableFileError

PathLike = str | os.PathLike[str]


@contextmanager
def opened(path: PathLike) -> Iterator[int]:
    """Open a regular file for reading once, from its start to its end; yields the descriptor.

    Links are followed. The path is looked at before it is opened, because opening alone does something to a device, and
    the descriptor again, because another file may have taken its place. An ``OSError`` of the body is mapped as well.

    Raises:
        FileVanishedError, NotARegularFileError, UnreadableFileError: see there.
    """
    if "\0" in os.fspath(path):
        raise UnreadableFileError(path, "no file has a name with a NUL character")
    try:
        _require_regular(path, Path(path).stat())
        descriptor = _open(path)
        try:
            _require_regular(path, os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileVanishedError(path, "the file is not there") from error
    except OSError as error:
        raise UnreadableFileError(path, f"cannot be read: {error.strerror or error}") from error


def _require_regular(path: PathLike, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotARegularFileError(path, "not a regular file")


if sys.platform == "win32":

    def _open(path: PathLike) -> int:
        """Open for reading with every kind of sharing.

        The C runtime under ``open`` and ``os.open`` does not ask for FILE_SHARE_DELETE: while such a handle is open, a
        web UI cannot rename or delete the file. CreateFileW can ask for it (Microsoft, "CreateFileW function").
        """
        import ctypes
        import msvcrt
        from ctypes import wintypes

        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        create = kernel32.CreateFileW
        create.argtypes = [wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID, wintypes.DWORD,
                           wintypes.DWORD, wintypes.HANDLE]  # fmt: skip
        create.restype = wintypes.HANDLE
        generic_read, share_read_write_delete, open_existing, sequential_scan = 0x80000000, 0x7, 3, 0x08000000
        name = os.fspath(path)
        handle = create(name, generic_read, share_read_write_delete, None, open_existing, sequential_scan, None)
        if handle is None or handle == ctypes.c_void_p(-1).value:
            error = ctypes.WinError(ctypes.get_last_error())
            error.filename = name
            raise error
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)

else:

    def _open(path: PathLike) -> int:
        """Open for reading; should a FIFO have taken the file's place, the open returns at once."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
