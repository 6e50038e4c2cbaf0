"""Writes the verbose configuration of a catalogue (see ``legacy``), for consumers that still want it.

Base models with equal types are gathered into one list, and all stands in the order of the catalogue. Where records
came from a configuration that was laid out otherwise, they hold that **layout**: the names of its groups in their
order, and in place of a name the group as it was written, where it was written otherwise. A layout only arranges what
the records say: what they no longer say is left out of it, and what they say besides is added.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from . import records as r
from .legacy import LISTS, Cells, block_cells
from .lookups import Lookups
from .model_types import MODEL_TYPES
from .resolution import resolve
from .verdict import judge_pair

Layout = list[Any]
"""Names of groups, and groups as they were written."""

_ORDER = {name: index for index, name in enumerate(MODEL_TYPES)}


def cells_of(catalogue: Lookups) -> Cells:
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


def expand(catalogue: Lookups) -> list[dict[str, Any]]:
    """Return the verbose configuration of a catalogue: overrides and exceptions applied, no runtime."""
    cells = cells_of(catalogue)
    order = {name: index for index, name in enumerate(catalogue.base_models)}
    plain = {group: _entry(group, cells, order) for group in cells[r.FULL]}
    laid_out = [item for item in catalogue.facts.layout if _group(item) in plain]
    last = {_group(item): index for index, item in enumerate(laid_out)}
    result = []
    for index, item in enumerate(laid_out):
        group = _group(item)
        if isinstance(item, str):
            result.append(plain[group])
            continue
        entry = _arranged(item, cells, order)
        if last[group] == index:
            written = [row for row in laid_out if not isinstance(row, str) and _group(row) == group]
            _add_the_rest(entry, written, cells, order)
        result.append(entry)
    return [*result, *(entry for group, entry in plain.items() if group not in last)]


def layout_of(entries: list[dict[str, Any]], catalogue: Lookups) -> Layout:
    """Return the layout by which a catalogue expands to these entries; empty where it does so by itself."""
    plain = {entry["group"]: entry for entry in expand(catalogue)}
    if json.dumps(list(plain.values())) == json.dumps(
        entries
    ):  # as text, because objects are equal in any order of keys
        return []
    names = [entry["group"] for entry in entries]
    once = {name for name in names if names.count(name) == 1}
    return [entry["group"] if entry["group"] in once and _is_plain(entry, plain) else entry for entry in entries]


def _is_plain(entry: dict[str, Any], plain: Mapping[str, dict[str, Any]]) -> bool:
    return json.dumps(entry) == json.dumps(plain.get(entry["group"]))


def _group(item: Any) -> str:
    return str(item if isinstance(item, str) else item["group"])


def _entry(group: str, cells: Cells, order: Mapping[str, int]) -> dict[str, Any]:
    entry: dict[str, Any] = {"group": group, "support": _blocks(cells[r.FULL][group], order)}
    partial = _blocks(cells[r.PARTIAL][group], order)
    if partial:
        entry["partialSupport"] = partial
    return entry


def _arranged(written: Mapping[str, Any], cells: Cells, order: Mapping[str, int]) -> dict[str, Any]:
    """Return a group as it was written, without what no longer holds."""
    entry: dict[str, Any] = {}
    for key, value in written.items():
        if key == "group":
            entry[key] = value
            continue
        held = cells[LISTS[key]][written["group"]]
        entry[key] = []
        for block in value:
            stated = block_cells(block)
            entry[key] += [block] if stated <= held else _blocks(stated & held, order)
    return entry


def _add_the_rest(
    entry: dict[str, Any], written: Iterable[Mapping[str, Any]], cells: Cells, order: Mapping[str, int]
) -> None:
    """Add to the last entry of a group what none of them had when they were written."""
    rows = list(written)
    for key, grade in LISTS.items():
        stated = {cell for row in rows for block in row.get(key, []) for cell in block_cells(block)}
        rest = _blocks(cells[grade][entry["group"]] - stated, order)
        if rest:
            entry[key] = [*entry.get(key, []), *rest]


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
