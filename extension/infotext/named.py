"""The models that the fields of an infotext name, with their hashes.

Source of the fields: A1111's and Forge's ``create_infotext``, their LoRA, hypernetwork, refiner, hires and textual
inversion code, the ControlNet and ADetailer extensions, the old Additional Networks extension, and Civitai's
``Hashes`` and ``Civitai resources``.
"""

import json
import re
from collections.abc import Iterator, Mapping

from . import resource as r
from .fields import read_pairs
from .prompts import extra_networks, number
from .resource import Resource, model_hash

_MODULE = re.compile(r"(?:Hires )?Module \d+")
_CONTROLNET = re.compile(r"ControlNet(?:[ -]\d+)?(?: Model)?", re.IGNORECASE)
_ADDITIONAL = re.compile(r"AddNet Model (\d+)")
_PROMPT = re.compile(r"Hires prompt|ADetailer prompt(?: \w+)?")
_DETECTOR = re.compile(r"ADetailer model(?: \w+)?")
_CHECKPOINTS = ("Refiner", "Hires checkpoint", "ADetailer checkpoint")
_NO_FILE = frozenset({"", "none", "automatic", "built-in", "use same checkpoint", "use same choices", "use same vae"})
_NO_UPSCALER = ("latent", "lanczos", "nearest", "none")
_ROLES = {"model": r.CHECKPOINT, "vae": r.VAE, "lora": r.LORA, "lyco": r.LORA, "embed": r.EMBEDDING,
          "hypernet": r.HYPERNETWORK}  # fmt: skip
"""What stands before the colon in Civitai's ``Hashes``."""
_CIVITAI_ROLES = {"checkpoint": r.CHECKPOINT, "model": r.CHECKPOINT, "vae": r.VAE, "lora": r.LORA, "lycoris": r.LORA,
                  "locon": r.LORA, "dora": r.LORA, "embed": r.EMBEDDING, "embedding": r.EMBEDDING,
                  "textualinversion": r.EMBEDDING, "hypernet": r.HYPERNETWORK, "hypernetwork": r.HYPERNETWORK,
                  "controlnet": r.CONTROLNET, "upscaler": r.UPSCALER}  # fmt: skip
_MOST_JSON_ITEMS = 1000


def resources_in(fields: Mapping[str, str]) -> list[Resource]:
    """Return every model that the fields name, some of them several times over (see ``merged``)."""
    found = [*_main(fields), *_others(fields)]
    for name, role in (("Lora hashes", r.LORA), ("TI hashes", r.EMBEDDING)):
        for written, text in read_pairs(fields.get(name, "")):
            if (digits := model_hash(text)) is not None:
                found.append(Resource(role, written, digits, source=name))
    found += _civitai_hashes(fields)
    found += _civitai_resources(fields.get("Civitai resources", ""))
    return found


def _main(fields: Mapping[str, str]) -> Iterator[Resource]:
    """Yield checkpoint, VAE and hypernetwork: each a field for the name, and one for the hash."""
    strength = number(fields.get("Hypernet strength"))
    for role, name, weight in ((r.CHECKPOINT, "Model", None), (r.VAE, "VAE", None),
                               (r.HYPERNETWORK, "Hypernet", strength)):  # fmt: skip
        written, digits = fields.get(name, "").strip(), model_hash(fields.get(f"{name} hash"))
        if written.lower() in _NO_FILE:
            written = ""
        if written or digits:
            yield Resource(role, written, digits, weight, name if written else f"{name} hash")


def _others(fields: Mapping[str, str]) -> Iterator[Resource]:
    for name, value in fields.items():
        if name in _CHECKPOINTS:
            yield from _named(r.CHECKPOINT, value, name)
        elif _MODULE.fullmatch(name):
            yield from _named(r.MODULE, value, name)
        elif name == "ADetailer VAE":
            yield from _named(r.VAE, value, name)
        elif name == "Hires upscaler" and not value.lower().startswith(_NO_UPSCALER):
            yield from _named(r.UPSCALER, value, name)
        elif _DETECTOR.fullmatch(name):
            yield from _named(r.DETECTOR, value, name)
        elif _PROMPT.fullmatch(name):
            yield from extra_networks(value, name)
        elif _CONTROLNET.fullmatch(name):
            yield from _controlnet(name, value)
        elif (numbered := _ADDITIONAL.fullmatch(name)) is not None:
            weight = number(fields.get(f"AddNet Weight A {numbered[1]}"))
            yield from _named(r.LORA, value, name, weight)


def _named(role: str, value: str, source: str, weight: float | None = None) -> Iterator[Resource]:
    """Yield the resource that a value like ``name [hash]`` or ``name(hash)`` names, if it names a file."""
    name, digits = value.strip(), None
    if name.endswith(("]", ")")):
        head, _, last = name[:-1].rpartition("[" if name.endswith("]") else "(")
        if (digits := model_hash(last)) is not None:
            name = head.strip()
    if name.lower() not in _NO_FILE:
        yield Resource(role, name, digits, weight, source)


def _controlnet(name: str, value: str) -> Iterator[Resource]:
    """Yield the model of a ControlNet unit: ``Module: …, Model: name [hash], Weight: 1, …``, or just the name."""
    if name.lower().endswith(" model"):
        yield from _named(r.CONTROLNET, value, name)
        return
    settings = {key.lower(): text for key, text in read_pairs(value)}
    yield from _named(r.CONTROLNET, settings.get("model", ""), name, number(settings.get("weight")))


def _civitai_hashes(fields: Mapping[str, str]) -> Iterator[Resource]:
    """Yield what ``Hashes: {"model": …, "lora:name": …}`` holds."""
    listed = _json(fields.get("Hashes", ""))
    for key, value in list(listed.items())[:_MOST_JSON_ITEMS] if isinstance(listed, dict) else []:
        kind, _, name = key.partition(":")
        digits = model_hash(value)
        if kind not in _ROLES or digits is None:
            continue
        if not name and kind in {"model", "vae"}:  # the file that is named in a field of its own
            name = fields.get({"model": "Model", "vae": "VAE"}[kind], "")
            name = "" if name.lower() in _NO_FILE else name
        yield Resource(_ROLES[kind], name, digits, source="Hashes")


def _civitai_resources(value: str) -> Iterator[Resource]:
    """Yield what ``Civitai resources: [{"type", "modelName", "modelVersionId", "weight", …}]`` holds."""
    listed = _json(value)
    for item in listed[:_MOST_JSON_ITEMS] if isinstance(listed, list) else []:
        if not isinstance(item, dict):
            continue
        air = _air(item.get("air"))
        version = item.get("modelVersionId", air[1])
        names = [item.get("modelName"), item.get("modelVersionName")]
        yield Resource(
            _CIVITAI_ROLES.get(str(item.get("type", air[0])).lower(), r.OTHER),
            " ".join(name for name in names if isinstance(name, str)).strip(),
            model_hash(item.get("hash")),
            number(item.get("weight")),
            "Civitai resources",
            civitai_version_id=version if type(version) is int and version > 0 else None,
        )


def _air(urn: object) -> tuple[str, int | None]:
    """Return type and version of Civitai's ``urn:air:sdxl:lora:civitai:122359@135867``."""
    parts = urn.split(":") if isinstance(urn, str) and len(urn) < 300 else []
    if len(parts) < 6 or parts[4] != "civitai":
        return "", None
    digits = parts[5].rpartition("@")[2]
    return parts[3], int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None


def _json(text: str) -> object:
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None
