"""What the list of models shows beside the models: the question in its address, chips, facets. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from .formats import number
from .words import STATUS

SORTS = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "name": "By name",
    "size": "Largest first",
    "held": "On most servers",
}


@dataclass(frozen=True)
class Asked:
    """What the list is narrowed to, as it stands in the page's address; empty is "any"."""

    q: str = ""
    type: str = ""
    ecosystem: str = ""
    status: str = ""
    server: str = ""
    missing_on: str = ""
    hash_state: str = ""
    duplicates: str = ""
    sort: str = "newest"

    def url(self, **changes: str) -> str:
        """Return the page's address for this question, changed; ``cursor`` may be among the changes."""
        cursor = changes.pop("cursor", "")
        stated = replace(self, **changes)
        values = [(field.name, getattr(stated, field.name), field.default) for field in fields(stated)]
        query = urlencode(
            [(name, value) for name, value, default in [*values, ("cursor", cursor, "")] if value != default],
            errors="surrogatepass",
        )
        return f"/models?{query}" if query else "/models"


@dataclass(frozen=True)
class Chip:
    """An active filter, and the address without it."""

    label: str
    value: str
    url: str


LABELS = {
    "q": "Words",
    "type": "Type",
    "ecosystem": "Ecosystem",
    "status": "Status",
    "server": "On",
    "missing_on": "Missing on",
    "hash_state": "Hash",
    "duplicates": "Duplicates",
}
DUPLICATES = {"twins": "same weights, other file", "copies": "more than once on a server"}


def chips(asked: Asked, aliases: Mapping[str, str]) -> list[Chip]:
    """Return what the list is narrowed to, each removable; ``aliases`` are the names of servers by their id."""
    shown = []
    for name, label in LABELS.items():
        value = getattr(asked, name)
        if value:
            shown.append(Chip(label, word(name, value, aliases), asked.url(**{name: ""})))
    return shown


def word(name: str, value: str, aliases: Mapping[str, str]) -> str:
    """Return how a value of a filter is called."""
    if name in {"server", "missing_on"}:
        return aliases.get(value, value)
    if name == "status":
        return STATUS[value].word if value in STATUS else value
    return DUPLICATES.get(value, value) if name == "duplicates" else value


@dataclass(frozen=True)
class Choice:
    """A value of a facet, and how many models it would leave (None: not counted)."""

    value: str
    label: str
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """A filter with its values."""

    name: str
    label: str
    choices: tuple[Choice, ...]


def facet(asked: Asked, name: str, counted: Iterable[tuple[str, int | None]], aliases: Mapping[str, str]) -> Facet:
    """Return a facet; the chosen value is among its choices even where nothing has it."""
    chosen = getattr(asked, name)
    values = list(counted)
    if chosen and chosen not in {value for value, _ in values}:
        values.append((chosen, 0))
    choices = [Choice(value, word(name, value, aliases), count, value == chosen) for value, count in values]
    return Facet(name, LABELS[name], tuple(choices))


def told(total: Mapping[str, Any]) -> str:
    """Say how many models were found, ``total`` of an answer's facets: from a bound on they are not counted."""
    count = int(total["count"])
    if not total["exact"]:
        return f"more than {number(count)} models"
    return "1 model" if count == 1 else f"{number(count)} models"
