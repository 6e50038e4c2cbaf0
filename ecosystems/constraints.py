"""Limits on what a person may enter, by context.

A base constraint is looked up as everything is: base model, group, ecosystem, its ancestors, then the one that names
nothing. Then, on the most specific of these levels that has a modifier for the context, the modifier with the most
conditions applies. So a paid tier may have more additional resources everywhere, and one base model other limits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import records as r
from .lookups import Lookups, Subject


@dataclass(frozen=True)
class Limit:
    """A constraint's value in a context, and the records that made it."""

    key: str
    value: int | float
    base: r.InputConstraint
    modifier: r.ConstraintModifier | None


def limits(catalogue: Lookups, subject: Subject | None, context: Mapping[str, str]) -> dict[str, Limit]:
    """Return all limits for a subject (None: for anything) in a context such as ``{"tier": "gold"}``."""
    result: dict[str, Limit] = {}
    levels = list(_levels(catalogue, subject))
    bases: dict[tuple[r.Target, str], r.InputConstraint] = {
        (row.target, row.key): row for row in catalogue.facts.all("inputConstraints")
    }
    for key in dict.fromkeys(row.key for row in catalogue.facts.all("inputConstraints")):
        base = next((bases[level, key] for level in levels if (level, key) in bases), None)
        if base is not None:
            modifier = _modifier(catalogue, levels, key, context)
            result[key] = Limit(key, _apply(base.value, modifier), base, modifier)
    return result


def _levels(catalogue: Lookups, subject: Subject | None) -> Iterator[r.Target]:
    if subject is not None:
        yield from subject.targets()
        for record in catalogue.lineage(subject.ecosystem.name)[1:]:
            yield r.Target("ecosystem", record.name)
    yield r.Target()


def _modifier(
    catalogue: Lookups, levels: list[r.Target], key: str, context: Mapping[str, str]
) -> r.ConstraintModifier | None:
    rows: list[r.ConstraintModifier] = catalogue.facts.all("constraintModifiers")
    for level in levels:
        matching = [row for row in rows if row.target == level and row.key == key and _matches(row, context)]
        if matching:
            return max(matching, key=lambda row: len(row.when))
    return None


def _matches(row: r.ConstraintModifier, context: Mapping[str, str]) -> bool:
    return all(context.get(name) in values for name, values in row.when.items())


def _apply(value: int | float, modifier: r.ConstraintModifier | None) -> int | float:
    if modifier is None:
        return value
    if modifier.operation == "add":
        return value + modifier.value
    if modifier.operation == "max":
        return min(value, modifier.value)
    return max(value, modifier.value) if modifier.operation == "min" else modifier.value
