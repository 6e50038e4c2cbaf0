"""The form for a job: what stands in it, and the submission that it becomes. Pure.

The form has fields for what people change; all else that a web UI takes stands in it as JSON.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...ecosystems.infotext.resource import CHECKPOINT
from ..errors import FieldError
from ..jobs.infotexts import FromText
from ..jobs.payloads import IMAGES

SIMPLE = ("sampler_name", "scheduler", "steps", "cfg_scale", "width", "height", "seed")
"""Fields of the form that are fields of the request too."""
_SETTINGS = "override_settings"
_OWN_CHECKPOINT = "sd_model_checkpoint"
_MOST_MODELS = 2_000
_ANY_SEED = "-1"
SOURCE = "the hub's page"

EMPTY = {
    "infotext": "",
    "prompt": "",
    "negative_prompt": "",
    "checkpoint": "",
    "model_hash": "",
    "sampler_name": "Euler a",
    "scheduler": "",
    "steps": "25",
    "cfg_scale": "7",
    "width": "1024",
    "height": "1024",
    "seed": "",
    "more": "",
    "models": "",
    "server": "",
    "quantity": "1",
    "seed_variation": "random",
    "priority": "0",
    "like": "",
}
"""Every field with what stands in it at first."""

SAMPLERS = (
    *("Euler a", "Euler", "DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 3M SDE", "DPM2 a", "DPM2", "Heun", "LMS"),
    *("DDIM", "UniPC", "LCM", "Restart", "DPM fast", "DPM adaptive"),
)
SCHEDULERS = (
    *("Automatic", "Karras", "Exponential", "SGM Uniform", "Simple", "Normal", "DDIM", "Beta", "Align Your Steps"),
    *("Polyexponential", "KL Optimal", "Turbo", "Uniform"),
)
"""What the web UIs call them; any other name is taken too."""


def given(form: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in the form that was sent; what is missing is as at first."""
    return {name: form.get(name, default).replace("\r\n", "\n") for name, default in EMPTY.items()}


def submission(filled: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a submission, as ``hub.asking`` takes it; ``names`` are the aliases of servers by their id.

    Raises:
        FieldError: one of the two fields of JSON is none, or there is no such server.
    """
    parameters = _object(filled["more"], "more")
    parameters["positive_prompt"] = filled["prompt"]
    parameters["negative_prompt"] = filled["negative_prompt"]
    for name in SIMPLE:
        if filled[name].strip():
            parameters[name] = filled[name].strip()
    parameters |= {"checkpoint_name": filled["checkpoint"].strip(), "model_hash": filled["model_hash"].strip()}
    target = filled["server"]
    if target and target not in names:
        raise FieldError("server", "there is no such server any more")
    body: dict[str, Any] = {
        "target_server_alias": target or "any",
        "generation_params": parameters,
        "priority": filled["priority"] or "0",
        "source_info": SOURCE,
        "models": _hints(filled["models"]),
    }
    if is_bulk(filled):
        body |= {"bulk_quantity": filled["quantity"].strip(), "seed_variation": filled["seed_variation"]}
    return body


def is_bulk(filled: Mapping[str, str]) -> bool:
    """Say whether several jobs are asked for."""
    return filled["quantity"].strip() not in {"", "1"}


def _object(text: str, name: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise FieldError(name, f"must be JSON{where}") from None
    if not isinstance(value, dict):
        raise FieldError(name, "must be a JSON object, in braces")
    return value


def _hints(text: str) -> list[Any]:
    """Return what an infotext said of hashes; the field is hidden, so what is wrong in it is nobody's mistake."""
    try:
        value = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def from_infotext(found: FromText, before: Mapping[str, str]) -> dict[str, str]:
    """Return the form for what an infotext asks for; target, number and priority stay as they were."""
    checkpoint = found.checkpoint
    hashes = checkpoint.searchable_hashes if checkpoint is not None else ()
    hints = [
        {"role": each.role, "name": each.name, "hash": each.searchable_hashes[0]}
        for each in found.hints
        if each.name and each.searchable_hashes
    ]
    named = {"checkpoint": checkpoint.name if checkpoint else "", "model_hash": hashes[0] if hashes else ""}
    return _filled(found.raw, named, hints, before)


def from_job(
    payload: Mapping[str, Any], requirements: Iterable[Mapping[str, Any]], before: Mapping[str, str]
) -> dict[str, str]:
    """Return the form for a job like another one."""
    raw = {name: value for name, value in payload.items() if name not in IMAGES}
    raw[_SETTINGS] = dict(payload.get(_SETTINGS) or {})
    named = {"checkpoint": "", "model_hash": ""}
    hints = []
    for each in requirements:
        name, digits, source = str(each["name"]), each["hash"], str(each["source"])
        if each["role"] == CHECKPOINT and source == _OWN_CHECKPOINT:
            named = {"checkpoint": name, "model_hash": str(digits or "")}
        elif name and digits:
            hints.append({"role": each["role"], "name": name, "hash": digits})
        _choose(raw, source, name)
    return _filled(raw, named, hints, before)


def _choose(raw: dict[str, Any], source: str, name: str) -> None:
    """Put the name of a model back where the request had it: a job keeps its models beside it."""
    field, _, rest = source.partition(".")
    if field == "sd_vae":
        raw[_SETTINGS][field] = name
    elif field == "forge_additional_modules":
        raw[_SETTINGS].setdefault(field, []).append(name)
    elif field == "hr_additional_modules":
        raw.setdefault(field, []).append(name)
    elif field in {"refiner_checkpoint", "hr_checkpoint_name"} and not rest:
        raw[field] = name


def _filled(
    raw: Mapping[str, Any], named: Mapping[str, str], hints: list[dict[str, Any]], before: Mapping[str, str]
) -> dict[str, str]:
    rest = {name: value for name, value in raw.items() if name not in {"prompt", "negative_prompt", *SIMPLE}}
    if not rest.get(_SETTINGS):
        rest.pop(_SETTINGS, None)
    seed = str(raw.get("seed", ""))
    simple = {name: str(raw[name]) for name in SIMPLE if raw.get(name) is not None}
    return {
        **EMPTY,
        **{name: before[name] for name in ("server", "quantity", "seed_variation", "priority", "like")},
        **named,
        "scheduler": "",
        **simple,
        "seed": "" if seed == _ANY_SEED else seed,
        "prompt": str(raw.get("prompt", "")),
        "negative_prompt": str(raw.get("negative_prompt", "")),
        "more": json.dumps(rest, ensure_ascii=False, indent=2) if rest else "",
        "models": json.dumps(hints[:_MOST_MODELS], ensure_ascii=False) if hints else "",
    }
