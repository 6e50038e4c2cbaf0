"""``/api/v1/servers…``: the registry of servers, in StableQueue's shapes."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/servers", tags=["servers"], responses=openapi.ERRORS)


@router.get("")
def listed(request: Request, _caller: CallerOf) -> Response:
    """List the servers: a plain list, as StableQueue has it."""
    return AsciiJson(the_hub(request).servers.listed())


@router.post("", openapi_extra=openapi.body("ServerBody"), status_code=201)
async def add(request: Request, caller: CallerOf) -> Response:
    """Add a server by hand."""
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        server = await run_in_threadpool(hub.servers.add, body, caller)
    return AsciiJson({"success": True, "message": "Server added.", "server": server}, status_code=201)


@router.get("/{server_id}")
def get(request: Request, server_id: str, _caller: CallerOf) -> Response:
    """Show one server, by its id or alias."""
    return AsciiJson(the_hub(request).servers.get(server_id))


@router.put("/{server_id}", openapi_extra=openapi.body("ServerChangeBody"))
async def change(request: Request, server_id: str, caller: CallerOf) -> Response:
    """Change a server's alias, address or description."""
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        server = await run_in_threadpool(hub.servers.change, server_id, body, caller)
    return AsciiJson({"success": True, "message": "Server changed.", "server": server})


@router.delete("/{server_id}")
def remove(request: Request, server_id: str, caller: CallerOf) -> Response:
    """Forget a server and its inventory and revoke its agents' keys; its models stay known."""
    caller.must_administer()
    the_hub(request).servers.remove(server_id, caller)
    return AsciiJson({"success": True, "message": "Server removed."})


@router.post("/{server_id}/requests", openapi_extra=openapi.body("RequestBody"), status_code=202)
async def ask(request: Request, server_id: str, caller: CallerOf) -> Response:
    """Ask a server's agent to scan its folders anew (``rescan``) or to send all that it has (``full``)."""
    hub = the_hub(request)
    caller.must_write_server(server_id)
    async with hub.bodies.object(request) as body:
        pending = await run_in_threadpool(hub.servers.request, server_id, body, caller)
    return AsciiJson({"success": True, "requests": pending}, status_code=202)
