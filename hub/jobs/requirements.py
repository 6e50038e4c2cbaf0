"""Which models a job asks for, from its request to a web UI and from what was said beside it. Pure functions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...ecosystems.infotext import Resource, prompt_resources
from ...ecosystems.infotext import resource as roles
from ...ecosystems.infotext.prompts import NETWORKS, number, tags
from ...ecosystems.infotext.resource import model_hash, stem
from .. import fields
from ..errors import FieldError
from .payloads import NAME_CHARACTERS, PROMPT_CHARACTERS, SCRIPTS, SETTINGS, Payload

REFINER = "refiner"
ROLES = (*roles.TYPES_OF_ROLE, REFINER)
MOST_REQUIREMENTS = 2_000

PROMPTS = ("prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt")
CHECKPOINT_SETTING = "sd_model_checkpoint"
_HASH_SETTING = "sd_checkpoint_hash"
_VAE_SETTING = "sd_vae"
_MODULES_SETTING = "forge_additional_modules"
_LORA_SETTING, _HYPERNETWORK_SETTING = "sd_lora", "sd_hypernetwork"
_CHOOSING = (CHECKPOINT_SETTING, _HASH_SETTING, _VAE_SETTING, _MODULES_SETTING, _LORA_SETTING, _HYPERNETWORK_SETTING)
_CHOOSING_FIELDS = ("refiner_checkpoint", "hr_checkpoint_name", "hr_additional_modules")
_TITLE = re.compile(r"[\[(]([0-9a-fA-F]{8,64})[\])]$")
_NO_MODEL_UPSCALERS = ("latent", "lanczos", "nearest", "none")


@dataclass(frozen=True)
class Wanted:
    """A model that a job asks for, as it asks.

    ``hashes`` are those that can be looked up, the surest first. ``source`` says where the request names it: a prompt's
    field, a setting, or the path of a value in it. ``optional``: it is required only where this hub knows such a model;
    web UIs bring some upscalers and detectors along. ``civitai_version_id`` is all that an image of Civitai's own
    generator says of its checkpoint beside words.
    """

    role: str
    name: str
    hashes: tuple[str, ...] = ()
    source: str = ""
    weight: float | None = None
    optional: bool = False
    civitai_version_id: int | None = None


def wanted(payload: Payload, checkpoint: Wanted | None, hints: Iterable[Resource]) -> list[Wanted]:
    """Return what a request asks for, each once, the checkpoint first.

    ``checkpoint`` is what was said of it outside the request, ``hints`` name models with their hashes: what the request
    names as well gets its hashes from there.

    Raises:
        FieldError: there are too many, or a name is none.
    """
    values = payload.values
    settings: Mapping[str, Any] = values.get(SETTINGS, {})
    listed = list(_checkpoints(values, settings, checkpoint))
    listed += _named(roles.VAE, settings.get(_VAE_SETTING), _VAE_SETTING)
    listed += _modules(settings.get(_MODULES_SETTING), _MODULES_SETTING)
    listed += _modules(values.get("hr_additional_modules"), "hr_additional_modules")
    if not values.get("disable_extra_networks"):
        listed += _in_texts(values)
    listed += _upscaler(values)
    listed += _of_scripts(values.get(SCRIPTS, {}))
    for each in listed:
        _check_name(each.name, each.source)
    return _with_hashes(_once(listed), hints)


def without_models(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without what chooses models: those are requirements, and each server has its own names."""
    kept = {name: value for name, value in values.items() if name not in _CHOOSING_FIELDS}
    if SETTINGS in kept:
        kept[SETTINGS] = {name: value for name, value in kept[SETTINGS].items() if name not in _CHOOSING}
    return kept


