"""Sidecars: the JSON files that other tools leave beside a model, as a witness about it.

``<name>.civitai.info``: Civitai's model version (Civitai Helper and many more). ``<name>.metadata.json``: LoRA
Manager. ``<name>.cm-info.json``: Stability Matrix. ``<name>.json``: the user metadata of A1111 and Forge, which some
tools extend. All of it is text from strangers: every field may be missing, of another type, or hostile. Reading is
bounded and separate; what a sidecar says of the model is a pure function over its content. What it says of the hash is
for whoever keeps hashes.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import HeaderError
from .files import ModelFile
from .metadata import clean
from .witnesses import SIDECAR, SIDECAR_CONFIDENCE, Statement, statement_of

CIVITAI_INFO = "civitai.info"
LORA_MANAGER = "LoRA Manager"
STABILITY_MATRIX = "Stability Matrix"
USER_METADATA = "user metadata"

SUFFIXES = {
    CIVITAI_INFO: ".civitai.info",
    LORA_MANAGER: ".metadata.json",
    STABILITY_MATRIX: ".cm-info.json",
    USER_METADATA: ".json",
}
"""Source -> what stands behind the model's name without its suffix, the most telling source first."""

MAX_SIDECAR_BYTES = 4 << 20
"""A ``.civitai.info`` lists all example images with their prompts: real ones reach a MiB."""
_FIELDS = ("baseModel", "base_model", "BaseModel", "sd version")
_WORDS = ("trainedWords", "TrainedWords", "activation text")
_MAX_WORDS = 20


@dataclass(frozen=True)
class Sidecar:
    """A JSON object that was found beside a model; ``source`` is a key of ``SUFFIXES``."""

    source: str
    path: str
    mtime_ns: int
    data: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The sidecar's own name."""
        return os.path.basename(self.path)


def read_sidecars(model: str | os.PathLike[str], names: Collection[str] | None = None) -> list[Sidecar]:
    """Read the sidecars of a model, in the order of ``SUFFIXES``; what is no JSON object within bounds is left out.

    Args:
        model: path of the model file.
        names: the names in its folder, where the caller has listed it; saves looking for files that are not there.
    """
    folder, name = os.path.split(os.fspath(model))
    stem = os.path.splitext(name)[0]
    wanted = ((source, stem + suffix) for source, suffix in SUFFIXES.items())
    found = (_read(source, os.path.join(folder, name)) for source, name in wanted if names is None or name in names)
    return [sidecar for sidecar in found if sidecar is not None]


def _read(source: str, path: str) -> Sidecar | None:
    try:
        with ModelFile(path) as file:
            if file.size_bytes > MAX_SIDECAR_BYTES:
                return None
            data = json.loads(file.read(0, file.size_bytes).decode("utf-8-sig"))
            return Sidecar(source, path, file.mtime_ns, data) if isinstance(data, dict) else None
    except (HeaderError, ValueError, RecursionError):
        return None


def sidecar_claim(name: str, content: Mapping[str, Any]) -> Statement | None:
    """Return what a sidecar says about the ecosystem, or None."""
    nested = content.get("civitai")
    for source in (content, nested) if isinstance(nested, Mapping) else (content,):
        for field_name in _FIELDS:
            value = source.get(field_name)
            text = clean(value)
            statement = statement_of(SIDECAR, value, f"{clean(name)} says {field_name} {text!r}", SIDECAR_CONFIDENCE)
            if statement is not None:
                return statement
    return None


def sidecar_facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a sidecar says: title, trigger words, and which version of a model on Civitai this is."""
    model = content.get("model")
    title = clean(model.get("name")) if isinstance(model, Mapping) else None
    facts = {
        "title": title or clean(content.get("model_name")) or clean(content.get("ModelName")),
        "trigger_words": next((words for words in (_words(content.get(field)) for field in _WORDS) if words), None),
        "civitai_version_id": _civitai_version(content),
    }
    return {key: value for key, value in facts.items() if value}


def _civitai_version(content: Mapping[str, Any]) -> int | None:
    """Return the id of a version on Civitai, whose own object has ``modelId`` too; LoRA Manager keeps that object."""
    nested = content.get("civitai")
    candidates = [
        version.get("id") for version in (content, nested) if isinstance(version, Mapping) and "modelId" in version
    ]
    found = next((value for value in (*candidates, content.get("VersionId")) if isinstance(value, int)), None)
    return found if found is not None and not isinstance(found, bool) and 0 < found < 1 << 53 else None


def _words(value: object) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [word for word in (clean(part) for part in parts[:_MAX_WORDS]) if word]
