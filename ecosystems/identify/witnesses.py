"""Witnesses: who says what about a file, in one form, whatever its source."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import load

MANUAL, SERVICE, LAYOUT, SIDECAR, METADATA, NAME = "manual", "service", "layout", "sidecar", "metadata", "name"
ORDER = (MANUAL, SERVICE, LAYOUT, SIDECAR, METADATA, NAME)
"""Witnesses from the one to be believed most to the weakest."""
HINT_CONFIDENCE = 0.4
SIDECAR_CONFIDENCE = 0.85
_SEPARATORS = re.compile(r"[\s._-]+")


@dataclass(frozen=True)
class Statement:
    """What one witness says: the ecosystems that it leaves open, and how far it is believed (0 to 1)."""

    witness: str
    says: str
    among: frozenset[str] = frozenset()
    confidence: float = 0.0
    likely: str | None = None
    base_model: str | None = None
    kind: str | None = None

    def as_evidence(self) -> dict[str, Any]:
        """Return the statement as it is shown and stored."""
        shown = {"witness": self.witness, "says": self.says, "weight": round(self.confidence, 2)}
        if self.among:
            shown["proves" if self.witness == LAYOUT else "claims"] = sorted(self.among)
        return shown


def base_model_named(name: object) -> str | None:
    """Return the catalogue's base model for a name in any case and punctuation, or None.

    Tools write ``SDXL 1.0``, ``sdxl_1.0`` or, for an ecosystem with one base model, the ecosystem's key.
    """
    return _base_models().get(_folded(name)) if isinstance(name, str) else None


def ecosystem_named(name: object) -> str | None:
    """Return the ecosystem that a base model's or an ecosystem's name stands for, or None."""
    if not isinstance(name, str):
        return None
    base_model = base_model_named(name)
    if base_model is not None:
        return str(load("families")["base_models"][base_model])
    return _ecosystems().get(_folded(name))


def only_base_model(ecosystem: str) -> str | None:
    """Return an ecosystem's base model where the catalogue has exactly one for it."""
    names = [name for name, owner in load("families")["base_models"].items() if owner == ecosystem]
    return names[0] if len(names) == 1 else None


def statement_of(witness: str, name: object, says: str, confidence: float) -> Statement | None:
    """Return a statement that names a base model or ecosystem, or None where the name means nothing to us."""
    ecosystem = ecosystem_named(name)
    if ecosystem is None:
        return None
    return Statement(witness, says, frozenset({ecosystem}), confidence, ecosystem, base_model_named(name))


def groups(names: Iterable[str]) -> frozenset[str]:
    """Return ecosystems with the abbreviations of ``families.json`` written out."""
    table: Mapping[str, list[str]] = load("families")["groups"]
    return frozenset(name for item in names for name in table.get(item, [item]))


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name[:100]).lower()


@lru_cache(maxsize=1)
def _base_models() -> dict[str, str]:
    data = load("families")
    table = {_folded(name): name for name in data["base_models"]}
    return {**{_folded(alias): name for alias, name in data["base_model_aliases"].items()}, **table}


@lru_cache(maxsize=1)
def _ecosystems() -> dict[str, str]:
    data = load("families")
    table = {_folded(name): name for name in data["base_models"].values()}
    return {**{_folded(alias): name for alias, name in data["ecosystem_aliases"].items()}, **table}
