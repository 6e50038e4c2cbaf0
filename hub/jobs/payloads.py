"""The body of a web UI's ``/sdapi/v1/txt2img`` and ``img2img``: which fields there are, and what each may hold.

Source: ``StableDiffusionProcessingTxt2Img`` and ``…Img2Img`` in ``modules/processing.py`` of A1111 and of Forge, and
the fields that ``modules/api/models.py`` adds. What is not named here is left out, and a warning says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import fields
from ..errors import FieldError
from .job import IMG2IMG, TXT2IMG
from .pictures import Inputs
from .values import Reader, flag, integer, loose, mapping, number, prompt, read_hash, several, word

PROMPT_CHARACTERS = 100_000
NAME_CHARACTERS = 2_000
MOST_PIXELS = 16_384
SETTINGS = "override_settings"
SCRIPTS = "alwayson_scripts"
MOST_IMAGES = 256
"""Of one job, whose images a web UI makes all at once: no agent makes more."""
_MOST_SETTINGS = 200
_HIRES_PROMPTS = ("hr_prompt", "hr_negative_prompt")
_MOST_SCRIPTS = 100
_SEED = integer(-1, fields.MAX_INTEGER)
_SIDE = integer(0, MOST_PIXELS)
_NAME = word(NAME_CHARACTERS)
_PROMPT = prompt(PROMPT_CHARACTERS)
_SCALE = number(0, 100)
_SIGMA = number(0, 10_000)
_SHARE = number(0, 1)

FIELDS: dict[str, Reader] = {
    "prompt": _PROMPT,
    "negative_prompt": _PROMPT,
    "seed": _SEED,
    "subseed": _SEED,
    "subseed_strength": _SHARE,
    "seed_resize_from_h": integer(-1, MOST_PIXELS),
    "seed_resize_from_w": integer(-1, MOST_PIXELS),
    "sampler_name": _NAME,
    "scheduler": _NAME,
    "batch_size": integer(1, 64),
    "n_iter": integer(1, 1_000),
    "steps": integer(1, 1_000),
    "cfg_scale": _SCALE,
    "distilled_cfg_scale": _SCALE,
    "width": integer(16, MOST_PIXELS),
    "height": integer(16, MOST_PIXELS),
    "restore_faces": flag,
    "tiling": flag,
    "eta": _SHARE,
    "denoising_strength": _SHARE,
    "s_min_uncond": number(0, 100),
    "s_churn": _SIGMA,
    "s_tmax": _SIGMA,
    "s_tmin": _SIGMA,
    "s_noise": _SIGMA,
    "disable_extra_networks": flag,
    "refiner_checkpoint": _NAME,
    "refiner_switch_at": _SHARE,
    "enable_hr": flag,
    "firstphase_width": _SIDE,
    "firstphase_height": _SIDE,
    "hr_scale": number(1, 16),
    "hr_upscaler": _NAME,
    "hr_second_pass_steps": integer(0, 1_000),
    "hr_resize_x": _SIDE,
    "hr_resize_y": _SIDE,
    "hr_checkpoint_name": _NAME,
    "hr_additional_modules": several(_NAME, 20),
    "hr_sampler_name": _NAME,
    "hr_scheduler": _NAME,
    "hr_prompt": _PROMPT,
    "hr_negative_prompt": _PROMPT,
    "hr_cfg": _SCALE,
    "hr_distilled_cfg": _SCALE,
    "resize_mode": integer(0, 3),
    "image_cfg_scale": _SCALE,
    "mask_blur": integer(0, 1_000),
    "mask_blur_x": integer(0, 1_000),
    "mask_blur_y": integer(0, 1_000),
    "mask_round": flag,
    "inpainting_fill": integer(0, 3),
    "inpaint_full_res": flag,
    "inpaint_full_res_padding": integer(0, MOST_PIXELS),
    "inpainting_mask_invert": integer(0, 1),
    "initial_noise_multiplier": number(0, 100),
    "include_init_images": flag,
    "script_name": _NAME,
}
"""Every field that has a single value."""

_SETTINGS: dict[str, Reader] = {
    "sd_model_checkpoint": _NAME,
    "sd_checkpoint_hash": lambda value, where: next(iter(read_hash(value, where)), None),
    "sd_vae": _NAME,
    "sd_lora": _NAME,
    "sd_hypernetwork": _NAME,
    "forge_additional_modules": several(_NAME, 20),
    "CLIP_stop_at_last_layers": integer(0, 12),
    "eta_noise_seed_delta": integer(-fields.MAX_INTEGER, fields.MAX_INTEGER),
    "token_merging_ratio": _SHARE,
    "token_merging_ratio_hr": _SHARE,
    "s_min_uncond": number(0, 100),
    "randn_source": _NAME,
    "emphasis": _NAME,
}
"""Settings whose kind we know: web UIs take any value, and fail with it."""

IMAGES = ("init_images", "mask", "latent_mask", "firstpass_image")
OF_THE_SERVER = frozenset(
    {"send_images", "save_images", "do_not_save_samples", "do_not_save_grid", "force_task_id", "comments"}
    | {"override_settings_restore_afterwards", "user", "sampler_index", "infotext"}
)
"""What is the running server's own matter, or read elsewhere."""
_RESTRICTED = re.compile(
    r"dir|path|folder|file|save|command|quicksettings|disabled|disable_all|token$|password|secret|^sd_unet$"
)
"""In the names of settings that say where a web UI writes, or what else it is, and not what an image is; and the one
that chooses an engine that nobody can compare with the checkpoint."""
_RUNS_CODE = "custom code"
"""A1111's script that runs what it is given: a key that may ask for images is no key to a machine."""
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class Payload:
    """A request to a web UI, checked: its fields, its images by their path in it, and what was left out of it."""

    mode: str
    values: dict[str, Any]
    inputs: dict[str, str]
    left_out: tuple[str, ...]


