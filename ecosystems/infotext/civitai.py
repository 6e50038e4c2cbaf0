"""What Civitai and its extensions write into an infotext: ``Hashes``, ``Civitai resources``, and names called AIR.

Source: Civitai's extension for A1111, the infotexts of its own generator, and its "AI Resource" names.
"""

import json
from collections.abc import Iterator, Mapping

from . import resource as r
from .prompts import number
from .resource import Resource, model_hash

_ROLES = {"model": r.CHECKPOINT, "vae": r.VAE, "lora": r.LORA, "lyco": r.LORA, "embed": r.EMBEDDING,
          "hypernet": r.HYPERNETWORK}  # fmt: skip
"""What stands before the colon in Civitai's ``Hashes``."""
_CIVITAI_ROLES = {"checkpoint": r.CHECKPOINT, "model": r.CHECKPOINT, "vae": r.VAE, "lora": r.LORA, "lycoris": r.LORA,
                  "locon": r.LORA, "dora": r.LORA, "embed": r.EMBEDDING, "embedding": r.EMBEDDING,
                  "textualinversion": r.EMBEDDING, "hypernet": r.HYPERNETWORK, "hypernetwork": r.HYPERNETWORK,
                  "controlnet": r.CONTROLNET, "upscaler": r.UPSCALER}  # fmt: skip
_FILES = {"model": "Model", "vae": "VAE"}
"""What ``Hashes`` has without a name is the file that a field names."""
_MOST_ITEMS = 1000
_LONGEST_AIR = 300


def hashes_in(fields: Mapping[str, str]) -> Iterator[Resource]:
    """Yield what ``Hashes: {"model": …, "lora:name": …}`` holds."""
    listed = _json(fields.get("Hashes", ""))
    for key, value in list(listed.items())[:_MOST_ITEMS] if isinstance(listed, dict) else []:
        kind, _, name = key.partition(":")
        digits = model_hash(value)
        if kind not in _ROLES or digits is None:
            continue
        if not name and kind in _FILES:
            name = fields.get(_FILES[kind], "").strip()
            name = "" if name.lower() in r.NO_FILE else name
        yield Resource(_ROLES[kind], name, digits, source="Hashes")


def resources_in(value: str) -> Iterator[Resource]:
    """Yield what ``Civitai resources: [{"type", "modelName", "modelVersionId", "weight", …}]`` holds."""
    listed = _json(value)
    for item in listed[:_MOST_ITEMS] if isinstance(listed, list) else []:
        if not isinstance(item, dict):
            continue
        air = read_air(item.get("air"))
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


def read_air(urn: object) -> tuple[str, int | None]:
    """Return type and version of a name like ``urn:air:sdxl:lora:civitai:122359@135867``; "" and None for others."""
    parts = urn.split(":") if isinstance(urn, str) and len(urn) < _LONGEST_AIR else []
    if len(parts) < 6 or parts[:2] != ["urn", "air"] or parts[4] != "civitai":
        return "", None
    digits = parts[5].partition("@")[2]
    return parts[3], int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None


def _json(text: str) -> object:
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None
