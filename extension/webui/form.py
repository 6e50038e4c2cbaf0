"""What Generate would run, as a request to ``/sdapi/v1/txt2img`` or ``img2img``: pure, over what the page's form held.

The page gives a web UI's scripts what its API takes as parameters (sampler, steps, seed, refiner), and names some
values otherwise (``modules/txt2img.py`` and ``img2img.py`` of A1111 1.10 and Forge).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .units import OFF

TXT2IMG, IMG2IMG = "txt2img", "img2img"
SAME = "Use same "
"""Begins what a chooser says that takes over the first pass's choice."""

_PLAIN = (
    "prompt", "negative_prompt", "n_iter", "batch_size", "cfg_scale", "distilled_cfg_scale", "height", "width",
    "denoising_strength", "image_cfg_scale", "resize_mode", "mask_blur", "inpainting_fill", "inpaint_full_res_padding",
    "inpainting_mask_invert", "steps", "sampler_name", "scheduler", "seed", "styles",
)  # fmt: skip
_HIRES = (
    "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y", "hr_checkpoint_name",
    "hr_additional_modules", "hr_sampler_name", "hr_scheduler", "hr_prompt", "hr_negative_prompt", "hr_cfg",
    "hr_distilled_cfg",
)  # fmt: skip
_ONLY_WITH_IMAGE = ("resize_mode", "image_cfg_scale")
_ONLY_WITH_MASK = ("mask_blur", "inpainting_fill", "inpaint_full_res_padding", "inpainting_mask_invert")


@dataclass(frozen=True)
class Script:
    """What the form holds for one of the web UI's scripts.

    ``names`` are those of its values where they are parameters in truth (the web UI's own Sampler, Seed, Refiner); else
    ``defaults`` are what the API would give the script on its own. ``chosen``: it is the one of the script chooser.
    """

    title: str
    values: Sequence[Any]
    names: tuple[str, ...] = ()
    defaults: Sequence[Any] | None = None
    chosen: bool = False


@dataclass(frozen=True)
class Form:
    """All that Generate would have been given. Images are in base64; ``settings`` are those that shape the image."""

    mode: str
    named: Mapping[str, Any]
    scripts: Sequence[Script] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[str] = ()
    mask: str | None = None


@dataclass(frozen=True)
class Draft:
    """A request, and what of the form it could not take, in sentences for a person."""

    mode: str
    payload: dict[str, Any]
    notes: tuple[str, ...] = ()


def draft(form: Form) -> Draft:
    """Return the request that does what Generate would."""
    named = {**form.named}
    for script in form.scripts:
        named.update(zip(script.names, script.values, strict=False))
    payload: dict[str, Any] = {}
    wanted = set(_PLAIN)
    if form.mode == TXT2IMG:
        wanted -= {*_ONLY_WITH_IMAGE, *(() if named.get("enable_hr") else ("denoising_strength",))}
    if form.mask is None:
        wanted -= set(_ONLY_WITH_MASK)
    for name in _PLAIN:
        if name in wanted and named.get(name) is not None:
            payload[name] = _whole(named[name])
    if form.mode == TXT2IMG and named.get("enable_hr"):
        payload["enable_hr"] = True
        payload |= {name: _whole(named[name]) for name in _HIRES if _chosen(named.get(name))}
    payload |= _seeds(named) | _refiner(named)
    if form.images:
        payload["init_images"] = list(form.images)
    if form.mask is not None:
        payload["mask"] = form.mask
        payload["inpaint_full_res"] = bool(named.get("inpaint_full_res"))
    notes: list[str] = []
    scripts = _scripts(form.scripts, notes)
    payload |= scripts
    payload["override_settings"] = dict(form.settings)
    return Draft(form.mode, payload, tuple(notes))


def _whole(value: Any) -> Any:
    """Sliders give 512.0 for 512, a text field "-1" for -1; the API wants whole numbers where they are whole."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _chosen(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and not any(str(one).startswith(SAME) for one in value)
    return value is not None and value != "" and not str(value).startswith(SAME)


def _seeds(named: Mapping[str, Any]) -> dict[str, Any]:
    """Variation and size of the seed count only where "Extra" is ticked (``processing_scripts/seed.py``)."""
    found: dict[str, Any] = {}
    if "seed" in named:
        found["seed"] = _seed(named["seed"])
    if not named.get("seed_checkbox"):
        return found
    if (named.get("subseed_strength") or 0) > 0:
        found |= {"subseed": _seed(named.get("subseed")), "subseed_strength": named["subseed_strength"]}
    width, height = named.get("seed_resize_from_w") or 0, named.get("seed_resize_from_h") or 0
    if width > 0 and height > 0:
        found |= {"seed_resize_from_w": int(width), "seed_resize_from_h": int(height)}
    return found


def _seed(value: Any) -> int:
    try:
        return int(float(value)) if isinstance(value, float) else int(value)
    except (TypeError, ValueError):
        return -1


def _refiner(named: Mapping[str, Any]) -> dict[str, Any]:
    name = named.get("refiner_checkpoint")
    if not named.get("enable_refiner") or name in {None, "", "None"}:
        return {}
    return {"refiner_checkpoint": name, "refiner_switch_at": named.get("refiner_switch_at")}


def _scripts(scripts: Sequence[Script], notes: list[str]) -> dict[str, Any]:
    """Return what scripts of extensions get: only those whose values are not what they would get anyway."""
    found: dict[str, Any] = {}
    always: dict[str, Any] = {}
    for script in scripts:
        if script.names or (not script.chosen and _same(script.values, script.defaults)):
            continue
        try:
            values = [plain(value) for value in script.values]
        except ValueError as error:
            notes.append(f"{script.title}: {error}; the job is queued without this script")
            continue
        if script.chosen:
            found |= {"script_name": script.title, "script_args": values}
        else:
            always[script.title] = {"args": values}
    return {**found, "alwayson_scripts": always} if always else found


def _same(values: Sequence[Any], defaults: Sequence[Any] | None) -> bool:
    if all(value == OFF for value in values):
        return True
    if defaults is None or len(values) != len(defaults):
        return False
    try:
        return [plain(value) for value in values] == [plain(value) for value in defaults]
    except ValueError:
        return False


def plain(value: Any, depth: int = 0) -> Any:
    """Return a script's value as JSON has it.

    Raises:
        ValueError: it is something else, which the sentence names.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a value is no number")
        return _whole(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if depth > 8:
        raise ValueError("its values are nested too deeply")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    raise ValueError(f"a value of the kind {type(value).__name__} cannot be sent to another server")


def size_bytes(payload: Mapping[str, Any]) -> int:
    """Return how large a request is as JSON."""
    return len(json.dumps(payload))
