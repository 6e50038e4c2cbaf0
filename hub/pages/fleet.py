"""``/`` and ``/servers/…``: every server at a glance, and one of them with what can be asked of it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..history import DAY_SECONDS
from ..keys import ADMIN
from ..routes.callers import the_hub
from . import formats, pictures
from .access import PageForm, Visitor
from .going import see
from .rendering import page

_SAID = {
    "rescan": "Its agent is asked to look through its folders anew.",
    "full": "Its agent is asked to send its whole inventory.",
    "renamed": "The name was changed.",
    "removed": "The server was removed.",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def fleet(request: Request, visitor: Visitor, said: str = "") -> Response:
    """Show every server."""
    hub = the_hub(request)
    found, now = hub.fleet.view(), hub.clock()
    told = hub.history.states_since(now - pictures.STATES_DAYS * DAY_SECONDS)
    growth = pictures.growth(hub.history.growth(pictures.GROWTH_DAYS)["days"])
    return page(
        request, visitor, "fleet.html", fleet=found, coverage=pictures.coverage(found), growth=growth,
        states=pictures.states(found.servers, told, now), said=_SAID.get(said), loads=hub.job_counts.by_server(),
        address=str(request.base_url).rstrip("/"),
    )  # fmt: skip


@router.get("/servers/{server_id}")
def server(request: Request, visitor: Visitor, server_id: str, said: str = "") -> Response:
    """Show one server."""
    hub = the_hub(request)
    found = hub.fleet.server(server_id)
    told = hub.history.states_since(hub.clock() - pictures.STATES_DAYS * DAY_SECONDS, found.id)
    keys = [key for key in hub.keys.listed() if key.server_id == found.id] if visitor.scope == ADMIN else []
    return page(
        request, visitor, "server.html", server=found, folders=hub.fleet.folders(found.id), keys=keys,
        states=pictures.states([found], told, hub.clock()), said=_SAID.get(said), may_change=visitor.scope == ADMIN,
        load=hub.job_counts.by_server().get(found.id),
    )  # fmt: skip


@router.post("/servers/{server_id}/requests")
def ask(request: Request, visitor: Visitor, server_id: str, form: PageForm) -> Response:
    """Ask its agent for something."""
    visitor.must_write_server(server_id)
    the_hub(request).servers.request(server_id, {"request": form.get("request")}, visitor)
    return see(f"/servers/{formats.segment(server_id)}?said={formats.segment(form.get('request', ''))}")


@router.post("/servers/{server_id}/alias")
def rename(request: Request, visitor: Visitor, server_id: str, form: PageForm) -> Response:
    """Give it another name."""
    visitor.must_administer()
    the_hub(request).servers.change(server_id, {"alias": form.get("alias", "").strip()}, visitor)
    return see(f"/servers/{formats.segment(server_id)}?said=renamed")


@router.get("/servers/{server_id}/remove")
def ask_to_remove(request: Request, visitor: Visitor, server_id: str) -> Response:
    """Say what will be lost with it."""
    visitor.must_administer()
    found = the_hub(request).fleet
    return page(request, visitor, "server_remove.html", server=found.server(server_id), loss=found.loss(server_id))


@router.post("/servers/{server_id}/remove")
def remove(request: Request, visitor: Visitor, server_id: str) -> Response:
    """Forget it."""
    visitor.must_administer()
    the_hub(request).servers.remove(server_id, visitor)
    return see("/?said=removed")
