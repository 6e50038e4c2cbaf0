"""Which models does this image, infotext or prompt refer to? Pure, of the standard library alone (docs/infotext.md)."""

from .errors import ImageError, InfotextError, TextTooLongError
from .images import ImageTexts, read_image
from .infotext import (
    FOUND,
    INFOTEXT,
    MAX_TEXT_CHARACTERS,
    NOTHING,
    PROMPT,
    WORKFLOW,
    Infotext,
    parse,
    parse_image,
    prompt_resources,
)
from .resource import TYPES_OF_ROLE, Resource, stem

__all__ = [
    "FOUND",
    "INFOTEXT",
    "MAX_TEXT_CHARACTERS",
    "NOTHING",
    "PROMPT",
    "TYPES_OF_ROLE",
    "WORKFLOW",
    "ImageError",
    "ImageTexts",
    "Infotext",
    "InfotextError",
    "Resource",
    "TextTooLongError",
    "parse",
    "parse_image",
    "prompt_resources",
    "read_image",
    "stem",
]
