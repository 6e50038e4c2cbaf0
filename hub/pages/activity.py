"""``/activity``: what happened, the newest first, brought up to date as it happens."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ..events.kinds import FOR_ADMINS
from ..events.log import Filter
from ..keys import ADMIN
from ..routes.callers import the_hub
from .access import Visitor
from .happenings import KINDS, lines
from .rendering import page

_MOST = 100

router = APIRouter(include_in_schema=False)


@router.get("/activity")
def activity(
    request: Request,
    visitor: Visitor,
    kind: Annotated[str, Query(max_length=40)] = "",
    server: Annotated[str, Query(max_length=100)] = "",
    before: Annotated[int | None, Query(ge=1, lt=1 << 62)] = None,
) -> Response:
    """Show the last events, or those before one."""
    hub = the_hub(request)
    as_admin = visitor.scope == ADMIN
    wanted = Filter(frozenset({kind} if kind else ()), frozenset({server} if server else ()), as_admin)
    found = hub.events.older(before, wanted, _MOST + 1)
    shown = found[:_MOST]
    return page(
        request, visitor, "activity.html", lines=lines(shown), kind=kind, server=server, before=before,
        kinds={name: word for name, word in KINDS.items() if as_admin or name not in FOR_ADMINS},
        servers=[(each["server_id"], each["alias"]) for each in hub.servers.listed()],
        older=shown[-1].cursor.seq if len(found) > _MOST else None,
    )  # fmt: skip