def read_payload(raw: Mapping[str, Any], where: str, mode: str | None = None) -> Payload:
    """Check the fields of a request to a web UI; ``where`` is the path of the object, empty for the body itself.

    ``mode`` is what was stated; without, a request with an image to begin with is img2img.

    Raises:
        FieldError: a field is wrong, with its path.
    """
    inputs = Inputs()
    values: dict[str, Any] = {}
    left_out = []
    if is_nothing(raw.get("sampler_name")) and isinstance(raw.get("sampler_index"), str):
        raw = {**raw, "sampler_name": raw["sampler_index"]}
    for name, value in raw.items():
        path = f"{where}.{name}" if where else name
        if value is None or name in OF_THE_SERVER:
            continue
        if name in FIELDS:
            read = FIELDS[name](value, path)
            if read is not None:
                values[name] = read
        elif name in IMAGES:
            values[name] = _image(value, name, path, inputs)
        elif name == SETTINGS:
            values[name], restricted = _settings(mapping(value, path), path)
            left_out += restricted
        elif name == SCRIPTS:
            values[name] = _scripts(mapping(value, path), path, inputs)
        elif name == "script_args":
            values[name] = inputs.taken_from(_listed(value, path), name, path)
        else:
            left_out.append(path)
    if str(values.get("script_name")).strip().lower() == _RUNS_CODE:
        raise FieldError(f"{where}.script_name" if where else "script_name", "a script that runs code is not taken")
    if not values.get("enable_hr"):
        for name in _HIRES_PROMPTS:  # nobody reads them, and models that they name would be asked for
            values.pop(name, None)
    _check_number_of_images(values, where)
    stated = mode or (IMG2IMG if values.get("init_images") else TXT2IMG)
    if stated == IMG2IMG and not values.get("init_images"):
        raise FieldError(f"{where}.init_images" if where else "init_images", "img2img needs an image", missing=True)
    return Payload(stated, values, inputs.found, tuple(left_out))


def _check_number_of_images(values: Mapping[str, Any], where: str) -> None:
    count = values.get("batch_size", 1) * values.get("n_iter", 1)
    if count > MOST_IMAGES and not values.get("script_name"):  # which decides for itself
        path = f"{where}.n_iter" if where else "n_iter"
        raise FieldError(
            path, f"batch_size times n_iter must be at most {MOST_IMAGES}; it is {count}: ask for more as several jobs"
        )


def _image(value: object, name: str, path: str, inputs: Inputs) -> Any:
    if name != "init_images":
        inputs.take(value, name, path)
        return None
    listed = [each for each in _listed(value, path) if not is_nothing(each)]
    for index, each in enumerate(listed):
        inputs.take(each, f"{name}.{index}", f"{path}[{index}]")
    return [None] * len(listed)


def is_nothing(value: object) -> bool:
    """Say whether a value is none, as forms write it."""
    return value is None or value == ""


def _listed(value: object, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise FieldError(path, "must be a list")
    return value


def _settings(raw: Mapping[str, Any], path: str) -> tuple[dict[str, Any], list[str]]:
    """Return the settings for this one job, and those that no job may change."""
    if len(raw) > _MOST_SETTINGS:
        raise FieldError(path, f"must be at most {_MOST_SETTINGS} settings")
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in raw.items():
        if not _SETTING.fullmatch(name):
            raise FieldError(path, f"{name[:40]!a} is no setting's name")
        if _RESTRICTED.search(name.lower()):
            left_out.append(f"{path}.{name}")
        elif value is not None:
            read = _SETTINGS.get(name, _setting)(value, f"{path}.{name}")
            if read is not None:
                kept[name] = read
    return kept, left_out


def _setting(value: object, path: str) -> Any:
    if isinstance(value, str):
        return _NAME(value, path) or ""
    if isinstance(value, (bool, int, float)):
        return loose(value, path)
    if isinstance(value, list) and all(isinstance(each, (str, bool, int, float)) for each in value):
        return several(lambda each, where: (_NAME if isinstance(each, str) else loose)(each, where), 100)(value, path)
    raise FieldError(path, "must be text, a number, true or false, or a list of such")


def _scripts(raw: Mapping[str, Any], path: str, inputs: Inputs) -> dict[str, Any]:
    if len(raw) > _MOST_SCRIPTS:
        raise FieldError(path, f"must be at most {_MOST_SCRIPTS} scripts")
    kept = {}
    for name, value in raw.items():
        at = f"{path}.{name}"
        if not name.strip() or len(name) > 200 or not fields.is_clean(name):
            raise FieldError(path, f"{name[:40]!a} is no script's name")
        script = mapping(value, at)
        if "args" not in script and isinstance(script.get("units"), list):
            script = {"args": script["units"]}
        args = _listed(script.get("args", []), f"{at}.args")
        kept[name] = {"args": inputs.taken_from(args, f"{SCRIPTS}.{name}.args", f"{at}.args")}
    return kept
