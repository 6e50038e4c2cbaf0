"""Opening a model file for its header: never a device, a pipe or a folder, never more than the header's bytes."""

import os
import stat

from .errors import UnreadableFileError
from .gguf import MAGIC, read_gguf
from .header import Header
from .safetensors import read_safetensors

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_ZIP = b"PK\x03\x04"
_PICKLE_PROTOCOL = b"\x80"


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return the header of a safetensors or GGUF file, told apart by content, not by name.

    Raises:
        UnreadableFileError: the path cannot be opened or is no regular file.
        UnknownFormatError: the file is neither (``is_pickle`` tells whether torch wrote it).
        BrokenHeaderError, HeaderTooLargeError: see ``errors``.
    """
    with ModelFile(path) as file:
        return file.header()


class ModelFile:
    """An open regular file; a context manager.

    Raises:
        UnreadableFileError: on entering, where the path cannot be opened or is no regular file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._descriptor = -1
        self.size_bytes = 0
        self.mtime_ns = 0

    def __enter__(self) -> "ModelFile":
        try:
            # A FIFO would block an ordinary open, a device may do anything when it is opened at all.
            if not stat.S_ISREG(os.stat(self._path).st_mode):
                raise UnreadableFileError("not a regular file")
            self._descriptor = os.open(self._path, _FLAGS)
            facts = os.fstat(self._descriptor)
        except (OSError, ValueError) as error:
            self.__exit__()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UnreadableFileError(f"cannot be read: {reason}") from None
        if not stat.S_ISREG(facts.st_mode):
            self.__exit__()
            raise UnreadableFileError("not a regular file")
        self.size_bytes, self.mtime_ns = facts.st_size, facts.st_mtime_ns
        return self

    def __exit__(self, *_error: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, offset: int, count: int) -> bytes:
        """Return the bytes from an offset on: ``count`` of them, or fewer at the end of the file.

        Raises:
            UnreadableFileError: the read failed.
        """
        try:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            data = os.read(self._descriptor, count)
            while len(data) < count:
                more = os.read(self._descriptor, count - len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise UnreadableFileError(f"cannot be read: {error.strerror}") from None
        return data

    def header(self) -> Header:
        """Return the file's header; raises as ``read_header``."""
        start = self.read(0, 4)
        if start == MAGIC:
            return read_gguf(self.read, self.size_bytes)
        return read_safetensors(self.read, self.size_bytes)

    def is_pickle(self) -> bool:
        """Say whether torch may have written the file (a ZIP archive or a bare pickle), from its first bytes alone."""
        start = self.read(0, 2)
        return start == _ZIP[:2] or start[:1] == _PICKLE_PROTOCOL
