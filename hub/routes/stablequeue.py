"""What StableQueue's clients ask for beyond the routes that are ours as well; see ``docs/stablequeue.md``."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ...ecosystems.model_types import LORA_TYPES
from .. import fields
from ..ages import iso_time
from ..keys import CLIENT
from ..stablequeue.shapes import their_servers
from ..statements import read_statement
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(tags=["stablequeue"], responses=openapi.ERRORS)

ServerHeader = Annotated[str | None, Header(alias="x-server-id", max_length=100, description="a server's id or alias")]
After = Annotated[int, Query(ge=0, le=(1 << 63) - 1, description="the X-Next-After of the page before")]
PageSize = Annotated[int, Query(ge=1, le=1000)]
Path = Annotated[str | None, Query(max_length=2048)]


@router.get("/status")
def status() -> Response:
    """Say that the hub answers. Public, as ``/healthz``."""
    return AsciiJson({"success": True, "status": "ok"})


# Servers


@router.get("/api/v2/servers")
def servers(request: Request, _caller: CallerOf) -> Response:
    """List the servers as StableQueue's second version does."""
    return AsciiJson(their_servers(the_hub(request).servers.listed()))


@router.get("/api/v1/queue/servers", include_in_schema=False)
def queue_servers(request: Request, caller: CallerOf) -> Response:
    """List them where the first versions of StableQueue's extension looked."""
    return servers(request, caller)


# Models


@router.post("/api/v1/models/{hash}/availability", openapi_extra=openapi.optional_body("StatementBody"))
async def state(
    request: Request,
    hash: str,  # noqa: A002 (the name in the contract)
    caller: CallerOf,
    x_server_id: ServerHeader = None,
) -> Response:
    """State by hand that a server has a model; an agent that speaks for the server has the last word."""
    hub = the_hub(request)
    server, path = read_statement(await _body_if_any(request), x_server_id, hub.settings.limits)
    return AsciiJson(await run_in_threadpool(hub.statements.put, hash, server, path, caller))


@router.delete("/api/v1/models/{hash}/availability")
def unstate(
    request: Request,
    hash: str,  # noqa: A002
    caller: CallerOf,
    x_server_id: ServerHeader = None,
    server_id: Annotated[str | None, Query(max_length=100)] = None,
    path: Path = None,
) -> Response:
    """State by hand that a server has a model no more, at ``path`` or anywhere."""
    hub = the_hub(request)
    server, where = read_statement({"server_id": server_id, "path": path}, x_server_id, hub.settings.limits)
    return AsciiJson(hub.statements.remove(hash, server, where, caller))


@router.get("/api/v1/checkpoints")
def checkpoints(request: Request, _caller: CallerOf, limit: PageSize = 1000, after: After = 0) -> Response:
    """List the checkpoints that some server has; ``X-Next-After`` is there while there are more."""
    return _resources(request, {"Checkpoint"}, after, limit)


@router.get("/api/v1/loras")
def loras(request: Request, _caller: CallerOf, limit: PageSize = 1000, after: After = 0) -> Response:
    """List what a web UI loads as a LoRA and some server has; pages as for checkpoints."""
    return _resources(request, LORA_TYPES, after, limit)


def _resources(request: Request, types: Any, after: int, limit: int) -> Response:
    listed, more = the_hub(request).resources.listed(types, after, limit)
    return AsciiJson(listed, headers={} if more is None else {"X-Next-After": str(more)})


# Keys


@router.get("/api/v1/api-keys")
def keys(request: Request, caller: CallerOf) -> Response:
    """List the keys without their secrets (an admin's key alone may)."""
    caller.must_administer()
    listed = [
        {
            "id": info.key,
            "name": info.name,
            "scope": info.scope,
            "server_id": info.server_id,
            "is_active": info.revoked_at is None,
            "created_at": iso_time(info.created_at),
        }
        for info in the_hub(request).keys.listed()
    ]
    return AsciiJson({"success": True, "count": len(listed), "api_keys": listed})


@router.post("/api/v1/api-keys", openapi_extra=openapi.body("KeyBody"), status_code=201)
async def make_key(request: Request, caller: CallerOf) -> Response:
    """Make a client's key, whose secret is shown this once (an admin's key alone may; StableQueue lets anybody)."""
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        name = fields.required(body, "name")
        made = await run_in_threadpool(lambda: hub.keys.create(name, CLIENT, caller=caller))
    key = {"id": made.key, "name": made.name, "key": made.key, "secret": made.secret, "is_active": True}
    answer = {"success": True, "message": "API key created successfully", "api_key": key}
    return AsciiJson({**answer, "key": made.key, "secret": made.secret}, status_code=201)


async def _body_if_any(request: Request) -> dict[str, Any]:
    """Return the object that a request holds; StableQueue's clients send none here."""
    stated = request.headers.get("content-length", "")
    if "transfer-encoding" not in request.headers and stated in {"", "0"}:
        return {}
    async with the_hub(request).bodies.object(request) as body:
        return body
