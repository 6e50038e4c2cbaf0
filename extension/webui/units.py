"""A unit of ControlNet in the page, as its API takes it: pure, over the fields of the extension's own object.

Forge's unit has its images as arrays, and what is painted over each beside it (``image_fg``); its API knows neither
what is painted nor the preview, but an image and a mask. Which of them counts is as in ``get_input_data`` of
``sd_forge_controlnet``. A1111's has image and mask in one dictionary, which its API takes as it is.
"""

from collections.abc import Mapping
from typing import Any

from .question import RouteError

OFF = {"enabled": False}
"""What is sent of a unit that is switched off, or each job would ask for a model that it does not use."""
_SINGLE = "simple"
_PAINTED = "image_fg"
_NOT_TAKEN = {_PAINTED, "mask_image_fg", "generated_image", "batch_image_dir", "batch_mask_dir",
              "batch_input_gallery", "batch_mask_gallery"}  # fmt: skip
_DARK = 5
"""Up to here a pixel counts as nothing, of 255."""


def unit(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the API is to be given for a unit that is switched on; images are still arrays.

    Raises:
        RouteError: it reads files of this machine.
    """
    found = {key: value for key, value in fields.items() if not key.startswith("_")}
    if _PAINTED not in found:
        return found
    if getattr(found.get("input_mode"), "value", _SINGLE) != _SINGLE:
        raise RouteError(
            422, "not_supported", "a unit of ControlNet with a batch reads this machine's files; give it a single image"
        )
    image, mask = found.get("image"), found.get("mask_image")
    painted, over = _alpha(found.get(_PAINTED)), _alpha(found.get("mask_image_fg"))
    if found.get("use_preview_as_input") and found.get("generated_image") is not None:
        image = found["generated_image"]
        found |= {"use_preview_as_input": False, "module": "None"}  # it went through its preprocessor already
    elif image is not None and painted is not None and not _shows(image):
        image = painted
    mask = over if over is not None else mask if mask is not None and _shows(mask) else painted
    found |= {"image": image, "mask_image": mask}
    return {key: value for key, value in found.items() if key not in _NOT_TAKEN}


def _shows(array: Any) -> bool:
    return bool((array >= _DARK).any())


def _alpha(painted: Any) -> Any:
    """Return how much is painted where, None where nothing is."""
    if painted is None:
        return None
    alpha = painted[:, :, 3]
    return alpha if bool((alpha > _DARK).any()) else None
