"""The errors of reading a model file's header, below the room's root.

EcosystemsError
  HeaderError
    UnknownFormatError      the file is of no format that carries a header we read
    BrokenHeaderError       it says it is one, but its header cannot be true
    HeaderTooLargeError     its header is over a bound of ours, whether or not it is true
    UnreadableFileError     the operating system did not let us read it, or it is no regular file
"""

from ..errors import EcosystemsError


class HeaderError(EcosystemsError):
    """A file's header says nothing that may be relied on; the message says why, for a person."""


class UnknownFormatError(HeaderError):
    """The file is neither safetensors nor GGUF."""


class BrokenHeaderError(HeaderError):
    """The header contradicts itself or the format."""


class HeaderTooLargeError(HeaderError):
    """The header is larger, or has more parts, than any real model's."""


class UnreadableFileError(HeaderError):
    """The path cannot be opened, or names no regular file."""
