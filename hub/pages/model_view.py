"""What one model's page shows, made from the answers of the services. Pure.

Evidence and metadata come from outside, may be megabytes and need not look as ours do: what is shown of them is
bounded, and what is left out is said.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .formats import size
from .words import SAID_BY, WITNESSES, believed

MAX_STATEMENTS = 40
MAX_NODES = 400
MAX_CHILDREN = 60
MAX_DEPTH = 8
MAX_TEXT = 400
MAX_CLAIMS = 12
MAX_OTHERS = 10


@dataclass(frozen=True)
class Statement:
    """What a witness says about a model, in words for a person."""

    who: str
    says: str
    strength: str
    claims: tuple[str, ...]
    more_claims: int


def statements(told: object) -> tuple[list[Statement], int]:
    """Return the statements of an identification's evidence or conflicts, and how many are not among them."""
    listed = told if isinstance(told, list) else []
    return [_statement(one) for one in listed[:MAX_STATEMENTS]], max(0, len(listed) - MAX_STATEMENTS)


def _statement(told: object) -> Statement:
    if not isinstance(told, Mapping):
        return Statement("Somebody", short(told), "", (), 0)
    witness = told.get("witness")
    claims = told.get("proves") or told.get("claims")
    names = [short(name) for name in claims] if isinstance(claims, list) else []
    who = WITNESSES.get(witness, short(witness)) if isinstance(witness, str) else "Somebody"
    says = told.get("says")
    return Statement(
        who,
        short(says if says is not None else {key: told[key] for key in told if key != "witness"}),
        believed(told.get("weight")),
        tuple(names[:MAX_CLAIMS]),
        max(0, len(names) - MAX_CLAIMS),
    )


@dataclass
class Node:
    """A part of a tree of metadata: a name with a text, or with parts of its own; ``left_out`` of them are not here."""

    name: str
    text: str = ""
    kind: str = ""
    parts: list["Node"] = field(default_factory=list)
    left_out: int = 0


@dataclass
class _Budget:
    left: int


def tree(metadata: Mapping[str, Any]) -> Node:
    """Return metadata as a tree of up to ``MAX_NODES`` nodes; JSON in a text is opened, because trainers nest it so."""
    budget = _Budget(MAX_NODES)
    return _node("", metadata, budget, 0)


def _node(name: str, value: object, budget: _Budget, depth: int) -> Node:
    budget.left -= 1
    value = _opened(value)
    node = Node(short(name, 120))
    if isinstance(value, Mapping):
        items: list[tuple[str, object]] = [(str(key), part) for key, part in value.items()]
        node.kind = _count(len(items), "entry", "entries")
    elif isinstance(value, list):
        items = [(str(number), part) for number, part in enumerate(value)]
        node.kind = _count(len(items), "value", "values")
    else:
        node.text = short(value)
        return node
    if depth < MAX_DEPTH:
        for key, part in items[:MAX_CHILDREN]:
            if budget.left <= 0:
                break
            node.parts.append(_node(key, part, budget, depth + 1))
    node.left_out = len(items) - len(node.parts)
    return node


def _opened(value: object) -> object:
    """Return what a text holds where it is a JSON object or list: trainers write their tables so."""
    if isinstance(value, str) and len(value) <= 1 << 20 and value[:1] in {"{", "["} and value[-1:] in {"}", "]"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


@dataclass(frozen=True)
class Said:
    """A value with who says so and when (ISO 8601; None where that is not known)."""

    value: str
    by: str
    at: str | None


@dataclass(frozen=True)
class Fact:
    """A field of a model: what counts, and what others say instead."""

    label: str
    said: Said
    others: tuple[Said, ...]


_FIELDS = {"name": "Name", "type": "Type", "base_model": "Base model", "ecosystem": "Ecosystem", "size": "Size"}


def facts(fields: Mapping[str, Any]) -> list[Fact]:
    """Return the fields that somebody can say differently, from the ``fields`` of an answer."""
    shown = []
    for name, label in _FIELDS.items():
        told = fields[name]
        others = tuple(_said(name, one) for one in told["others"][:MAX_OTHERS])
        if told["value"] is not None:
            shown.append(Fact(label, _said(name, told), others))
        elif others:
            shown.append(Fact(label, Said("", "", None), others))
    return shown


def _said(name: str, told: Mapping[str, Any]) -> Said:
    value = size(told["value"]) if name == "size" else short(told["value"])
    who = SAID_BY.get(told["by"], "")
    return Said(value, f"{who} by {short(told['who'], 100)}" if told["who"] else who, told["at"])


def other_names(names: Iterable[Mapping[str, Any]], servers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the aliases of a model that no file of it has now: those of the files are in their paths."""
    paths = [f"/{path}".casefold() for server in servers for path in server["paths"]]
    return [one for one in names if not any(path.endswith(f"/{one['alias']}".casefold()) for path in paths)]


def civitai_page(model: Mapping[str, Any]) -> str | None:
    """Return the address of a model's page on Civitai, where its numbers are known."""
    number, version = model.get("civitai_id"), model.get("civitai_version_id")
    if not isinstance(number, str) or not number.isdigit():
        return None
    tail = f"?modelVersionId={version}" if isinstance(version, str) and version.isdigit() else ""
    return f"https://civitai.com/models/{number}{tail}"


def downloads(sources: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return where a model can be downloaded, as (what, web address); nothing that is no web address."""
    return [
        (str(source.get("kind", "url")), url)
        for source in sources
        if isinstance(url := source.get("url"), str) and url.startswith(("https://", "http://"))
    ]


def short(value: object, limit: int = MAX_TEXT) -> str:
    """Write a value from outside as one text of bounded length."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
