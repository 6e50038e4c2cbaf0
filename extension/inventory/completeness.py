"""How long a safetensors file ought to be, by its own header.

Format (safetensors, "Format" in its README and ``src/tensor.rs``): 8 bytes, the header's length as a little-endian
integer of at most 100,000,000; the header, a JSON object of tensor name -> ``{"dtype", "shape", "data_offsets"}`` and
optionally ``__metadata__``; then the tensors' bytes without holes, so that the file ends where the last one does. The
library refuses a file that is shorter, and one that is longer.
"""

import json
import os

from .errors import FileError, IncompleteFileError
from .opening import opened

SUFFIXES = (".safetensors", ".sft")
LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
MAX_PARSED_BYTES = 16 << 20
"""A header beyond this is not parsed (real ones have a few MiB at most); a hostile one would fill the memory."""


class HeaderError(ValueError):
    """What should be a safetensors header is none; the text says why."""


def is_safetensors_name(name: str) -> bool:
    """Return whether a file name promises the safetensors format."""
    return name.lower().endswith(SUFFIXES)


def header_length(first_bytes: bytes) -> int:
    """Return the length of the header in bytes, from the first 8 bytes of the file.

    Raises:
        HeaderError: fewer than 8 bytes, or a length that no safetensors file has.
    """
    if len(first_bytes) < LENGTH_BYTES:
        raise HeaderError(f"has {len(first_bytes)} bytes, too few for a header")
    length = int.from_bytes(first_bytes[:LENGTH_BYTES], "little")
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise HeaderError("does not begin with a safetensors header")
    return length


def promised_size(header: bytes) -> int:
    """Return the length in bytes that the whole file has by its header (the JSON, without the 8 bytes before it).

    Raises:
        HeaderError: not the JSON object that the format wants.
    """
    try:
        tensors = json.loads(header)
    except (ValueError, RecursionError):
        raise HeaderError("its header is not JSON") from None
    if not isinstance(tensors, dict):
        raise HeaderError("its header is not a JSON object")
    end = 0
    for name, tensor in tensors.items():
        if name == "__metadata__":
            continue
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(o) is int for o in offsets)):
            raise HeaderError(f"its header has no data_offsets for the tensor {name[:80]!r}")
        if not 0 <= offsets[0] <= offsets[1]:
            raise HeaderError(f"its header has impossible data_offsets for the tensor {name[:80]!r}")
        end = max(end, offsets[1])
    return LENGTH_BYTES + len(header) + end


def require_size(size_bytes: int, header_bytes: int, promised_bytes: int | None) -> None:
    """Hold the length of a file against its header; ``promised_bytes`` None where the header could not be read whole.

    Raises:
        HeaderError: it has another length.
    """
    if LENGTH_BYTES + header_bytes > size_bytes:
        raise HeaderError(f"ends within its header, at {size_bytes} bytes")
    if promised_bytes is not None and promised_bytes != size_bytes:
        raise HeaderError(f"has {size_bytes} bytes, its header promises {promised_bytes}")


def require_whole(path: str) -> None:
    """Look whether a file can be read and, if it is a safetensors file, is as long as its own header promises.

    Raises:
        FileError: it cannot be read, or (``IncompleteFileError``) is not that long.
    """
    with opened(path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        if not is_safetensors_name(path):
            return
        size = os.fstat(descriptor).st_size
        try:
            length = header_length(file.read(LENGTH_BYTES))
            require_size(size, length, None)
            if length <= MAX_PARSED_BYTES:
                require_size(size, length, promised_size(file.read(length)))
        except HeaderError as error:
            raise incomplete(path, error) from None


def incomplete(path: str | os.PathLike[str], error: HeaderError) -> IncompleteFileError:
    """Return the error that says of a file what its header said, and what to do."""
    return IncompleteFileError(path, f"{error}; wait for its download, or fetch it again")


def is_whole(path: str) -> bool:
    """Tell whether ``require_whole`` finds nothing wrong."""
    try:
        require_whole(path)
    except FileError:
        return False
    return True
