"""The JSON files that tools put beside a model: finding and reading them.

``<name>.civitai.info``: Civitai's model version (Civitai Helper and many more). ``<name>.metadata.json``: LoRA
Manager. ``<name>.cm-info.json``: Stability Matrix. ``<name>.json``: the user metadata of A1111 and Forge, which some
tools extend. All of it is text from strangers: every field may be missing, of another type, or hostile. What they say
of the hash is for ``sidecar_claim``, what they say of the model for ``ecosystems.identify``: it takes (``name``,
``data``).
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..inventory.errors import FileError
from .bounded import read_bounded

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
"""Source -> what stands behind the model's name without its suffix."""

PREVIEW_SUFFIXES = tuple(f"{middle}.{end}" for middle in (".preview", "") for end in ("png", "jpg", "jpeg", "webp"))

MAX_SIDECAR_BYTES = 4 << 20
"""A ``.civitai.info`` lists all example images with their prompts: real ones reach a MiB."""


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


def read_sidecars(model: str, names: Collection[str] | None = None) -> list[Sidecar]:
    """Read the sidecars of a model, in the order of ``SUFFIXES``; what is no JSON object within bounds is left out.

    Args:
        model: path of the model file.
        names: the names in its folder, where the caller has listed it; saves looking for files that are not there.
    """
    folder, name = os.path.split(model)
    stem = os.path.splitext(name)[0]
    found = []
    for source, suffix in SUFFIXES.items():
        if names is not None and stem + suffix not in names:
            continue
        path = os.path.join(folder, stem + suffix)
        sidecar = _read(source, path)
        if sidecar:
            found.append(sidecar)
    return found


def _read(source: str, path: str) -> Sidecar | None:
    try:
        content, mtime_ns = read_bounded(Path(path), MAX_SIDECAR_BYTES)
        data = json.loads(content.decode("utf-8-sig"))
    except (FileError, ValueError, RecursionError):
        return None
    return Sidecar(source, path, mtime_ns, data) if isinstance(data, dict) else None


def preview_name(name: str, names: Collection[str]) -> str | None:
    """Return the name of a model's preview image among the names in its folder, or None."""
    stem = os.path.splitext(name)[0]
    return next((stem + suffix for suffix in PREVIEW_SUFFIXES if stem + suffix in names), None)


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
