"""The tab's "Fleet": servers, their states and models; what only this one has, and what it lacks."""

from typing import Any

from .hub_link import Fleet, FleetModel, HubLink
from .question import Question
from .shelf import Stock

PAGE_MODELS = 100


def fleet(link: HubLink, stock: Stock) -> dict[str, Any]:
    """Answer ``GET fleet``.

    Raises:
        RouteError: there is no hub.
        HubError: it could not be asked.
    """
    servers = [
        {
            "server_id": server.server_id,
            "alias": server.alias,
            "state": server.state,
            "last_seen": server.last_seen,
            "models": server.wire.get("count"),
            "this": server.server_id == link.own_id,
        }
        for server in link.client().servers()
    ]
    listed = link.fleet(wait=True)
    return {
        "servers": servers,
        "only_here": len(_only_here(listed, stock, link.own_id)),
        "missing_here": len(_missing_here(listed, stock)),
        "error": listed.error,
    }


def fleet_models(link: HubLink, stock: Stock, question: Question) -> dict[str, Any]:
    """Answer ``GET fleet/models``: one page of a server's models, or of what only this one has or lacks.

    Raises:
        RouteError: there is no hub, or a parameter is wrong.
    """
    link.client()
    listed = link.fleet(wait=True)
    only = question.choice("only", frozenset({"", "here", "missing"}), "")
    server = question.text("server")
    words = question.text("q").lower().split()
    start = question.number("cursor", 0, 10**8)
    if only == "here":
        found = _only_here(listed, stock, link.own_id)
    elif only == "missing":
        found = _missing_here(listed, stock)
    else:
        found = [model for model in listed.models if not server or server in model.servers]
    found = [model for model in found if all(word in _haystack(model) for word in words)]
    found.sort(key=lambda model: str(model.wire.get("name", "")).casefold())
    page = found[start : start + PAGE_MODELS]
    more = start + len(page) < len(found)
    here = {item.sha256 for item in stock.items if item.sha256}
    return {
        "total": len(found),
        "models": [_row(model, here) for model in page],
        "next_cursor": str(start + len(page)) if more else None,
        "error": listed.error,
    }


def _only_here(listed: Fleet, stock: Stock, own_id: str) -> list[FleetModel]:
    here = {item.sha256 for item in stock.items if item.sha256}
    return [model for model in listed.models if model.sha256 in here and not set(model.servers) - {own_id}]


def _missing_here(listed: Fleet, stock: Stock) -> list[FleetModel]:
    here = {item.sha256 for item in stock.items if item.sha256}
    return [model for model in listed.models if model.servers and model.sha256 not in here]


def _haystack(model: FleetModel) -> str:
    wire = model.wire
    parts = [
        wire.get("name"),
        wire.get("base_model"),
        wire.get("ecosystem"),
        wire.get("sha256"),
        *model.servers.values(),
    ]
    return "\n".join(str(part) for part in parts if part).lower()


def _row(model: FleetModel, here: set[str]) -> dict[str, Any]:
    wire = model.wire
    names = ("name", "type", "size", "sha256", "autov2", "autov3", "ecosystem", "base_model", "status")
    servers = [{"server_id": server, "path": path} for server, path in sorted(model.servers.items())]
    return {**{name: wire.get(name) for name in names}, "servers": servers, "here": model.sha256 in here}
