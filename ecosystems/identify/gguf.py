"""The GGUF header: key-value pairs, then the names, shapes and types of tensors.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3. Image models in it follow
ComfyUI-GGUF: the original tensor names, dimensions innermost first, and ``comfy.gguf.orig_shape.<name>`` where a
tensor was reshaped to fit a block size.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

from .errors import BrokenHeaderError, HeaderTooLargeError
from .header import MAX_DIMENSIONS, Header

MAGIC = b"GGUF"
MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_KEYS = 10_000
MAX_TEXT_BYTES = 1024 * 1024
MAX_GGUF_TENSORS = 8_000
MAX_ARRAY_STRINGS = 100_000
"""Strings that are stepped over, in all arrays together: T5's vocabulary fits, a chat model's need not."""
KEPT_ARRAY = 16
CHUNK_BYTES = 256 * 1024

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
"""Type -> its name, values in a block, bytes of a block (ggml's type traits)."""
_DEFAULT_ALIGNMENT = 32
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."


def read_gguf(read: Callable[[int, int], bytes], size_bytes: int) -> Header:
    """Return the header of a GGUF file (arguments as ``read_safetensors``).

    A language model's vocabulary can be longer than what is stepped over; then ``tensors`` is empty and the metadata
    that stands before it, which names the architecture, is all that is known.

    Raises:
        BrokenHeaderError: the header is not of the format's form or ends early.
        HeaderTooLargeError: it has more keys or tensors than any model.
    """
    source = _Source(read, size_bytes)
    if source.take(4) != MAGIC:
        raise BrokenHeaderError("the file does not begin with GGUF")
    version, tensor_count, key_count = source.unpack("<IQQ")
    if version not in {2, 3}:
        raise BrokenHeaderError(f"GGUF version {version} is not known")
    if tensor_count > MAX_GGUF_TENSORS or key_count > MAX_KEYS:
        raise HeaderTooLargeError(f"a GGUF header of {tensor_count} tensors and {key_count} keys is not read")
    metadata: dict[str, Any] = {}
    try:
        for _ in range(key_count):
            key = source.text()
            (kind,) = source.unpack("<I")
            metadata[key] = source.value(kind)
    except _TooLongError:
        return Header("gguf", {}, metadata)
    tensors, body_bytes = _tensors(source, tensor_count, metadata)
    promised = _aligned(source.position, metadata) + body_bytes
    damage = (f"the file is cut short: it should have {promised} bytes and has {size_bytes}",)
    return Header("gguf", tensors, metadata, damage if tensors and promised > size_bytes else ())


def _aligned(position: int, metadata: dict[str, Any]) -> int:
    alignment = metadata.get("general.alignment")
    if type(alignment) is not int or alignment < 1:
        alignment = _DEFAULT_ALIGNMENT
    return position + -position % alignment


def _tensors(source: "_Source", count: int, metadata: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return name -> entry, and how many bytes behind the header the tensors reach."""
    tensors: dict[str, Any] = {}
    reach = 0
    for _ in range(count):
        name = source.text()
        (dimensions,) = source.unpack("<I")
        if dimensions > MAX_DIMENSIONS:
            raise BrokenHeaderError(f"the tensor {name[:80]!r} has {dimensions} dimensions")
        shape = list(source.unpack(f"<{dimensions}Q"))[::-1]
        kind, offset = source.unpack("<IQ")
        dtype, block_values, block_bytes = _TYPES.get(kind, (f"type {kind}", 1, 0))
        reach = max(reach, offset + math.prod(shape) // block_values * block_bytes)
        original = metadata.get(_ORIGINAL_SHAPE + name)
        if isinstance(original, list):
            shape = original
        tensors[name] = {"dtype": dtype, "shape": shape}
    return tensors, reach


class _TooLongError(Exception):
    """An array is longer than what is stepped over."""


class _Source:
    """Bytes of the file in order, read in chunks, never more than ``MAX_HEADER_BYTES``."""

    def __init__(self, read: Callable[[int, int], bytes], size_bytes: int) -> None:
        self._read = read
        self._limit = min(size_bytes, MAX_HEADER_BYTES)
        self._bytes = b""
        self._start = 0
        self._at = 0
        self._strings = 0

    @property
    def position(self) -> int:
        """The offset in the file of what is taken next."""
        return self._start + self._at

    def _need(self, count: int) -> None:
        """Make the next ``count`` bytes available at ``_at``."""
        if self._at + count <= len(self._bytes):
            return
        offset = self._start + self._at
        if offset + count > self._limit:
            raise BrokenHeaderError("the GGUF header ends before its last entry, or is larger than any model's")
        self._bytes = self._read(offset, min(max(CHUNK_BYTES, count), self._limit - offset))
        self._start, self._at = offset, 0
        if len(self._bytes) < count:
            raise BrokenHeaderError("the file became shorter while its header was read")

    def take(self, count: int) -> bytes:
        self._need(count)
        self._at += count
        return self._bytes[self._at - count : self._at]

    def skip(self, count: int) -> None:
        """Step over bytes; they need not be read."""
        if self._start + self._at + count > self._limit:
            raise BrokenHeaderError("the GGUF header ends before its last entry, or is larger than any model's")
        self._at += count
        if self._at > len(self._bytes):
            self._start, self._at, self._bytes = self._start + self._at, 0, b""

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> str:
        (length,) = self.unpack("<Q")
        if length > MAX_TEXT_BYTES:
            raise BrokenHeaderError(f"a text of {length} bytes stands in the GGUF header")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.unpack("<" + _SCALARS[kind])[0]
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            raise BrokenHeaderError(f"a GGUF value has the unknown type {kind}")
        element, count = self.unpack("<IQ")
        if element in _SCALARS:
            return self._numbers(_SCALARS[element], count)
        if element != _TEXT:
            raise BrokenHeaderError("a GGUF array holds neither numbers nor texts")
        return self._skip_texts(count)

    def _numbers(self, form: str, count: int) -> list[Any] | None:
        if count <= KEPT_ARRAY:
            return list(self.unpack(f"<{count}{form}"))
        self.skip(count * struct.calcsize("<" + form))
        return None

    def _skip_texts(self, count: int) -> None:
        self._strings += count
        if self._strings > MAX_ARRAY_STRINGS:
            raise _TooLongError
        for _ in range(count):
            self._need(8)
            length = int.from_bytes(self._bytes[self._at : self._at + 8], "little")
            self._at += 8
            if self._at + length <= len(self._bytes):
                self._at += length
            else:
                self.skip(length)
