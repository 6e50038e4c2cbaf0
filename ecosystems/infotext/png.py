"""The texts in a PNG image: its chunks tEXt, zTXt, iTXt and eXIf (PNG specification, third edition, 11.3)."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .exif import exif_texts

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES = 4 << 20
"""A longer text, packed or unpacked, is passed over; the largest workflows have about 1 MiB."""
MAX_TOTAL_BYTES = 16 << 20
_MOST_CHUNKS = 200_000
_LONGEST_KEYWORD = 79
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})


def png_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield (keyword, text) from a file that stands behind the signature; ends quietly where the file breaks off."""
    left = MAX_TOTAL_BYTES
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind not in _TEXT_CHUNKS or length > min(MAX_TEXT_BYTES, left):
            file.seek(length + 4, 1)
            continue
        content = file.read(length)
        if len(content) < length:
            return
        file.seek(4, 1)
        left -= length
        for keyword, text in _read_chunk(kind, content, min(MAX_TEXT_BYTES, left)):
            left -= len(text)
            yield keyword, text


def _read_chunk(kind: bytes, content: bytes, limit_bytes: int) -> list[tuple[str, str]]:
    if kind == b"eXIf":
        return exif_texts(content)
    keyword, zero, rest = content.partition(b"\x00")
    if not zero or not 0 < len(keyword) <= _LONGEST_KEYWORD:
        return []
    packed: bytes | None = rest
    if kind == b"zTXt":
        packed = _unpacked(rest[1:], limit_bytes)
    elif kind == b"iTXt":
        # Whether it is packed, how; the language; the keyword in that language.
        parts = rest[2:].split(b"\x00", 2)
        packed = parts[2] if len(parts) == 3 else None
        if packed is not None and rest[:1] == b"\x01":
            packed = _unpacked(packed, limit_bytes)
    return [] if packed is None else [(_decoded(keyword), _decoded(packed))]


def _decoded(content: bytes) -> str:
    """Return text: the older chunks are Latin-1 by the standard, and UTF-8 by the habit of some writers."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _unpacked(content: bytes, limit_bytes: int) -> bytes | None:
    """Return what zlib packed, or None where it is broken or more than may be."""
    machine = zlib.decompressobj()
    try:
        found = machine.decompress(content, limit_bytes + 1)
    except zlib.error:
        return None
    return found if machine.eof and len(found) <= limit_bytes else None
