"""An infotext as the request to a web UI that makes the image again, with the hashes that it states.

Source of the fields: A1111's and Forge's ``create_infotext`` and ``parse_generation_parameters``. What needs an image
that is not in the text (ControlNet, img2img) cannot be made again from it, and is named in a warning.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext import INFOTEXT, MAX_TEXT_CHARACTERS, PROMPT, Resource, TextTooLongError, parse
from ...ecosystems.infotext.prompts import number
from ...ecosystems.infotext.resource import CHECKPOINT, HYPERNETWORK, NO_FILE, VAE
from ..errors import FieldError
from .requirements import Wanted
from .values import prompt

_NAMES = {
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Distilled CFG Scale": "distilled_cfg_scale",
    "Seed": "seed",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Denoising strength": "denoising_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires sampler": "hr_sampler_name",
    "Hires schedule type": "hr_scheduler",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
    "Hires CFG Scale": "hr_cfg",
    "Hires Distilled CFG Scale": "hr_distilled_cfg",
    "Hires checkpoint": "hr_checkpoint_name",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
    "Tiling": "tiling",
    "Eta": "eta",
    "Sigma churn": "s_churn",
    "Sigma tmin": "s_tmin",
    "Sigma tmax": "s_tmax",
    "Sigma noise": "s_noise",
}
"""Field of an infotext -> field of the request."""

_SETTINGS = {
    "Clip skip": "CLIP_stop_at_last_layers",
    "ENSD": "eta_noise_seed_delta",
    "RNG": "randn_source",
    "Token merging ratio": "token_merging_ratio",
    "Token merging ratio hr": "token_merging_ratio_hr",
    "Emphasis": "emphasis",
    "NGMS": "s_min_uncond",
}
"""Field of an infotext -> setting for this one job."""

_SIZES = {
    "Size": ("width", "height"),
    "Hires resize": ("hr_resize_x", "hr_resize_y"),
    "Seed resize from": ("seed_resize_from_w", "seed_resize_from_h"),
}
_SIZE = re.compile(r"(\d{1,5})\s*x\s*(\d{1,5})")
_MODULE = re.compile(r"(Hires )?Module \d+")
_NOT_REPEATED = re.compile(r"(ControlNet|ADetailer|AddNet|Init image hash|Mask blur|Ultimate SD upscale|Inpaint)\b.*")
_SAME = frozenset({"use same sampler", "use same scheduler", "use same checkpoint"})


@dataclass(frozen=True)
class FromText:
    """What an infotext asks for.

    ``raw`` is a request to a web UI, unchecked. ``checkpoint`` is the one that the image was made with, ``hints`` are
    all resources with their hashes, and ``lost`` names fields that cannot be repeated.
    """

    raw: dict[str, Any]
    checkpoint: Resource | None
    hints: tuple[Resource, ...]
    lost: tuple[str, ...]

    @property
    def wanted(self) -> Wanted | None:
        """The checkpoint, as a job asks for it."""
        each = self.checkpoint
        if each is None:
            return None
        version = each.civitai_version_id
        return Wanted(each.role, each.name, each.searchable_hashes, civitai_version_id=version)


def read_infotext(text: object, where: str) -> FromText:
    """Return what an infotext or a bare prompt asks for.

    Raises:
        FieldError: it is neither, or too long.
    """
    if not isinstance(text, str) or not text.strip():
        raise FieldError(where, "must be the text that a web UI writes into an image")
    prompt(MAX_TEXT_CHARACTERS)(text, where)
    try:
        found = parse(text)
    except TextTooLongError as error:
        raise FieldError(where, str(error)) from None
    if found.found not in {INFOTEXT, PROMPT}:
        raise FieldError(where, "must be an infotext; the graph of a ComfyUI image is none")
    raw = _request(found.fields)
    raw["prompt"], raw["negative_prompt"] = found.prompt, found.negative
    for each in found.resources:
        if each.role == HYPERNETWORK and each.source == "Hypernet" and each.name:
            raw["prompt"] += f"<hypernet:{each.name}:{1.0 if each.weight is None else each.weight:g}>"
    main = [each for each in found.resources if each.role == CHECKPOINT and each.source in _OF_THE_MAIN]
    vae = next((each for each in found.resources if each.role == VAE and each.source in {"VAE", "VAE hash"}), None)
    if vae is not None and vae.name:
        raw["override_settings"]["sd_vae"] = vae.name
    lost = tuple(name for name in found.fields if _NOT_REPEATED.fullmatch(name))
    return FromText(raw, main[0] if main else None, found.resources, lost)


_OF_THE_MAIN = frozenset({"Model", "Model hash", "Hashes", "Civitai resources"})


def _request(found: Mapping[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {"override_settings": {}}
    modules: dict[str, list[str]] = {}
    for name, value in found.items():
        if name in _NAMES and value.strip().lower() not in _SAME:
            raw[_NAMES[name]] = value
        elif name in _SETTINGS:
            raw["override_settings"][_SETTINGS[name]] = _plain(value)
        elif name in _SIZES and (size := _SIZE.fullmatch(value.strip())) is not None:
            raw |= dict(zip(_SIZES[name], (int(size[1]), int(size[2])), strict=True))
        elif (module := _MODULE.fullmatch(name)) is not None and value.strip().lower() not in NO_FILE:
            modules.setdefault("hires" if module[1] else "main", []).append(value)
    if "main" in modules:
        raw["override_settings"]["forge_additional_modules"] = modules["main"]
    if "hires" in modules:
        raw["hr_additional_modules"] = modules["hires"]
    if "Face restoration" in found:
        raw["restore_faces"] = True
        raw["override_settings"]["face_restoration_model"] = found["Face restoration"]
    # Without these an image with a denoising strength was made from another one.
    if any(name in found for name in ("Hires upscale", "Hires resize", "Hires upscaler")):
        raw["enable_hr"] = True
    return raw


def _plain(value: str) -> Any:
    """Return a setting's value as a number where it is one."""
    found = number(value)
    if found is None:
        return value
    return int(found) if found.is_integer() else found
