"""The images in a job's payload: found, checked, and taken out of it, so that they are kept apart. Pure functions."""

import base64
import binascii
from typing import Any

from .. import fields
from ..errors import FieldError
from .values import loose

MAX_IMAGE_BYTES = 32 << 20
MAX_IMAGES = 100
_NAME_CHARACTERS = 200
_HEAD_CHARACTERS = 64
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"\x00\x00\x00")
"""Of PNG, JPEG, WebP, GIF, BMP, and AVIF (behind a length)."""
_SHORTEST = 64
"""Characters; what is shorter is no image."""


def is_image(value: object) -> bool:
    """Say whether a value is an image in base64, bare or as a ``data:`` URL."""
    if not isinstance(value, str) or len(value) < _SHORTEST:
        return False
    return value.startswith("data:image/") or _begins_as_one(value)


def _begins_as_one(text: str) -> bool:
    try:
        head = base64.b64decode(text[:_HEAD_CHARACTERS], validate=True)
    except (binascii.Error, ValueError):
        return False
    return head.startswith(_STARTS) and (not head.startswith(b"\x00\x00\x00") or head[4:8] == b"ftyp")


def read_image(value: object, where: str) -> str | None:
    """Return an image as bare base64.

    Raises:
        FieldError: it is none, or too large; an address to fetch one from is none either.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise FieldError(where, "must be an image in base64")
    bare = value.partition(",")[2] if value.startswith("data:image/") else value
    if len(bare) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise FieldError(where, f"must be an image of at most {MAX_IMAGE_BYTES >> 20} MiB")
    bare = "".join(bare.split()) if any(mark in bare for mark in "\r\n ") else bare
    try:
        base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        raise FieldError(where, "must be an image in base64 (addresses are not fetched)") from None
    if not _begins_as_one(bare):
        raise FieldError(where, "must be a PNG, JPEG, WebP, AVIF, GIF or BMP image in base64")
    return bare


class Inputs:
    """The images of a payload by their path in it, such as ``init_images.0``, as they are collected."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def take(self, value: object, path: str, where: str) -> None:
        """Keep the image at a path, where there is one.

        Raises:
            FieldError: it is none, or there are too many.
        """
        image = read_image(value, where)
        if image is not None:
            self.found[path] = image
            if len(self.found) > MAX_IMAGES:
                raise FieldError(where, f"there must be at most {MAX_IMAGES} images in a job")

    def taken_from(self, value: Any, path: str, where: str) -> Any:
        """Return a value of any depth with null for each image in it, which is kept by its path.

        Raises:
            FieldError: a text in it is none that a web UI could use.
        """
        if isinstance(value, dict):
            if not all(len(name) <= _NAME_CHARACTERS and fields.is_clean(name) for name in value):
                problem = f"names in it must be of at most {_NAME_CHARACTERS} characters, without control characters"
                raise FieldError(where, problem)
            return {name: self.taken_from(each, f"{path}.{name}", f"{where}.{name}") for name, each in value.items()}
        if isinstance(value, list):
            return [
                self.taken_from(each, f"{path}.{number}", f"{where}[{number}]") for number, each in enumerate(value)
            ]
        if is_image(value):
            self.take(value, path, where)
            return None
        return loose(value, where)


def without_images(value: Any) -> Any:
    """Return a value of any depth with null for each image in it."""
    if isinstance(value, dict):
        return {name: without_images(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_images(each) for each in value]
    return None if is_image(value) else value
