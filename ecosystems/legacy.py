"""The verbose configuration that the records replace: ``[{"group", "support", "partialSupport"}]``.

Both lists hold ``{"modelTypes", "baseModels"}``: files of these types and base models work with checkpoints of the
group, fully or in part. What a configuration says is the set of its **cells** (group, model type, base model, grade);
the order of groups, lists and names, how cells are gathered into lists, and an empty ``partialSupport`` say nothing.
``expand`` gathers base models with equal types. A cell may stand in both lists, and then does so again.

Semantics read from ``baseModelGenerationConfig`` of Civitai (``src/shared/constants/base-model.constants.ts``,
Apache-2.0), where the first entry of a group counts and the full list wins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import records as r
from .catalogue import Catalogue
from .errors import LegacyError
from .model_types import MODEL_TYPES, canonical_type
from .resolution import resolve
from .verdict import judge_pair

Cells = dict[str, dict[str, set[tuple[str, str]]]]
"""Grade -> group -> the cells (model type, base model); every listed group has a set, also an empty one."""

LISTS = {"support": r.FULL, "partialSupport": r.PARTIAL}
_ORDER = {name: index for index, name in enumerate(MODEL_TYPES)}


@dataclass
class Legacy:
    """A verbose configuration as it was read."""

    cells: Cells = field(default_factory=lambda: {r.FULL: {}, r.PARTIAL: {}})
    blocks: list[tuple[str, str, str, set[tuple[str, str]]]] = field(default_factory=list)
    """(place in the file, group, grade, cells) of every list, for the report."""
    base_models: dict[str, None] = field(default_factory=dict)
    """All base models that have a cell, in the order of the file."""

    @property
    def groups(self) -> list[str]:
        """The groups, in the order of the file."""
        return list(self.cells[r.FULL])


def read_legacy(raw: Any) -> Legacy:
    """Return what a verbose configuration says.

    A group that stands in the list twice counts as one with all their cells.

    Raises:
        LegacyError: it is not such a list; the message names the entry and the key.
    """
    if not isinstance(raw, list):
        raise LegacyError('a verbose configuration is a list of groups, such as [{"group": "SD1", "support": []}]')
    legacy = Legacy()
    for index, entry in enumerate(raw):
        place = f"[{index}]"
        if not isinstance(entry, dict):
            raise LegacyError(f"{place} is not an object")
        unknown = set(entry) - {"group", *LISTS}
        if unknown:
            raise LegacyError(f"{place} has the unknown key {sorted(unknown)[0]!r} (known: group, {', '.join(LISTS)})")
        group = _name(entry.get("group"), f"{place}.group")
        for grade in LISTS.values():
            legacy.cells[grade].setdefault(group, set())
        for key, grade in LISTS.items():
            rows = entry.get(key, [])
            if not isinstance(rows, list):
                raise LegacyError(f"{place}.{key} is not a list")
            for number, row in enumerate(rows):
                cells = _read_block(row, f"{place}.{key}[{number}]")
                legacy.cells[grade][group] |= cells
                legacy.blocks.append((f"{group}.{key}[{number}]", group, grade, cells))
                if cells:
                    legacy.base_models.update(dict.fromkeys(row["baseModels"]))
    return legacy


def _read_block(row: Any, place: str) -> set[tuple[str, str]]:
    if not isinstance(row, dict) or set(row) != {"modelTypes", "baseModels"}:
        raise LegacyError(f"{place} is not an object with modelTypes and baseModels")
    for key in ("modelTypes", "baseModels"):
        if not isinstance(row[key], list):
            raise LegacyError(f"{place}.{key} is not a list")
    types = []
    for name in row["modelTypes"]:
        known = canonical_type(name) if isinstance(name, str) else None
        if known is None:
            raise LegacyError(f"{place}.modelTypes: {str(name)[:60]!r} is not a model type")
        types.append(known)
    models = [_name(name, f"{place}.baseModels") for name in row["baseModels"]]
    return {(model_type, name) for model_type in types for name in models}


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip() or not value.isprintable():
        raise LegacyError(f"{place}: {str(value)[:60]!r} is not a name")
    return value


def cells_of(catalogue: Catalogue) -> Cells:
    """Return what a catalogue says about generation, as cells.

    A group is listed where its ecosystem has a generation support that is enabled, its own or inherited.
    """
    cells: Cells = {r.FULL: {}, r.PARTIAL: {}}
    subjects = [catalogue.subject(model) for model in catalogue.base_models.values()]
    for group in catalogue.groups.values():
        definition = catalogue.inherited_support(group.ecosystem, "generation")
        if definition is None or not definition.enabled:
            continue
        checkpoint = catalogue.subject(group)
        full: set[tuple[str, str]] = set()
        partial: set[tuple[str, str]] = set()
        cells[r.FULL][group.name], cells[r.PARTIAL][group.name] = full, partial
        types = [name for name in MODEL_TYPES if resolve(catalogue, checkpoint, "generation", name).supported]
        for addon in subjects:
            for model_type in types:
                verdict = judge_pair(catalogue, checkpoint, addon, model_type)
                grades = {verdict.grade}
                exception = catalogue.exception(checkpoint, addon, "generation", model_type)
                if exception is not None and exception.grade == verdict.grade and exception.also:
                    grades.add(exception.also)
                if r.FULL in grades:
                    full.add((model_type, addon.name))
                if r.PARTIAL in grades:
                    partial.add((model_type, addon.name))
    return cells


def expand(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the verbose configuration of a catalogue: overrides and exceptions applied, no runtime."""
    cells = cells_of(catalogue)
    order = {name: index for index, name in enumerate(catalogue.base_models)}
    result = []
    for group in cells[r.FULL]:
        entry: dict[str, Any] = {"group": group, "support": _blocks(cells[r.FULL][group], order)}
        partial = _blocks(cells[r.PARTIAL][group], order)
        if partial:
            entry["partialSupport"] = partial
        result.append(entry)
    return result


def _blocks(cells: Iterable[tuple[str, str]], order: Mapping[str, int]) -> list[dict[str, Any]]:
    types: dict[str, set[str]] = {}
    for model_type, name in cells:
        types.setdefault(name, set()).add(model_type)
    gathered: dict[frozenset[str], list[str]] = {}
    for name in sorted(types, key=order.__getitem__):
        gathered.setdefault(frozenset(types[name]), []).append(name)
    return [
        {"modelTypes": sorted(names, key=_ORDER.__getitem__), "baseModels": models}
        for names, models in gathered.items()
    ]
