"""What an agent says of itself in its description, read for a person. None of it is trusted: what is odd is left out.

Agents of earlier versions say less: everything here may be missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_MOST = 50
_MOST_CHARACTERS = 200
_MOST_BYTES = 1 << 60


@dataclass(frozen=True)
class Disk:
    """A file system that roots lie on, by their labels; sizes in bytes."""

    roots: tuple[str, ...]
    free_bytes: int
    total_bytes: int

    @property
    def used_bytes(self) -> int:
        """How much of it is taken."""
        return self.total_bytes - self.free_bytes


@dataclass(frozen=True)
class Root:
    """A folder of models; ``away``: it is gone or unmounted, and its models are kept as stale."""

    label: str
    type: str | None
    away: bool


@dataclass(frozen=True)
class JobsReport:
    """Whether a server takes jobs at all, at what times (its local ones, empty: always), and whether ``now``.

    ``problem`` says why it does not although it should: its web UI does not answer.
    """

    takes: bool = False
    hours: str | None = None
    now: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class AgentReport:
    """A description, read. ``hashing``: files that wait to be read; ``problems``: files that could not be.

    ``jobs`` is None where an agent does not say: one of an earlier version, which takes none.
    """

    version: str | None = None
    platform: str | None = None
    python: str | None = None
    disks: tuple[Disk, ...] = ()
    roots: tuple[Root, ...] = ()
    hashing: int | None = None
    problems: int | None = None
    jobs: JobsReport | None = None


def read_report(told: object) -> AgentReport:
    """Return what a description says that can be shown."""
    if not isinstance(told, Mapping):
        return AgentReport()
    disks = (_disk(each) for each in _listed(told, "disks"))
    roots = (_root(each) for each in _listed(told, "roots"))
    return AgentReport(
        version=_text(told, "version"),
        platform=_text(told, "platform"),
        python=_text(told, "python"),
        disks=tuple(disk for disk in disks if disk is not None),
        roots=tuple(root for root in roots if root is not None),
        hashing=_count(told, "hashing"),
        problems=_count(told, "problems"),
        jobs=_jobs(told.get("jobs")),
    )


def _jobs(told: object) -> JobsReport | None:
    if not isinstance(told, Mapping) or type(told.get("takes")) is not bool:
        return None
    takes = told["takes"]
    return JobsReport(takes, _text(told, "hours"), takes and told.get("now") is True, _text(told, "problem"))


def _disk(told: object) -> Disk | None:
    if not isinstance(told, Mapping):
        return None
    free, total = _count(told, "free"), _count(told, "total")
    if free is None or not total or free > total:
        return None
    labels = (label[:_MOST_CHARACTERS] for label in _listed(told, "roots") if isinstance(label, str))
    return Disk(tuple(labels), free, total)


def _root(told: object) -> Root | None:
    label = _text(told, "label") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or label is None:
        return None
    return Root(label, _text(told, "type"), told.get("away") is True)


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value[:_MOST_CHARACTERS] if isinstance(value, str) and value.strip() else None


def _count(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return value if type(value) is int and 0 <= value <= _MOST_BYTES else None


def _listed(told: Mapping[str, Any], name: str) -> Iterable[object]:
    value = told.get(name)
    return value[:_MOST] if isinstance(value, list) else ()
