"""Turns a verbose configuration into records of the document's schema, and says what became of every entry.

Each group becomes an ecosystem, its types the ecosystem's support. Where base models belong and which ecosystem is
whose parent is taken from another catalogue, as far as that one knows them; without it every ecosystem is a root. For
each family the form is chosen that needs the fewest exceptions, then the fewest records: relations inferred, relations
explicit, or no family. What no record expresses becomes an exception, and an arrangement that is not the one in which
records are expanded is kept as a layout (see ``expand``), so that expanding the records gives the configuration back as
it was; that is verified before they are returned.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import document_schema
from . import records as r
from .catalogue import Catalogue
from .errors import LegacyError
from .expand import cells_of, expand, layout_of
from .legacy import Cells, Legacy
from .model_types import MODEL_TYPES

_SUPPORT = "generation"
_REASON = "as the verbose configuration has it; no rule expresses it"
_NO_FAMILY = "none"


@dataclass(frozen=True)
class Compacted:
    """The records of a configuration, and what became of it."""

    document: dict[str, Any]
    """One file in the document's schema, with ``exceptions``, the ``layout`` where it needs one, and the ``report``."""
    report: list[dict[str, Any]]
    """One item per list of the configuration (or group without any): its place, its cells, how many became what."""

    @property
    def exceptions(self) -> int:
        """How many exceptions were needed."""
        return len(self.document["exceptions"])


@dataclass
class _Plan:
    """Where everything belongs, before it is written as records."""

    homes: dict[str, str]
    """Base model -> ecosystem."""
    ecosystems: list[str]
    listed: set[str]
    """The ecosystems that are groups of the configuration."""
    parents: dict[str, str]
    media: dict[str, str]
    forms: dict[str, str] = field(default_factory=dict)
    """Root of a family -> how its members relate, or that it is none."""

    def parent(self, name: str) -> str | None:
        return None if self.forms.get(self.root(name)) == _NO_FAMILY else self.parents.get(name)

    def root(self, name: str) -> str:
        while name in self.parents:
            name = self.parents[name]
        return name

    def inferred(self, one: str, other: str) -> bool:
        return self.root(one) == self.root(other) and self.forms.get(self.root(one)) == r.INFERRED


def compact(legacy: Legacy, hierarchy: Catalogue | None = None) -> Compacted:
    """Return the records of a verbose configuration.

    Args:
        legacy: what the configuration says.
        hierarchy: a catalogue that knows groups of base models and parents of ecosystems.

    Raises:
        LegacyError: it has no group, or two names differ only in the case of their letters, which no catalogue allows.
    """
    if not legacy.groups:
        raise LegacyError("the configuration has no group: there is nothing to compact")
    for names in (legacy.groups, list(legacy.base_models)):
        folded: dict[str, str] = {}
        for name in names:
            other = folded.setdefault(name.casefold(), name)
            if other != name:
                raise LegacyError(f"{other!r} and {name!r} differ only in the case of their letters")
    plan = _plan(legacy, hierarchy)
    families = sorted({plan.root(name) for name in plan.parents})
    for root in families:
        plan.forms[root] = r.INFERRED
    for root in families:
        costs = {}
        for form in (r.INFERRED, r.EXPLICIT, _NO_FAMILY):
            plan.forms[root] = form
            costs[form] = _cost(_written(legacy, plan))
        plan.forms[root] = min(costs, key=lambda form: costs[form])
    document = _written(legacy, plan)
    layout = layout_of(legacy.entries, _read(document))
    if layout:
        document["layout"] = layout
    if json.dumps(expand(_read(document))) != json.dumps(legacy.entries):
        raise LegacyError("the records do not say what the configuration says: please report this file")
    report = _report(legacy, plan, document)
    return Compacted({**document, "report": report}, report)


def _plan(legacy: Legacy, hierarchy: Catalogue | None) -> _Plan:
    groups = legacy.groups
    homes: dict[str, str] = {}
    taken = {name.casefold() for name in groups}
    added: dict[str, None] = {}
    media = {}
    for model in legacy.base_models:
        record = hierarchy.find_base_model(model) if hierarchy else None
        known = hierarchy.ecosystem_of(record).name if hierarchy and record else None
        media[model] = record.media[0] if record else "unknown"
        hosts = [group for group in groups if any(name == model for _, name in legacy.cells[r.FULL][group])]
        if known in hosts and known is not None:
            home = known
        elif hosts:
            home = max(hosts, key=lambda group: _kinship(legacy, model, group))
        elif known is not None and known.casefold() not in taken:
            home = known
        else:
            home = _unused(model, taken)
        homes[model] = home
        if home not in groups:
            added[home] = None
            if home != known:
                taken.add(home.casefold())
    ecosystems = [*groups, *added]
    parents = {}
    for name in ecosystems:
        if hierarchy and name in hierarchy.ecosystems:
            ancestors = [record.name for record in hierarchy.lineage(name)[1:] if record.name in ecosystems]
            if ancestors:
                parents[name] = ancestors[0]
    return _Plan(homes, ecosystems, set(groups), parents, media)


def _kinship(legacy: Legacy, model: str, group: str) -> tuple[bool, int, int, int]:
    """Return how much a base model belongs to a group: its name, a small group, many types, an early one."""
    full = legacy.cells[r.FULL][group]
    same_name = re.sub(r"[\W_]+", "", model.casefold()) == re.sub(r"[\W_]+", "", group.casefold())
    types = sum(1 for _, name in full if name == model)
    return same_name, -len({name for _, name in full}), types, -legacy.groups.index(group)


