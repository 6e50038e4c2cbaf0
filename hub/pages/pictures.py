"""The charts of Fleet and of one server, from what the services tell."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from ..fleet import FleetView, ServerView
from ..history import DAY_SECONDS, Interval
from . import charts, formats
from .happenings import STATE_WORDS

STATES_DAYS = 7
GROWTH_DAYS = 365
_MOST_COLUMNS = 8
_TONES = {"present": "good", "stale": "warn", "offline": "bad"}


def coverage(found: FleetView) -> Markup:
    """Draw which share of the fleet's models of each type each server has."""
    kinds = found.types[:_MOST_COLUMNS]
    rows = [(formats.visible(server.alias), [_cell(server, *kind) for kind in kinds]) for server in found.servers]
    title = "Models by type and server; the darker, the larger the share it has"
    return charts.matrix(title, [kind for kind, _ in kinds], rows)


def _cell(server: ServerView, kind: str, count: int) -> charts.Cell:
    held = formats.number(server.held(kind))
    return charts.Cell(
        server.held(kind) / count if count else None, held, f"{held} of {formats.number(count)} {kind} models"
    )


def states(servers: Iterable[ServerView], told: Mapping[str, list[Interval]], now: float) -> Markup:
    """Draw when servers were online, stale and offline in the last days."""
    rows = [
        charts.Strip(
            formats.visible(server.alias),
            tuple(
                charts.Span(one.since, one.until or now, STATE_WORDS.get(one.state, one.state), _TONES[one.state])
                for one in told.get(server.id, ())
                if one.state in _TONES
            ),
            f"/servers/{formats.segment(server.id)}",
        )
        for server in servers
    ]
    return charts.strips(f"The last {STATES_DAYS} days", rows, now - STATES_DAYS * DAY_SECONDS, now)


def growth(told: Iterable[Mapping[str, Any]]) -> tuple[Markup, Markup]:
    """Draw how many models the hub knows, and what all files take, over the last year."""
    days = [(datetime.fromisoformat(day["at"].replace("Z", "+00:00")).timestamp(), day) for day in told]
    models = charts.Line("models", "one", tuple((at, float(day["models"])) for at, day in days))
    size = charts.Line("bytes", "two", tuple((at, float(day["bytes"])) for at, day in days))
    return (
        charts.lines("Models that the hub knows", [models], formats.number),
        charts.lines("What the files of all servers take", [size], formats.size),
    )
