"""``/`` and ``/servers/…``: every server at a glance, and one of them with what can be asked of it."""

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from ..fleet import FleetView
from ..keys import ADMIN
from ..routes.callers import the_hub
from . import charts, formats
from .access import PageForm, Visitor
from .going import see
from .rendering import page

_MOST_COLUMNS = 8
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
    found = the_hub(request).fleet.view()
    return page(
        request, visitor, "fleet.html", fleet=found, coverage=_coverage(found), said=_SAID.get(said),
        address=str(request.base_url).rstrip("/"),
    )  # fmt: skip


def _coverage(found: FleetView) -> Markup:
    """Draw which share of the fleet's models of each type each server has."""
    kinds = found.types[:_MOST_COLUMNS]
    rows = [
        (
            formats.visible(server.alias),
            [
                charts.Cell(
                    server.held(kind) / count if count else None,
                    formats.number(server.held(kind)),
                    f"{formats.number(server.held(kind))} of {formats.number(count)} {kind} models",
                )
                for kind, count in kinds
            ],
        )
        for server in found.servers
    ]
    return charts.matrix(
        "Models by type and server; the darker, the larger the share it has", [k for k, _ in kinds], rows
    )


@router.get("/servers/{server_id}")
def server(request: Request, visitor: Visitor, server_id: str, said: str = "") -> Response:
    """Show one server."""
    hub = the_hub(request)
    found = hub.fleet.server(server_id)
    keys = [key for key in hub.keys.listed() if key.server_id == found.id] if visitor.scope == ADMIN else []
    return page(
        request, visitor, "server.html", server=found, folders=hub.fleet.folders(found.id), keys=keys,
        said=_SAID.get(said), may_change=visitor.scope == ADMIN,
    )  # fmt: skip


@router.post("/servers/{server_id}/requests")
def ask(request: Request, visitor: Visitor, server_id: str, form: PageForm) -> Response:
    """Ask its agent for something."""
    visitor.must_write_server(server_id)
    the_hub(request).servers.request(server_id, {"request": form.get("request")})
    return see(f"/servers/{formats.segment(server_id)}?said={formats.segment(form.get('request', ''))}")


@router.post("/servers/{server_id}/alias")
def rename(request: Request, visitor: Visitor, server_id: str, form: PageForm) -> Response:
    """Give it another name."""
    visitor.must_administer()
    the_hub(request).servers.change(server_id, {"alias": form.get("alias", "").strip()})
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
    the_hub(request).servers.remove(server_id)
    return see("/?said=removed")
