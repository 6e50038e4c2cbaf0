"""The verbose configuration that the records replace: ``[{"group", "support", "partialSupport"}]``.

Both lists hold ``{"modelTypes", "baseModels"}``: files of these types and base models work with checkpoints of the
group, fully or in part. What a configuration says is the set of its **cells** (group, model type, base model, grade);
in which order and in which lists it says them is its **layout**. A cell may stand in both lists.

Semantics read from ``baseModelGenerationConfig`` of Civitai (``src/shared/constants/base-model.constants.ts``,
Apache-2.0), where the first entry of a group counts and the full list wins.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from . import records as r
from .errors import LegacyError
from .model_types import canonical_type

Cells = dict[str, dict[str, set[tuple[str, str]]]]
"""Grade -> group -> the cells (model type, base model); every listed group has a set, also an empty one."""

LISTS = {"support": r.FULL, "partialSupport": r.PARTIAL}


@dataclass
class Legacy:
    """A verbose configuration as it was read."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """The groups as they were written."""
    cells: Cells = field(default_factory=lambda: {r.FULL: {}, r.PARTIAL: {}})
    blocks: list[tuple[str, str, str, set[tuple[str, str]]]] = field(default_factory=list)
    """(place in the file, group, grade, cells) of every list, and of a group without any, for the report."""
    base_models: dict[str, None] = field(default_factory=dict)
    """All base models that have a cell, in an order that agrees with every list where there is one."""

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
    neighbours: list[tuple[str, str]] = []
    for index, entry in enumerate(raw):
        group = read_entry(entry, f"[{index}]")
        label = f"[{index}] {group}" if group in legacy.cells[r.FULL] else group  # it stands in the list again
        legacy.entries.append(entry)
        if not any(entry.get(key) for key in LISTS):
            legacy.blocks.append((label, group, r.FULL, set()))
        for grade in LISTS.values():
            legacy.cells[grade].setdefault(group, set())
        for key, grade in LISTS.items():
            blocks = entry.get(key, [])
            for number, block in enumerate(blocks):
                cells = block_cells(block)
                legacy.cells[grade][group] |= cells
                legacy.blocks.append((f"{label}.{key}[{number}]", group, grade, cells))
            named = [block["baseModels"] for block in blocks if block_cells(block)]
            legacy.base_models.update(dict.fromkeys(name for models in named for name in models))
            for models in (*named, [models[0] for models in named]):
                neighbours += pairwise(models)
    legacy.base_models = dict.fromkeys(_in_order(list(legacy.base_models), neighbours))
    return legacy


def read_entry(entry: Any, place: str) -> str:
    """Check one group of a configuration and return its name; ``place`` is where it stands, for messages.

    Raises:
        LegacyError: it is not a group.
    """
    if not isinstance(entry, dict):
        raise LegacyError(f"{place} is not an object")
    unknown = set(entry) - {"group", *LISTS}
    if unknown:
        raise LegacyError(f"{place} has the unknown key {sorted(unknown)[0]!r} (known: group, {', '.join(LISTS)})")
    group = _name(entry.get("group"), f"{place}.group")
    for key in LISTS:
        blocks = entry.get(key, [])
        if not isinstance(blocks, list):
            raise LegacyError(f"{place}.{key} is not a list")
        for number, block in enumerate(blocks):
            _check_block(block, f"{place}.{key}[{number}]")
    return group


def block_cells(block: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the cells (model type, base model) of a block that was checked."""
    return {(canonical_type(kind) or kind, name) for kind in block["modelTypes"] for name in block["baseModels"]}


def _in_order(names: list[str], neighbours: list[tuple[str, str]]) -> Iterator[str]:
    """Yield names so that of two neighbours the first comes first, else as they stand; where that is a circle, so too.

    The lists of a configuration that was expanded from records are all in one order, which this finds again.
    """
    before: dict[str, set[str]] = {name: set() for name in names}
    for first, second in neighbours:
        if first != second:
            before[second].add(first)
    left = dict.fromkeys(names)
    while left:
        following = next((name for name in left if not before[name] & left.keys()), next(iter(left)))
        del left[following]
        yield following


def _check_block(row: Any, place: str) -> None:
    if not isinstance(row, dict) or set(row) != {"modelTypes", "baseModels"}:
        raise LegacyError(f"{place} is not an object with modelTypes and baseModels")
    for key in ("modelTypes", "baseModels"):
        if not isinstance(row[key], list):
            raise LegacyError(f"{place}.{key} is not a list")
    for name in row["modelTypes"]:
        if not isinstance(name, str) or canonical_type(name) is None:
            raise LegacyError(f"{place}.modelTypes: {str(name)[:60]!r} is not a model type")
    for name in row["baseModels"]:
        _name(name, f"{place}.baseModels")


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip() or not value.isprintable():
        raise LegacyError(f"{place}: {str(value)[:60]!r} is not a name")
    return value
