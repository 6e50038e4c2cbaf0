"""The facts that identification reads: JSON files of ``ecosystems/data/layouts``, loaded once."""

import hashlib
import json
from functools import cache, lru_cache
from importlib import resources
from typing import Any

_CODE_VERSION = 3
"""Raised with every change of the code that can change an answer; the data counts by its content."""
FILES = ("names", "families", "adapters", "models", "parts", "upscalers", "metadata", "folders")


@cache
def load(name: str) -> Any:
    """Return the content of one data file."""
    return json.loads(_text(name))


@lru_cache(maxsize=1)
def rules_version() -> str:
    """Return 16 hex digits that change whenever an answer may: kept with a cached answer, they say if it still holds.

    They are a digest of the data files' content, whatever their formatting, and of the code's version.
    """
    digest = hashlib.sha256(str(_CODE_VERSION).encode())
    for name in FILES:
        digest.update(json.dumps(load(name), sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _text(name: str) -> str:
    data = resources.files(__package__.rpartition(".")[0]) / "data" / "layouts" / f"{name}.json"
    return data.read_text(encoding="utf-8")
