"""What can go wrong in the inventory core, and in the claims that it takes from others.

InventoryError
├── HashingCancelledError   the work was called off; nothing is wrong with the file
├── RootError               a folder or an argument cannot be a root (defined in ``roots``)
└── FileError               one file cannot be hashed now; ``path`` names it
    ├── FileVanishedError     it is not there (any more)
    ├── NotARegularFileError  a folder, socket, FIFO or device
    ├── FileChangedError      it was written to or replaced while it was read
    ├── IncompleteFileError   its length or header shows a download that is not finished, or went wrong
    ├── TooLargeError         a small file that is not small (``extension.claims.bounded``)
    └── UnreadableFileError   the operating system refused
"""

import os


class InventoryError(Exception):
    """Root of all errors that ``extension.inventory`` raises on purpose."""


class HashingCancelledError(InventoryError):
    """The work was called off through ``HashControl.cancel``."""


class FileError(InventoryError):
    """One file cannot be hashed now.

    Args:
        path: the file.
        reason: what is wrong and, where somebody can do something about it, what.
    """

    def __init__(self, path: "str | os.PathLike[str]", reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(f"{self.path!r}: {reason}")


class FileVanishedError(FileError):
    """The file is not there, or went away while it was read."""


class NotARegularFileError(FileError):
    """The path leads to a folder, a socket, a FIFO or a device."""


class FileChangedError(FileError):
    """The file was written to or replaced while it was read; read it again once it has settled."""


class IncompleteFileError(FileError):
    """A safetensors file that is not as long as its header promises, or whose header cannot be one."""


class UnreadableFileError(FileError):
    """The operating system refused to open or read the file."""
