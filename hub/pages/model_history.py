"""Which server had a model from when till when, as one model's page shows it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .charts import Span, Strip, strips
from .formats import moment, visible

MAX_PAST = 50
MAX_STRIPS = 20


@dataclass(frozen=True)
class Stay:
    """A path of a server that had the model; times in seconds since the epoch, ``until`` None where it has it now."""

    server_id: str
    path: str
    since: float
    until: float | None


def stays(intervals: Iterable[Mapping[str, Any]]) -> list[Stay]:
    """Return the intervals of a history's answer."""
    return [Stay(one["server_id"], one["path"], moment(one["since"]) or 0.0, moment(one["until"])) for one in intervals]


def since(listed: Iterable[Stay]) -> dict[str, float]:
    """Return since when each server has the model without a break, by its id."""
    found: dict[str, float] = {}
    for stay in listed:
        if stay.until is None:
            found[stay.server_id] = min(stay.since, found.get(stay.server_id, stay.since))
    return found


def past(listed: Iterable[Stay]) -> list[Stay]:
    """Return what is over, the latest first."""
    over = [stay for stay in listed if stay.until is not None]
    return sorted(over, key=lambda stay: -(stay.until or 0.0))


def drawn(listed: Iterable[Stay], aliases: Mapping[str, str], now: float) -> Markup | None:
    """Draw when each server had the model, until ``now``; None where nothing ever changed."""
    by_server: dict[str, list[Stay]] = {}
    for stay in listed:
        by_server.setdefault(stay.server_id, []).append(stay)
    if not any(stay.until is not None for held in by_server.values() for stay in held):
        return None
    start = min(stay.since for held in by_server.values() for stay in held)
    rows = [
        Strip(visible(aliases.get(server_id, server_id)), tuple(_span(stay, now) for stay in held))
        for server_id, held in sorted(by_server.items())
    ]
    return strips("When each server had it", rows[:MAX_STRIPS], start, now)


def _span(stay: Stay, now: float) -> Span:
    return Span(stay.since, now if stay.until is None else stay.until, "had it", "good")
