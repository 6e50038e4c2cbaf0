"""What a web UI's API answers when a run is over, whether it came over HTTP or from its own objects."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from .engine import MOST_IMAGES, Image, Result, RunFailedError, images_of
from .pictures import MAX_IMAGE_BYTES, content_type_of

ENDED_EARLY = ("interrupted", "skipped", "stopping_generation")
"""What the web UI's ``State`` remembers, until its next run begins, of Interrupt and Skip."""
_MOST_INFOTEXT = 1 << 20


def ended_early(state: Mapping[str, Any]) -> bool:
    """Tell by the web UI's state after a run whether somebody ended it: its last image is not whole, or not there."""
    return any(state.get(word) is True for word in ENDED_EARLY)


def result_of(answer: Any, body: Mapping[str, Any], *, interrupted: bool) -> Result:
    """Return what a run gave. Fewer images than it was to make mean that it was ended early as well.

    Raises:
        RunFailedError: see ``read_images``.
    """
    images = read_images(answer)
    return Result(images, interrupted or 0 < len(images) < images_of(body))


def read_images(answer: Any) -> tuple[Image, ...]:
    """Return the images of an answer, each with its infotext: not the grid in front, nor the maps of scripts behind.

    Raises:
        RunFailedError: the answer is not what a web UI answers, or holds what is no image, or too large a one.
    """
    try:
        info = json.loads(answer["info"])
        infotexts, encoded = info["infotexts"], answer["images"]
        first = info.get("index_of_first_image", 0)
        if not isinstance(infotexts, list) or not isinstance(encoded, list) or type(first) is not int:
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
        raise RunFailedError("the web UI's answer has no images and infotexts as it should") from None
    pairs = list(zip(encoded, infotexts, strict=False))[max(0, first) :]
    if len(pairs) > MOST_IMAGES:
        raise RunFailedError(f"the web UI made {len(pairs)} images; a job has at most {MOST_IMAGES}")
    return tuple(_image(text, infotext) for text, infotext in pairs)


def decoded(text: Any, limit_bytes: int) -> bytes | None:
    """Return what is in base64 here, or in such a ``data:`` address; None where it is not, or is larger."""
    if not isinstance(text, str) or len(text) > limit_bytes * 4 // 3 + 100:
        return None
    try:
        return base64.b64decode(text.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return None


def _image(text: Any, infotext: Any) -> Image:
    content = decoded(text, MAX_IMAGE_BYTES)
    kind = content_type_of(content) if content is not None else None
    if content is None or kind is None or not isinstance(infotext, str):
        limit = MAX_IMAGE_BYTES >> 20
        raise RunFailedError(f"the web UI answered what is no PNG, JPEG, WebP or AVIF image of at most {limit} MiB")
    return Image(content, kind, infotext[:_MOST_INFOTEXT])
