"""What the page Compatibility shows of a fit: kinds by grade, counts, addresses. Pure."""

from collections import Counter
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from markupsafe import Markup

from ..fitting import CHECKPOINT, Fit, Graded, Picked
from .charts import Bar, Part, bars
from .formats import visible
from .words import GRADE, Mark

SHOWN_KINDS = 150
"""Kinds of one grade on the page."""
CHARTED = 12


@dataclass(frozen=True)
class Asked:
    """The question as it stands in the page's address; empty is "any", an empty runtime the web service."""

    checkpoint: str = ""
    addon: str = ""
    type: str = ""
    server: str = ""
    runtime: str = "forge"
    ecosystem: str = ""

    def url(self, **changes: str) -> str:
        """Return the page's address for this question, changed."""
        stated = replace(self, **changes)
        values = [(field.name, getattr(stated, field.name)) for field in fields(stated)]
        kept = [(name, value) for name, value in values if value or name == "runtime"]
        return f"/compatibility?{urlencode(kept, errors='surrogatepass')}"


@dataclass(frozen=True)
class Row:
    """A kind of file with its verdict, and the address of its files."""

    graded: Graded
    files_url: str


@dataclass(frozen=True)
class Section:
    """All kinds of one grade, the most frequent first."""

    grade: str
    mark: Mark
    count: int
    rows: tuple[Row, ...]
    left_out: int


def sections(fit: Fit, asked: Asked, picked: Picked) -> list[Section]:
    """Return the kinds by grade, the best grade first; ``asked.ecosystem`` narrows to one ecosystem."""
    shown = []
    for grade, mark in GRADE.items():
        of_grade = [one for one in fit.graded if one.grade == grade and _wanted(one, asked)]
        rows = tuple(Row(one, files_url(one, asked, picked)) for one in of_grade[:SHOWN_KINDS])
        count = sum(one.kind.count for one in of_grade)
        shown.append(Section(grade, mark, count, rows, len(of_grade) - len(rows)))
    return shown


def _wanted(one: Graded, asked: Asked) -> bool:
    return not asked.ecosystem or (one.kind.ecosystem or "") == asked.ecosystem


def files_url(one: Graded, asked: Asked, picked: Picked) -> str:
    """Return the address of the files of a kind."""
    kind = one.kind
    values = {"type": kind.type, "ecosystem": kind.ecosystem, "base_model": kind.base_model, "server": asked.server}
    if kind.type != CHECKPOINT:
        values |= {"checkpoint": picked.key, "runtime": asked.runtime}
    return f"/compatibility/files?{urlencode([(k, v) for k, v in values.items() if v], errors='surrogatepass')}"


def by_ecosystem(fit: Fit) -> Markup:
    """Draw how many files of each ecosystem have which grade."""
    counted: dict[str, Counter[str]] = {}
    for one in fit.graded:
        counted.setdefault(visible(one.kind.ecosystem or "not identified"), Counter())[one.grade] += one.kind.count
    most = sorted(counted, key=lambda name: -counted[name].total())[:CHARTED]
    there = [(grade, mark) for grade, mark in GRADE.items() if any(counted[name][grade] for name in most)]
    parts = {name: tuple(Part(mark.word, counted[name][grade], mark.tone) for grade, mark in there) for name in most}
    return bars("By ecosystem", [Bar(name, parts[name]) for name in most])
