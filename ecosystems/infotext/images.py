"""The texts that web UIs write into images: PNG, JPEG and WebP, with nothing but the standard library.

Only the texts are read, the picture is passed over; what is too large or broken is left out, never trusted.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .errors import ImageError
from .exif import exif_texts
from .png import MAX_TEXT_BYTES, SIGNATURE, png_texts

COMMENT = "comment"
_MOST_PARTS = 10_000
_START_OF_SCAN, _END_OF_IMAGE, _APP1, _COM = 0xDA, 0xD9, 0xE1, 0xFE


@dataclass(frozen=True, slots=True)
class ImageTexts:
    """The texts of an image in their order: ``parameters``, ``prompt``, ``workflow``, ``UserComment``, …"""

    format: str
    texts: tuple[tuple[str, str], ...]

    def get(self, keyword: str) -> str | None:
        """Return the first text of this keyword, or None."""
        return next((text for name, text in self.texts if name == keyword), None)


def read_image(image: bytes | BinaryIO) -> ImageTexts:
    """Read the texts of an image; a file must be seekable and stand at its beginning.

    Raises:
        ImageError: it is no PNG, JPEG or WebP image.
        OSError: the file cannot be read.
    """
    file = io.BytesIO(image) if isinstance(image, bytes) else image
    head = file.read(12)
    if head.startswith(SIGNATURE):
        file.seek(len(SIGNATURE) - len(head), 1)
        return ImageTexts("png", tuple(png_texts(file)))
    if head.startswith(b"\xff\xd8\xff"):
        file.seek(2 - len(head), 1)
        return ImageTexts("jpeg", tuple(_jpeg_texts(file)))
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return ImageTexts("webp", tuple(_webp_texts(file)))
    raise ImageError("this is no PNG, JPEG or WebP image; web UIs write their infotext into those")


def _jpeg_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the texts of the segments before the picture (ITU T.81, annex B)."""
    for _ in range(_MOST_PARTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            return
        if marker[1] == 0xFF:  # a filling byte
            file.seek(-1, 1)
            continue
        if marker[1] in {_START_OF_SCAN, _END_OF_IMAGE}:
            return
        length = int.from_bytes(file.read(2), "big") - 2
        if length < 0:
            return
        if marker[1] not in {_APP1, _COM}:
            file.seek(length, 1)
            continue
        content = file.read(length)
        if marker[1] == _COM:
            yield COMMENT, content.decode("utf-8", "replace").strip("\x00 \r\n\t")
        elif content.startswith(b"Exif\x00\x00"):
            yield from exif_texts(content)


def _webp_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the texts of the EXIF chunk (WebP container specification)."""
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF" and length <= MAX_TEXT_BYTES:
            yield from exif_texts(file.read(length))
            return
        file.seek(length + length % 2, 1)
