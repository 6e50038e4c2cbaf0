"""The texts in EXIF data: the comment of its user, and the tags that ComfyUI writes its graph into.

Source: the TIFF 6.0 structure that EXIF 2.3 uses. Everything is held against the length of the data before it is read,
and no directory is read twice, so that data which points at itself ends.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

USER_COMMENT = "UserComment"
_NAMES = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x9286: USER_COMMENT,
          0x9C9C: "XPComment"}  # fmt: skip
_SUBDIRECTORY = 0x8769
_TEXT_TYPES = frozenset({1, 2, 7})
"""BYTE, ASCII and UNDEFINED: one byte each."""
_MOST_ENTRIES = 1000
_CODE_BYTES = 8


def exif_texts(data: bytes) -> list[tuple[str, str]]:
    """Return (tag's name, text) of the known tags; empty for what is no EXIF data. ``Exif\\0\\0`` may stand before it.

    A text that ComfyUI wrote (``prompt:{…}`` in a camera's tag) goes by its own name.
    """
    data = data.removeprefix(b"Exif\x00\x00")
    if data[:4] not in {b"II*\x00", b"MM\x00*"} or len(data) < 8:
        return []
    order = "<" if data[:1] == b"I" else ">"
    texts = []
    for tag, value in _Directory(data, order).values():
        text = _comment(value, order) if tag == 0x9286 else _text(value, "utf-16-le" if tag == 0x9C9C else "utf-8")
        name = _NAMES.get(tag)
        if name != USER_COMMENT:
            head, colon, rest = text.partition(":")
            if colon and head in {"prompt", "workflow", "Prompt", "Workflow"} and rest.lstrip().startswith("{"):
                name, text = head.lower(), rest
        if name is not None and text:
            texts.append((name, text))
    return texts


@dataclass(frozen=True, slots=True)
class _Directory:
    data: bytes
    order: str

    def values(self) -> Iterator[tuple[int, bytes]]:
        """Yield (tag, bytes) of the text-like entries of the first directory and of the one for EXIF."""
        waiting, seen = [struct.unpack_from(self.order + "I", self.data, 4)[0]], set[int]()
        while waiting:
            offset = waiting.pop()
            if offset in seen or len(seen) > 2 or offset + 2 > len(self.data):
                continue
            seen.add(offset)
            count = min(struct.unpack_from(self.order + "H", self.data, offset)[0], _MOST_ENTRIES)
            for place in range(offset + 2, offset + 2 + 12 * count, 12):
                if place + 12 > len(self.data):
                    break
                tag, kind, length, value = struct.unpack_from(self.order + "HHII", self.data, place)
                if tag == _SUBDIRECTORY:
                    waiting.append(value)
                elif kind in _TEXT_TYPES:
                    start = place + 8 if length <= 4 else value
                    if start + length <= len(self.data):
                        yield tag, self.data[start : start + length]


def _comment(value: bytes, order: str) -> str:
    code, content = value[:_CODE_BYTES].rstrip(b"\x00 ").upper(), value[_CODE_BYTES:]
    if code == b"UNICODE":
        return _utf16(content, order)
    if code == b"JIS":
        return _text(content, "iso2022_jp")
    if code in {b"ASCII", b""}:
        return _text(content, "utf-8")
    return _text(value, "utf-8")  # a writer that left the code out


def _utf16(content: bytes, order: str) -> str:
    """Decode text whose byte order the writer chose: by its mark, else by which reading has the more plain letters.

    EXIF says the data's own order; the web UIs write big-endian in either.
    """
    content = content[: len(content) // 2 * 2]
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return _text(content, "utf-16")
    big, little = _text(content, "utf-16-be"), _text(content, "utf-16-le")
    plain_big, plain_little = (sum(character < "\x80" for character in text) for text in (big, little))
    if plain_big == plain_little:
        return little if order == "<" else big
    return big if plain_big > plain_little else little


def _text(content: bytes, encoding: str) -> str:
    return content.decode(encoding, "replace").strip("\x00 \r\n\t")
