"""Images with texts in them, byte by byte as web UIs, Pillow and piexif write them; their pictures are none."""

import struct
import zlib
from collections.abc import Mapping


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of one pixel with these chunks between its head and its picture."""
    head = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    picture = (b"IDAT", zlib.compress(b"\0\0\0\0"))
    parts = [head, *chunks, picture, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def plain(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Return a tEXt chunk."""
    return b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")


def packed(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Return a zTXt chunk."""
    return b"zTXt", keyword.encode("latin-1") + b"\0\0" + zlib.compress(text.encode("latin-1"))


def international(keyword: str, text: str, *, compressed: bool = False) -> tuple[bytes, bytes]:
    """Return an iTXt chunk, which Pillow writes where a text is not Latin-1."""
    content = zlib.compress(text.encode()) if compressed else text.encode()
    return b"iTXt", keyword.encode() + b"\0" + bytes([compressed, 0]) + b"en\0" + keyword.encode() + b"\0" + content


def exif(tags: Mapping[int, bytes], *, order: str = "<", comment: bytes | None = None) -> bytes:
    """Return EXIF data: these tags of type ASCII, and the user's comment in a directory of its own."""
    entries = [(tag, 2, value) for tag, value in sorted(tags.items())]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    place = 8 + 2 + 12 * (len(entries) + (comment is not None)) + 4
    body, rows = b"", []
    for tag, kind, value in entries:
        rows.append(struct.pack(order + "HHI", tag, kind, len(value)) + _value(order, value, place + len(body)))
        body += value if len(value) > 4 else b""
    if comment is not None:
        inner = place + len(body)
        rows.append(struct.pack(order + "HHII", 0x8769, 4, 1, inner))
        row = struct.pack(order + "HHI", 0x9286, 7, len(comment)) + _value(order, comment, inner + 18)
        body += struct.pack(order + "H", 1) + row + b"\0" * 4 + comment
    head = mark + struct.pack(order + "IH", 8, len(rows))
    return head + b"".join(rows) + b"\0" * 4 + body


def _value(order: str, value: bytes, place: int) -> bytes:
    return value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", place)


def unicode_comment(text: str, encoding: str = "utf-16-be") -> bytes:
    """Return a user's comment as piexif dumps it; web UIs write big-endian."""
    return b"UNICODE\0" + text.encode(encoding)


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """Return a JPEG with these segments (marker, content) before a picture that is none."""
    listed = [(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), *segments]
    parts = [b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content for marker, content in listed]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xda\0\x02picture\xff\xd9"


def jpeg_with_exif(data: bytes) -> bytes:
    return jpeg((0xE1, b"Exif\0\0" + data))


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP of these chunks."""
    parts = [(b"VP8X", b"\x08" + b"\0" * 9), (b"VP8 ", b"picture"), *chunks]
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in parts
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