def split_title(text: str) -> tuple[str, tuple[str, ...]]:
    """Return name and hashes of a checkpoint's title such as ``name [9f90c59f3a]``, of another name that and no hash.

    A1111's old hash of 8 digits is cut off and left out: it says nothing.
    """
    text = text.strip()
    found = _TITLE.search(text)
    if found is None:
        return text, ()
    digits = found[1].lower()
    return text[: found.start()].strip(), (digits,) if len(digits) in {10, 12, 64} else ()


def _checkpoints(values: Mapping[str, Any], settings: Mapping[str, Any], stated: Wanted | None) -> Iterator[Wanted]:
    main = stated
    if main is None:
        named = _named(roles.CHECKPOINT, settings.get(CHECKPOINT_SETTING), CHECKPOINT_SETTING)
        digits = model_hash(settings.get(_HASH_SETTING))
        main = next(named, None)
        if digits is not None and len(digits) in {10, 12, 64}:
            main = replace(main or Wanted(roles.CHECKPOINT, ""), hashes=(digits,), source=CHECKPOINT_SETTING)
    if main is not None:
        yield replace(main, source=CHECKPOINT_SETTING)
    yield from _named(REFINER, values.get("refiner_checkpoint"), "refiner_checkpoint")
    if values.get("enable_hr"):
        yield from _named(roles.CHECKPOINT, values.get("hr_checkpoint_name"), "hr_checkpoint_name")


def _named(role: str, value: object, source: str, *, optional: bool = False) -> Iterator[Wanted]:
    """Yield the model that a value names, if it names one."""
    if value is None:
        return
    if not isinstance(value, str):
        raise FieldError(source, "must be the name of a model")
    _check_name(value, source)
    if value.strip().lower() not in roles.NO_FILE:
        name, hashes = split_title(value)
        if name or hashes:
            yield Wanted(role, name, hashes, source, optional=optional)


def _check_name(name: str, source: str) -> None:
    if len(name) > NAME_CHARACTERS or not fields.is_clean(name):
        problem = f"{name[:80]!a} is no model's name: at most {NAME_CHARACTERS} characters, no control characters"
        raise FieldError(source, problem)


def _in_texts(values: Mapping[str, Any]) -> Iterator[Wanted]:
    """Yield what the tags in prompts load, and in any text of a script: an agent finds a file for each of them."""
    texts = [(name, values[name]) for name in ("prompt", "hr_prompt") if name in values]
    texts += [found for name in (SCRIPTS, "script_args") for found in _texts_in(values.get(name), name, name)]
    for source, text in texts:
        if len(text) > PROMPT_CHARACTERS and any(tag[1] in NETWORKS for tag in tags(text)):
            raise FieldError(source, f"must be at most {PROMPT_CHARACTERS} characters where it loads models")
        nameless = (tag[0] for tag in tags(text) if tag[1] in NETWORKS and not tag[2].partition(":")[0].strip())
        for tag in nameless:
            raise FieldError(source, f"{tag[:80]!a} names no model")
        yield from (_of(each, source) for each in prompt_resources(text))


