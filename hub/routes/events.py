"""``GET /api/v1/events``: what happens, as a stream for whoever asks for one, else a page of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from .. import fields
from ..events.broadcaster import Listener
from ..events.feed import EventStream, Feed, begin
from ..events.log import Filter
from ..keys import ADMIN, Caller
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1", tags=["events"], responses=openapi.ERRORS)

Names = Annotated[list[str] | None, Query(max_length=100)]


@router.get("/events", responses={410: openapi.ERROR, 429: openapi.ERROR})
async def events(
    request: Request,
    caller: CallerOf,
    after: Annotated[str | None, Query(max_length=40)] = None,
    last: Annotated[int, Query(ge=0, le=500)] = 0,
    kind: Names = None,
    server: Names = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[float, Query(ge=0, le=3600)] = 0,
) -> Response:
    """Say what happens: with ``Accept: text/event-stream`` as a stream without end, otherwise the next events.

    They begin after the cursor ``after`` (or the header ``Last-Event-ID``), or with the ``last`` so many, or now. A
    page waits for its first event up to ``wait`` seconds.
    """
    wanted = Filter(frozenset(kind or ()), _servers(server), caller.scope == ADMIN)
    if "text/event-stream" in request.headers.get("accept", "").lower():
        return await stream(request, caller, wanted, after, last)
    hub = the_hub(request)
    cursor = await begin(hub.events, request.headers.get("last-event-id") or after, last, wanted)
    listener = hub.broadcaster.enter(caller.key) if wait else Listener(caller.key)
    try:
        feed = Feed(hub.broadcaster, hub.events, listener, wanted, cursor)
        found = await feed.next(limit, min(wait, hub.settings.limits.event_wait_seconds))
    finally:
        hub.broadcaster.leave(listener)
    return AsciiJson(
        {"success": True, "events": [event.to_wire() for event in found], "cursor": str(feed.cursor)},
        headers={"Cache-Control": "no-store"},
    )


async def stream(request: Request, caller: Caller, wanted: Filter, after: str | None, last: int) -> Response:
    """Answer a stream of events; it begins after the ``Last-Event-ID`` that a browser sends when it comes back."""
    hub = the_hub(request)
    limits = hub.settings.limits
    cursor = await begin(hub.events, request.headers.get("last-event-id") or after, last, wanted)
    listener = hub.broadcaster.enter(caller.key)
    feed = Feed(hub.broadcaster, hub.events, listener, wanted, cursor)
    return EventStream(
        feed.blocks(limits.event_heartbeat_seconds),
        limits.stream_write_timeout_seconds,
        lambda: hub.broadcaster.leave(listener),
    )


def _servers(given: list[str] | None) -> frozenset[str]:
    for name in given or ():
        fields.server_id(name, "server")
    return frozenset(given or ())