def _unused(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate.casefold() in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate


def _written(legacy: Legacy, plan: _Plan) -> dict[str, Any]:
    """Return the records of a plan, with the exceptions that make them say exactly what the configuration says."""
    ids = {name: number for number, name in enumerate(plan.ecosystems, 1)}
    models = {name: number for number, name in enumerate(plan.homes, 1)}
    types = {
        group: {name for grade in legacy.cells for name, _ in legacy.cells[grade][group]} for group in legacy.groups
    }
    document: dict[str, Any] = {
        "schema": "Generation Support Schema Redesign, with exceptions",
        "ecosystems": [_ecosystem(name, ids, plan) for name in plan.ecosystems],
        "ecosystemSupport": list(_support(types, ids, plan)),
        "ecosystemSettings": [],
        "crossEcosystemRules": list(_rules(legacy, types, ids, plan)),
        "supportOverrides": [],
        "baseModelGroups": [{"id": ids[name], "name": name, "ecosystemId": ids[name]} for name in plan.ecosystems],
        "baseModels": [
            {"id": number, "name": name, "type": plan.media[name], "groupId": ids[plan.homes[name]]}
            for name, number in models.items()
        ],
        "exceptions": [],
    }
    derived = cells_of(_read(document))
    document["supportOverrides"] = list(_overrides(legacy, derived, models))
    if document["supportOverrides"]:
        derived = cells_of(_read(document))
    document["exceptions"] = list(_exceptions(legacy, derived))
    return document


def _ecosystem(name: str, ids: dict[str, int], plan: _Plan) -> dict[str, Any]:
    record: dict[str, Any] = {"id": ids[name], "name": name}
    parent = plan.parent(name)
    if parent:
        record["parentEcosystemId"] = ids[parent]
    if plan.forms.get(name) == r.EXPLICIT:
        record["relations"] = r.EXPLICIT
    return record


def _support(types: dict[str, set[str]], ids: dict[str, int], plan: _Plan) -> Iterable[dict[str, Any]]:
    for name in plan.ecosystems:
        inherited = plan.parent(name)
        while inherited is not None and inherited not in plan.listed:
            inherited = plan.parent(inherited)
        own = types.get(name)
        if own == (types[inherited] if inherited else None):
            continue
        row = {"ecosystemId": ids[name], "supportType": _SUPPORT, "modelTypes": _ordered(own or ())}
        yield {**row, "enabled": own is not None}


def _rules(legacy: Legacy, types: dict[str, set[str]], ids: dict[str, int], plan: _Plan) -> Iterable[dict[str, Any]]:
    members: dict[str, list[str]] = {}
    for model, home in plan.homes.items():
        members.setdefault(home, []).append(model)
    for group in legacy.groups:
        partial = legacy.cells[r.PARTIAL][group]
        for source, models in members.items():
            if source == group or plan.inferred(source, group):
                continue
            held = [
                name for name in types[group] if 2 * sum((name, model) in partial for model in models) > len(models)
            ]
            if held:
                row = {"sourceEcosystemId": ids[source], "targetEcosystemId": ids[group], "supportType": _SUPPORT}
                yield {**row, "modelTypes": _ordered(held), "support": r.PARTIAL}


def _overrides(legacy: Legacy, derived: Cells, models: dict[str, int]) -> Iterable[dict[str, Any]]:
    """Yield an override for each base model that derives for a type, but works with nothing."""
    given = set().union(*(cells for grade in derived for cells in derived[grade].values()))
    meant = set().union(*(cells for grade in legacy.cells for cells in legacy.cells[grade].values()))
    for model, number in models.items():
        lost = [name for name, other in given - meant if other == model]
        if lost:
            row = {"baseModelId": number, "supportType": _SUPPORT, "modelTypes": _ordered(lost)}
            yield {**row, "enabled": False}


def _exceptions(legacy: Legacy, derived: Cells) -> Iterable[dict[str, Any]]:
    for group in legacy.groups:
        full, partial = legacy.cells[r.FULL][group], legacy.cells[r.PARTIAL][group]
        got_full, got_partial = derived[r.FULL][group], derived[r.PARTIAL][group]
        needed: dict[tuple[str, str, str | None], list[str]] = {}
        for cell in sorted((full ^ got_full) | (partial ^ got_partial) | (full & partial)):
            grade = r.FULL if cell in full else r.PARTIAL if cell in partial else r.NONE
            also = r.PARTIAL if cell in full and cell in partial else None
            needed.setdefault((cell[1], grade, also), []).append(cell[0])
        for (model, grade, also), names in needed.items():
            row = {"checkpoint": {"group": group}, "addon": {"baseModel": model}, "supportType": _SUPPORT}
            row = {**row, "modelTypes": _ordered(names), "grade": grade, "reason": _REASON}
            yield {**row, "also": also} if also else row


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=MODEL_TYPES.index)


def _read(document: dict[str, Any]) -> Catalogue:
    return Catalogue(document_schema.read(document, "compacted"))


def _cost(document: dict[str, Any]) -> tuple[int, int]:
    return len(document["exceptions"]), sum(len(rows) for rows in document.values() if isinstance(rows, list))


def _report(legacy: Legacy, plan: _Plan, document: dict[str, Any]) -> list[dict[str, Any]]:
    excepted = {
        (row["checkpoint"]["group"], name, row["addon"]["baseModel"])
        for row in document["exceptions"]
        for name in row["modelTypes"]
    }
    report = []
    for place, group, grade, cells in legacy.blocks:
        became: dict[str, int] = {}
        for name, model in cells:
            if (group, name, model) in excepted:
                what = "exception"
            elif grade == r.FULL:
                what = "support definition"
            else:
                what = "family tree" if plan.inferred(plan.homes[model], group) else "cross-ecosystem rule"
            became[what] = became.get(what, 0) + 1
        report.append({"entry": place, "cells": len(cells), "became": dict(sorted(became.items()))})
    return report
