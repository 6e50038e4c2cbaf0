"""The models that the fields of an infotext name, with their hashes.

Source of the fields: A1111's and Forge's ``create_infotext``, their LoRA, hypernetwork, refiner, hires and textual
inversion code, and the ControlNet, ADetailer and (old) Additional Networks extensions.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from . import civitai
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
_MOST_RESOURCES = 10_000
_NO_UPSCALER = ("latent", "lanczos", "nearest", "none")


def resources_in(fields: Mapping[str, str]) -> list[Resource]:
    """Return every model that the fields name, some of them several times over (see ``merged``)."""
    found = list(islice(chain(_main(fields), _others(fields)), _MOST_RESOURCES))
    for name, role in (("Lora hashes", r.LORA), ("TI hashes", r.EMBEDDING)):
        for written, text in read_pairs(fields.get(name, "")):
            if (digits := model_hash(text)) is not None:
                found.append(Resource(role, written, digits, source=name))
    found += civitai.hashes_in(fields)
    found += civitai.resources_in(fields.get("Civitai resources", ""))
    return found


def _main(fields: Mapping[str, str]) -> Iterator[Resource]:
    """Yield checkpoint, VAE and hypernetwork: each a field for the name, and one for the hash."""
    strength = number(fields.get("Hypernet strength"))
    for role, name, weight in ((r.CHECKPOINT, "Model", None), (r.VAE, "VAE", None),
                               (r.HYPERNETWORK, "Hypernet", strength)):  # fmt: skip
        written, digits = fields.get(name, "").strip(), model_hash(fields.get(f"{name} hash"))
        if written.lower() in r.NO_FILE:
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
    if name.lower() not in r.NO_FILE:
        yield Resource(role, name, digits, weight, source)


def _controlnet(name: str, value: str) -> Iterator[Resource]:
    """Yield the model of a ControlNet unit: ``Module: …, Model: name [hash], Weight: 1, …``, or just the name."""
    if name.lower().endswith(" model"):
        yield from _named(r.CONTROLNET, value, name)
        return
    settings = {key.lower(): text for key, text in read_pairs(value)}
    yield from _named(r.CONTROLNET, settings.get("model", ""), name, number(settings.get("weight")))
