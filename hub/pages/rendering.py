"""Turns a template and its values into an answer; the frame around every page is filled here."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from ..._version import VERSION
from ..events.kinds import KINDS
from ..jobs.counts import MOST_WAITING
from ..keys import Caller
from ..services import hub_of
from . import formats, theme
from .access import csrf_token
from .assets import asset_url

_PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie"}
"""What a page shows is for the session that asked, and is old a minute later."""


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    name: str
    title: str
    path: str


NAVIGATION = (
    Place("fleet", "Fleet", "/"),
    Place("models", "Models", "/models"),
    Place("compatibility", "Compatibility", "/compatibility"),
    Place("queue", "Queue", "/queue"),
    Place("activity", "Activity", "/activity"),
    Place("keys", "Keys", "/keys"),
    Place("settings", "Settings", "/settings"),
)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(formats.FILTERS)
    environment.globals.update(asset_url=asset_url, percent=formats.percent, ago=formats.ago)
    return environment


def page(request: Request, visitor: Caller | None, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return the page of a template for a visitor (None: nobody is signed in).

    Templates extend ``base.html`` and set ``place`` (a name of ``NAVIGATION``) and the block ``title``; besides their
    own values they have ``visitor``, ``now`` (seconds), ``csrf_token`` and ``theme``.
    """
    hub = hub_of(request.app)
    frame = {
        "visitor": visitor,
        "status": status,
        "navigation": NAVIGATION,
        "csrf_token": csrf_token(request) if visitor is not None else "",
        "theme": theme.chosen(request),
        "themes": theme.THEMES,
        "here": _here(request),
        "now": hub.clock(),
        "hub_version": VERSION,
        "waiting_jobs": hub.job_counts.waiting() if visitor is not None else 0,
        "most_waiting": MOST_WAITING,
        "event_kinds": " ".join(sorted({*KINDS, "reset"})),
    }
    text = _templates().get_template(template).render({**frame, **values})
    return Response(
        text.encode("utf-8", "replace"),
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers=_PRIVATE,
    )


def _here(request: Request) -> str:
    """Return the path and query of this page, to come back to."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
