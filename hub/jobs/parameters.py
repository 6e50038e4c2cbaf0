"""StableQueue's ``generation_params`` as a request to a web UI, and the checkpoint that they name. Pure functions.

Source: StableQueue's ``docs/API.md``, ``routes/v2Generation.js``, ``services/gradioJobDispatcher.js`` and
``utils/modelDatabase.js`` (``extractModelHash``), and its Forge extension.
"""

from collections.abc import Mapping
from typing import Any

from ...ecosystems.infotext import Resource
from ...ecosystems.infotext import resource as roles
from ..errors import FieldError
from .infotexts import read_infotext
from .payloads import NAME_CHARACTERS, SETTINGS, is_nothing
from .requirements import Wanted, split_title
from .values import mapping, number, prompt, read_hash, word

PARAMETERS = "generation_params"
MOST_HINTS = 2_000
"""Models with hashes that are stated beside a request."""
_STEPS = 20
"""What StableQueue makes where no steps are stated; a web UI's own API would make 50."""

_THEIR_NAMES = {
    "positive_prompt": "prompt",
    "sampler": "sampler_name",
    "schedule_type": "scheduler",
    "num_images": "batch_size",
    "enable_hires_fix": "enable_hr",
    "upscaler_model": "hr_upscaler",
    "refiner_model": "refiner_checkpoint",
    "hires_checkpoint": "hr_checkpoint_name",
}
_THEIR_SETTINGS = {
    "vae": "sd_vae",
    "vae_name": "sd_vae",
    "sd_vae": "sd_vae",
    "clip_skip": "CLIP_stop_at_last_layers",
    "forge_additional_modules": "forge_additional_modules",
    "text_encoders": "forge_additional_modules",
}
_CHECKPOINT_NAMES = ("checkpoint_name", "sd_checkpoint", "checkpoint", "sd_model_checkpoint", "model_name", "model")
_CHECKPOINT_HASHES = ("model_hash", "checkpoint_hash", "hash", "sha256_hash", "autov2_hash", "sd_checkpoint_hash")
_THEIR_OWN = frozenset(
    {"style_preset", "sampling_category", "scheduler_or_quality_preset", "app_type", "type", "tab_id", "model_info"}
    | {"raw_generation_info", "loras", *_CHECKPOINT_NAMES, *_CHECKPOINT_HASHES, *_THEIR_SETTINGS}
)
_NAME = word(NAME_CHARACTERS)


def read_parameters(stated: Mapping[str, Any]) -> tuple[dict[str, Any], Wanted | None, list[Resource]]:
    """Return StableQueue's parameters as a request to a web UI, with its checkpoint and the LoRAs' hashes.

    Raises:
        FieldError: one that is read here is wrong; the fields of the request are not checked.
    """
    if not stated:
        raise FieldError(PARAMETERS, "must not be empty", missing=True)
    raw: dict[str, Any] = {}
    base = None
    if not is_nothing(stated.get("raw_generation_info")):
        base = read_infotext(stated["raw_generation_info"], f"{PARAMETERS}.raw_generation_info")
        raw = dict(base.raw)
    settings = dict(raw.get(SETTINGS, {}))
    for name, value in stated.items():
        if is_nothing(value):
            continue
        if name in _THEIR_SETTINGS:
            settings[_THEIR_SETTINGS[name]] = value
        elif name == SETTINGS:
            settings |= mapping(value, f"{PARAMETERS}.{SETTINGS}")
        elif name not in _THEIR_OWN and (name not in _THEIR_NAMES or _THEIR_NAMES[name] not in stated):
            raw[_THEIR_NAMES.get(name, name)] = value
    if not is_nothing(stated.get("positive_prompt")):
        raw["prompt"] = stated["positive_prompt"]
    raw.setdefault("prompt", "")
    raw.setdefault("steps", _STEPS)
    raw[SETTINGS] = settings
    more = _add_loras(stated.get("loras"), raw)
    checkpoint = _their_checkpoint(stated)
    if base is not None:
        more += base.hints
        checkpoint = checkpoint or base.wanted
    return raw, checkpoint, more


def as_stated(error: FieldError, stated: Mapping[str, Any]) -> FieldError:
    """Return an error in a field of the request with the name that the field has among these parameters."""
    for theirs, ours in (
        *_THEIR_NAMES.items(),
        *((name, f"{SETTINGS}.{ours}") for name, ours in _THEIR_SETTINGS.items()),
    ):
        where = f"{PARAMETERS}.{ours}"
        if theirs in stated and error.field.startswith(where) and error.field[len(where) :][:1] in {"", ".", "["}:
            field = f"{PARAMETERS}.{theirs}{error.field[len(where) :]}"
            return FieldError(field, error.problem, missing=error.missing)
    return error


def _their_checkpoint(stated: Mapping[str, Any]) -> Wanted | None:
    """Return the checkpoint of StableQueue's parameters, by any of the names that it takes."""
    name, hashes = "", []
    for key in _CHECKPOINT_NAMES:
        value = stated.get(key)
        if isinstance(value, dict) and key == "checkpoint":
            hashes += read_hash(value.get("hash"), f"{PARAMETERS}.checkpoint.hash")
            value = value.get("name")
        if value is not None and not name:
            name = _NAME(value, f"{PARAMETERS}.{key}") or ""
            name = "" if name.lower() in roles.NO_FILE else name
    for key in _CHECKPOINT_HASHES:
        hashes += read_hash(stated.get(key), f"{PARAMETERS}.{key}")
    info = stated.get("model_info")
    if not is_nothing(info):
        hashes += read_hash(mapping(info, f"{PARAMETERS}.model_info").get("hash"), f"{PARAMETERS}.model_info.hash")
    name, of_title = split_title(name)
    hashes = list(dict.fromkeys([*hashes, *of_title]))
    return Wanted(roles.CHECKPOINT, name, tuple(hashes)) if name or hashes else None


def _add_loras(stated: object, raw: dict[str, Any]) -> list[Resource]:
    """Put LoRAs that are stated as a list into the prompt, where web UIs take them from; return them with hashes."""
    if is_nothing(stated):
        return []
    where = f"{PARAMETERS}.loras"
    if isinstance(stated, dict):
        stated = [{"name": name, "weight": weight} for name, weight in stated.items()]
    if not isinstance(stated, list) or len(stated) > MOST_HINTS:
        raise FieldError(where, f"must be a list of at most {MOST_HINTS} names or objects with name, weight and hash")
    tags, found = [], []
    for index, each in enumerate(stated):
        at = f"{where}[{index}]"
        item = {"name": each} if isinstance(each, str) else mapping(each, at)
        name = _NAME(item.get("name") or "", f"{at}.name")
        if not name or any(mark in name for mark in "<>:"):
            raise FieldError(f"{at}.name", "must be a LoRA's name, without <, > and :")
        weight = number(-100, 100)(1.0 if item.get("weight") is None else item["weight"], f"{at}.weight")
        hashes = read_hash(item.get("hash"), f"{at}.hash")
        found.append(Resource(roles.LORA, name, hashes[0] if hashes else None, weight))
        tags.append(f"<lora:{name}:{1.0 if weight is None else weight:g}>")
    text = prompt(1 << 30)(raw["prompt"], f"{PARAMETERS}.prompt")
    missing = [tag for tag in tags if tag.rpartition(":")[0] + ":" not in text]
    raw["prompt"] = " ".join(filter(None, [text, *missing]))
    return found
