"""The forms in which a model's hash is written, and what each can match.

Sources: AutoV2 is the first 10 hex digits of a file's SHA-256, AutoV3 the first 12 of its tensor hash (Civitai's
names); web UIs write 12 digits of either, or of the file's own ``sshs_model_hash``, into the infotext of an image.
"""

import re
from dataclasses import dataclass

AUTOV2_DIGITS = 10
AUTOV3_DIGITS = 12
SHA256_DIGITS = 64

_HEX = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True)
class ModelHash:
    """A hash as somebody asked for it, in lower case: 10, 12 or 64 digits."""

    digits: str

    @property
    def form(self) -> str:
        """``autov2``, ``autov3`` or ``sha256`` (64 digits may be a tensor hash as well)."""
        return {AUTOV2_DIGITS: "autov2", AUTOV3_DIGITS: "autov3"}.get(len(self.digits), "sha256")


def parse_hash(text: str) -> ModelHash | None:
    """Read a hash of 10, 12 or 64 hex digits in any case; None for anything else."""
    if len(text) not in {AUTOV2_DIGITS, AUTOV3_DIGITS, SHA256_DIGITS} or not _HEX.fullmatch(text):
        return None
    return ModelHash(text.lower())


def is_id(text: str) -> bool:
    """Say whether text is the id of a model: fewer digits than the shortest hash, of which some have digits alone."""
    return text.isascii() and text.isdigit() and len(text) < AUTOV2_DIGITS


def is_hex(value: object, digits: int) -> bool:
    """Say whether a value is a string of exactly so many hex digits."""
    return isinstance(value, str) and len(value) == digits and _HEX.fullmatch(value) is not None
