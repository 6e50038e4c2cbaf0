"""Sidecars: the JSON files that other tools leave beside a model, as a witness about it.

Reading is bounded and separate; what a sidecar says is a pure function over its content. Formats: Civitai Helper's
``<name>.civitai.info`` (Civitai's model-version JSON), Forge's and A1111's ``<name>.json``, LoRA Manager's
``<name>.metadata.json``, Stability Matrix' ``<name>.cm-info.json``.
"""

import json
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .errors import HeaderError
from .files import ModelFile
from .metadata import clean
from .witnesses import SIDECAR, SIDECAR_CONFIDENCE, Statement, statement_of

SUFFIXES = (".civitai.info", ".metadata.json", ".cm-info.json", ".json")
MAX_SIDECAR_BYTES = 2 * 1024 * 1024
_FIELDS = ("baseModel", "base_model", "BaseModel", "sd version")
_WORDS = ("trainedWords", "TrainedWords", "activation text")
_MAX_WORDS = 20


def sidecar_paths(path: str | os.PathLike[str]) -> list[str]:
    """Return where a model's sidecars would lie (whether they do is for the caller to see)."""
    stem = os.path.splitext(os.fspath(path))[0]
    return [stem + suffix for suffix in SUFFIXES]


def read_sidecar(path: str | os.PathLike[str]) -> Mapping[str, Any] | None:
    """Return a sidecar's JSON object, or None where it is missing, too large or no such thing."""
    try:
        with ModelFile(path) as file:
            if file.size_bytes > MAX_SIDECAR_BYTES:
                return None
            content = json.loads(file.read(0, MAX_SIDECAR_BYTES))
    except (HeaderError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_sidecars(path: str | os.PathLike[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (file name, content) of a model's sidecars, the most telling format first."""
    found = ((PurePath(place).name, read_sidecar(place)) for place in sidecar_paths(path))
    return [(name, content) for name, content in found if content is not None]


def sidecar_claim(name: str, content: Mapping[str, Any]) -> Statement | None:
    """Return what a sidecar says about the ecosystem, or None."""
    nested = content.get("civitai")
    for source in (content, nested) if isinstance(nested, Mapping) else (content,):
        for field in _FIELDS:
            value = source.get(field)
            text = clean(value)
            statement = statement_of(SIDECAR, value, f"{clean(name)} says {field} {text!r}", SIDECAR_CONFIDENCE)
            if statement is not None:
                return statement
    return None


def sidecar_facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a sidecar says: title and trigger words."""
    model = content.get("model")
    title = clean(model.get("name")) if isinstance(model, Mapping) else None
    facts = {
        "title": title or clean(content.get("model_name")) or clean(content.get("ModelName")),
        "trigger_words": next((words for words in (_words(content.get(field)) for field in _WORDS) if words), None),
    }
    return {key: value for key, value in facts.items() if value}


def _words(value: object) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [word for word in (clean(part) for part in parts[:_MAX_WORDS]) if word]
