"""Layout rules: read from data, tried against a layout. The files' heads say what each field means.

A rule is tried when the layout has one of its anchors, so that a file costs what its own modules cost and not what the
catalogue of rules does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import load
from .layout import Layout

RULE_FILES = ("adapters", "models", "parts", "upscalers")
TINY = 16
"""Tensors up to which rules that anchor on nothing (``*``) are tried: embeddings name their tensors freely."""
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Rule:
    """One fact about layouts: where it holds, what it proves, and why."""

    id: str
    part: str | None
    anchors: tuple[str, ...]
    when: tuple[Mapping[str, Any], ...]
    unless: tuple[Mapping[str, Any], ...]
    why: str
    among: frozenset[str] = frozenset()
    likely: str | None = None
    base_model: str | None = None
    kind: str | None = None
    architecture: str | None = None
    variant: str | None = None
    confidence: float = 0.95


def matching(layout: Layout) -> list[Rule]:
    """Return the rules that hold for a layout, in the order of the data files."""
    index = _index()
    found: dict[int, Rule] = {}
    for part, modules in layout.parts.items():
        for module in modules:
            for position, rule in index.get(module, ()):
                if rule.part in {None, part} or part == "root":
                    found[position] = rule
    if len(layout.header.tensors) <= TINY:
        found.update(index.get("*", ()))
    return [rule for _, rule in sorted(found.items()) if holds(rule, layout)]


def holds(rule: Rule, layout: Layout) -> bool:
    """Say whether all conditions of a rule are met and none of its exceptions."""
    return all(_met(condition, layout, rule.part) for condition in rule.when) and not any(
        _met(condition, layout, rule.part) for condition in rule.unless
    )


def all_rules() -> tuple[Rule, ...]:
    """Return every layout rule, in the order of the data files."""
    return _rules()


def expand(pattern: str) -> list[str]:
    """Return the names a pattern with choices stands for: ``a_{b,c}`` gives ``a_b`` and ``a_c``."""
    match = _CHOICE.search(pattern)
    if match is None:
        return [pattern]
    head, tail = pattern[: match.start()], pattern[match.end() :]
    return [name for choice in match[1].split(",") for name in expand(head + choice + tail)]


def _met(condition: Mapping[str, Any], layout: Layout, part: str | None) -> bool:
    if "any" in condition:
        return any(_met(choice, layout, part) for choice in condition["any"])
    if "blocks" in condition:
        return _counted(condition, layout)
    if "mentions" in condition:
        return layout.mentions(condition["mentions"])
    if "algorithm" in condition:
        return not layout.algorithms.keys().isdisjoint(condition["algorithm"])
    if "adapter" in condition:
        return layout.is_adapter is condition["adapter"]
    if "tensors" in condition:
        return bool(len(layout.header.tensors) <= condition["tensors"])
    return any(_sized(condition, layout, name) for name in _named(condition, layout, part))


def _counted(condition: Mapping[str, Any], layout: Layout) -> bool:
    """Say whether a container has between ``min`` and ``max`` blocks, by the highest index that occurs."""
    least, most = condition.get("min", 1), condition.get("max")
    if least and not layout.has_index(condition["blocks"], least - 1):
        return False
    return most is None or not layout.has_index(condition["blocks"], most)


def _named(condition: Mapping[str, Any], layout: Layout, part: str | None) -> Iterable[str]:
    if "like" in condition:
        return layout.names_like(condition["like"])
    modules = condition["module"]
    names = (layout.name_of(module, part) for pattern in _listed(modules) for module in _expanded(pattern))
    return (name for name in names if name is not None)


def _sized(condition: Mapping[str, Any], layout: Layout, name: str) -> bool:
    if not _SIZES.intersection(condition):
        return True
    if "ndim" in condition and len(layout.header.shape(name) or ()) not in condition["ndim"]:
        return False
    size = layout.dimensions(name)
    if "in" in condition and size.inner not in condition["in"]:
        return False
    if "out" in condition and size.outer not in condition["out"]:
        return False
    return not ("in_not" in condition and (size.inner is None or size.inner in condition["in_not"]))


_SIZES = frozenset({"in", "out", "in_not", "ndim"})


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@lru_cache(maxsize=4096)
def _expanded(pattern: str) -> tuple[str, ...]:
    return tuple(expand(pattern))


@lru_cache(maxsize=1)
def _rules() -> tuple[Rule, ...]:
    return tuple(read_rule(row) for name in RULE_FILES for row in load(name)["rules"])


def read_rule(row: Mapping[str, Any]) -> Rule:
    """Return one rule as the data files write it."""
    groups = load("families")["groups"]
    among = [name for item in row.get("among", ()) for name in groups.get(item, [item])]
    return Rule(
        id=row["id"],
        part=row.get("part"),
        anchors=tuple(name for pattern in row["anchors"] for name in expand(pattern)),
        when=tuple(row.get("when", ())),
        unless=tuple(row.get("unless", ())),
        why=row["why"],
        among=frozenset(among),
        likely=row.get("likely"),
        base_model=row.get("base_model"),
        kind=row.get("kind"),
        architecture=row.get("architecture"),
        variant=row.get("variant"),
        confidence=row.get("confidence", 0.95),
    )


@lru_cache(maxsize=1)
def _index() -> dict[str, tuple[tuple[int, Rule], ...]]:
    index: dict[str, list[tuple[int, Rule]]] = {}
    for position, rule in enumerate(_rules()):
        for anchor in rule.anchors:
            index.setdefault(anchor, []).append((position, rule))
    return {anchor: tuple(rows) for anchor, rows in index.items()}
