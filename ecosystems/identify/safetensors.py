"""The safetensors header: eight bytes of length, then that many bytes of JSON.

Format: https://github.com/huggingface/safetensors (README, "Format"). A header may come from anyone, so everything
that costs time or memory is bounded before it is spent: the length before a byte is read, and how many values the
text can hold before it is parsed.
"""

import json
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from .errors import BrokenHeaderError, HeaderTooLargeError, UnknownFormatError
from .header import MAX_TENSORS, Header

MAX_HEADER_BYTES = 8 * 1024 * 1024
"""The format allows 100 MB; the largest header of a real file is a few MB, of training tags and a thumbnail."""
MAX_WIDE_HEADER_BYTES = 4 * 1024 * 1024
"""The same where the text is not plain ASCII: Python then needs up to four bytes a character, twice."""
MAX_CONTAINERS = 4 * MAX_TENSORS
MAX_VALUES = 300_000
MAX_ESCAPES = 400_000
PLAIN_BYTES = 512 * 1024
"""Below this size no text can cost more than the bounds above allow, so that they need not be counted."""
LENGTH_BYTES = 8
_OFFSETS, _BEGIN, _END = itemgetter("data_offsets"), itemgetter(0), itemgetter(1)


def read_safetensors(read: Callable[[int, int], bytes], size_bytes: int) -> Header:
    """Return the header of a safetensors file.

    Args:
        read: returns the bytes from an offset on, at most as many as asked for.
        size_bytes: the file's length.

    Raises:
        UnknownFormatError: this is not a safetensors file.
        BrokenHeaderError: it is, but its header is not true JSON of the format's form.
        HeaderTooLargeError: the header is over our bounds.
    """
    return parse_safetensors(_header_text(read, size_bytes), size_bytes)


def parse_safetensors(text: bytes, size_bytes: int) -> Header:
    """Return the header that the text after the length field says; ``size_bytes`` is the whole file's length.

    Raises:
        BrokenHeaderError, HeaderTooLargeError: as ``read_safetensors``.
    """
    _bound(text)
    try:
        content = json.loads(text)
    except RecursionError:
        raise BrokenHeaderError("the header is nested far deeper than the format allows") from None
    except ValueError as error:
        raise BrokenHeaderError(f"the header is not JSON: {str(error)[:120]}") from None
    if not isinstance(content, dict):
        raise BrokenHeaderError("the header is not a JSON object")
    metadata = content.pop("__metadata__", None)
    if metadata is not None and not isinstance(metadata, dict):
        raise BrokenHeaderError("__metadata__ is not an object")
    damage = _check_offsets(content, size_bytes - LENGTH_BYTES - len(text))
    if text.count(b"{") > 1 + len(content) + _braces(metadata) and _repeats(text):
        damage.append("a tensor is named twice, and readers differ in which of the two they take")
    return Header("safetensors", content, metadata or {}, tuple(damage))


def _header_text(read: Callable[[int, int], bytes], size_bytes: int) -> bytes:
    start = read(0, LENGTH_BYTES + 1)
    if len(start) < LENGTH_BYTES + 1 or start[LENGTH_BYTES:] != b"{":
        raise UnknownFormatError("the file is neither safetensors nor GGUF")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if length > size_bytes - LENGTH_BYTES:
        raise BrokenHeaderError(f"the header should have {length} bytes, but the file ends after {size_bytes}")
    if length > MAX_HEADER_BYTES:
        raise HeaderTooLargeError(f"the header has {length} bytes; more than {MAX_HEADER_BYTES} are not read")
    text = read(LENGTH_BYTES, length)
    if len(text) < length:
        raise BrokenHeaderError("the file became shorter while its header was read")
    return text


def _bound(text: bytes) -> None:
    """Refuse text that would cost more time or memory to parse than a header may.

    Counting bytes also counts what stands inside strings, so the bounds leave room for training tags, which are JSON
    inside a string.
    """
    if len(text) <= PLAIN_BYTES:
        return
    if len(text) > MAX_WIDE_HEADER_BYTES and (not text.isascii() or b"\\u" in text):
        raise HeaderTooLargeError(f"a header beyond ASCII of more than {MAX_WIDE_HEADER_BYTES} bytes is not read")
    if text.count(b"{") + text.count(b"[") > MAX_CONTAINERS:
        raise HeaderTooLargeError("the header holds more parts than any model has tensors")
    if text.count(b",") > MAX_VALUES or text.count(b"\\") > MAX_ESCAPES:
        raise HeaderTooLargeError("the header holds more values than any model's")


def _check_offsets(tensors: dict[str, Any], body_bytes: int) -> list[str]:
    """Return what is wrong with where the tensors are said to lie; ``body_bytes`` is what the file has for them.

    The sums find a gap or an overlap only where it changes the total. That is enough to say that a file is damaged;
    nothing here reads a tensor by these offsets.

    Raises:
        BrokenHeaderError: an entry is not of the format's form.
        HeaderTooLargeError: more tensors than any model has.
    """
    if len(tensors) > MAX_TENSORS:
        raise HeaderTooLargeError(f"the header names {len(tensors)} tensors; more than {MAX_TENSORS} are not looked at")
    if not tensors:
        return []
    try:
        offsets = list(map(_OFFSETS, tensors.values()))
        begins, ends = list(map(_BEGIN, offsets)), list(map(_END, offsets))
        total = sum(ends) - sum(begins)
        end = max(ends)
        first = min(begins)
    except (TypeError, KeyError, IndexError):
        raise BrokenHeaderError("a tensor's entry is not an object with two data_offsets") from None
    if type(total) is not int or type(end) is not int or type(first) is not int or first < 0:
        raise BrokenHeaderError("a tensor's data_offsets are not whole numbers from 0 on")
    damage = []
    if end > body_bytes:
        damage.append(f"the file is cut short: its tensors need {end} bytes and it has {max(body_bytes, 0)}")
    elif end < body_bytes:
        damage.append(f"{body_bytes - end} bytes at the end of the file belong to no tensor")
    if total != end or first:
        damage.append("the tensors overlap or leave gaps")
    return damage


def _braces(metadata: dict[str, Any] | None) -> int:
    """Return how many opening braces of the header's text are the metadata's."""
    if metadata is None:
        return 0
    return 1 + sum(value.count("{") for part in metadata.items() for value in part if isinstance(value, str))


def _repeats(text: bytes) -> bool:
    """Say whether an object of the header has one name twice (the expensive way, for the rare doubtful case)."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        content = dict(pairs)
        found = found or len(content) < len(pairs)
        return content

    json.loads(text, object_pairs_hook=look)
    return found
