"""What a file of the inventory is: the header's identification, in the form that index and hub keep."""

from dataclasses import replace
from typing import Any

from ...ecosystems.identify import Identification, identify_file, read_sidecars, rules_version
from ...ecosystems.identify.sidecars import SUFFIXES as SIDECAR_SUFFIXES
from .index import Facts


def identity_of(path: str, folder_kind: str) -> dict[str, Any]:
    """Return what a file is by its header and sidecars: ``kind``, ``ecosystem``, ``base_model``, ``confidence``,
    ``evidence``, ``conflicts``, and ``metadata`` for what was found on the way. Reads no tensor."""
    found: Identification = identify_file(path, folder_kind=folder_kind, sidecars=read_sidecars(path))
    return {
        "kind": found.kind,
        "ecosystem": found.ecosystem,
        "base_model": found.base_model,
        "confidence": found.confidence,
        "evidence": list(found.evidence),
        "conflicts": list(found.conflicts),
        "metadata": dict(found.extras),
    }


def identified(facts: Facts, path: str, folder_kind: str) -> Facts:
    """Return facts with the identification by today's rules."""
    return replace(facts, identity=identity_of(path, folder_kind), rules=rules_version())


def is_current(facts: Facts) -> bool:
    """Tell whether facts were identified by today's rules."""
    return facts.rules == rules_version()


def model_stem(path: str) -> str | None:
    """Return the path without its sidecar suffix, or None where it is no sidecar's."""
    return next((path[: -len(suffix)] for suffix in SIDECAR_SUFFIXES.values() if path.endswith(suffix)), None)