def _texts_in(value: object, key: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a value of any depth that a web UI may load models for, with their paths."""
    if isinstance(value, str):
        if "negative" not in key:
            yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts_in(each, name, f"{path}.{name}")
    elif isinstance(value, list):
        for number_, each in enumerate(value):
            yield from _texts_in(each, key, f"{path}.{number_}")


def _modules(value: object, source: str) -> Iterator[Wanted]:
    """Yield what Forge loads beside the checkpoint; agents and web UIs say names or whole paths."""
    for number_, each in enumerate(value if isinstance(value, list) else [value]):
        yield from _named(roles.MODULE, each, f"{source}.{number_}")


def _of(resource: Resource, source: str) -> Wanted:
    return Wanted(resource.role, resource.name, resource.searchable_hashes, source, resource.weight)


def _upscaler(values: Mapping[str, Any]) -> Iterator[Wanted]:
    name = values.get("hr_upscaler")
    if values.get("enable_hr") and isinstance(name, str) and not name.lower().startswith(_NO_MODEL_UPSCALERS):
        yield from _named(roles.UPSCALER, name, "hr_upscaler", optional=True)


def _of_scripts(scripts: Mapping[str, Any]) -> Iterator[Wanted]:
    for name, script in scripts.items():
        args, at, kind = script["args"], f"{SCRIPTS}.{name}.args", name.strip().lower()
        listed = list(enumerate(args)) if isinstance(args, list) else []
        if kind == "controlnet":
            for index, unit in listed:
                if isinstance(unit, dict) and unit.get("enabled", True):
                    for found in _named(roles.CONTROLNET, unit.get("model"), f"{at}.{index}.model"):
                        yield replace(found, weight=number(unit.get("weight")))
        elif kind == "refiner" and len(listed) > 1 and args[0]:
            yield from _named(REFINER, args[1], f"{at}.1")
        elif kind == "adetailer":
            for index, tab in listed:
                if isinstance(tab, dict) and tab.get("ad_tab_enable", True):
                    yield from _of_adetailer(tab, f"{at}.{index}")


def _of_adetailer(tab: Mapping[str, Any], at: str) -> Iterator[Wanted]:
    yield from _named(roles.DETECTOR, tab.get("ad_model"), f"{at}.ad_model", optional=True)
    if tab.get("ad_use_checkpoint"):
        yield from _named(roles.CHECKPOINT, tab.get("ad_checkpoint"), f"{at}.ad_checkpoint")
    if tab.get("ad_use_vae"):
        yield from _named(roles.VAE, tab.get("ad_vae"), f"{at}.ad_vae")
    if str(tab.get("ad_controlnet_model")).lower() != "passthrough":
        yield from _named(roles.CONTROLNET, tab.get("ad_controlnet_model"), f"{at}.ad_controlnet_model")


def _once(listed: Iterable[Wanted]) -> list[Wanted]:
    """Return each model once where prompts name it several times; what a setting or a value names stands for itself."""
    found: dict[tuple[str, str, str], Wanted] = {}
    for each in listed:
        in_text = each.role in {roles.LORA, roles.HYPERNETWORK, roles.EMBEDDING}
        key = (each.role, _key(each.name) or "".join(each.hashes), "" if in_text else each.source)
        found.setdefault(key, each)
    if len(found) > MOST_REQUIREMENTS:
        raise FieldError("prompt", f"must not ask for more than {MOST_REQUIREMENTS} models")
    return list(found.values())


def _with_hashes(listed: list[Wanted], hints: Iterable[Resource]) -> list[Wanted]:
    known: dict[tuple[str, str], tuple[str, ...]] = {}
    for each in hints:
        if each.name and each.searchable_hashes:
            key = (_kind(each.role), _key(each.name))
            known[key] = tuple(dict.fromkeys([*known.get(key, ()), *each.searchable_hashes]))
    return [
        replace(one, hashes=tuple(dict.fromkeys([*one.hashes, *known.get((_kind(one.role), _key(one.name)), ())])))
        for one in listed
    ]


def not_named(stated: Iterable[Resource], listed: Iterable[Wanted]) -> str:
    """Return the names of those stated models that a job does not ask for, the first few of them."""
    asked = {(_kind(each.role), _key(each.name)) for each in listed}
    missed = [each.name for each in stated if (_kind(each.role), _key(each.name)) not in asked]
    return ", ".join(name[:100] for name in missed[:10])


def _kind(role: str) -> str:
    """Return what roles have in common that one name may be given for: an infotext calls a module a VAE, and so on."""
    if role in {roles.VAE, roles.MODULE, roles.TEXT_ENCODER, roles.CLIP_VISION}:
        return roles.MODULE
    return roles.CHECKPOINT if role in {REFINER, roles.UNET} else role


def _key(name: str) -> str:
    return stem(name).translate({ord(":"): None, ord(","): None}).strip().casefold()
