"""What this package raises.

InfotextError
├── TextTooLongError   more than anybody writes into an image
└── ImageError         not a PNG, JPEG or WebP image, or broken before its text
"""


class InfotextError(Exception):
    """The root of this package's errors."""


class TextTooLongError(InfotextError):
    """The text is longer than ``MAX_TEXT_CHARACTERS``."""


class ImageError(InfotextError):
    """These bytes are no image whose text can be read."""
