"""``POST /api/v1/servers/{server_id}/models/sync``: the four bodies of docs/protocol.md."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import fields
from ..bodies import read_body
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/servers", tags=["inventory"], responses=openapi.ERRORS)


@router.post("/{server_id}/models/sync", openapi_extra=openapi.body("SyncBody"))
async def sync(request: Request, server_id: str, caller: CallerOf) -> Response:
    """Tell the hub a server's inventory: a heartbeat, a delta, buckets, or the plain full list."""
    hub = the_hub(request)
    fields.server_id(server_id)
    caller.must_write_server(server_id)
    async with hub.bodies.object(request) as value:

        def receive() -> dict[str, object]:
            sender, body = read_body(value, hub.settings.limits)
            answer = hub.inventories.receive(server_id, sender, body, hub.keys.still_valid(caller))
            hub.metrics.synced(answer.get("changed", {}))
            return {**answer, "catalogue": hub.catalogues.described[0]}

        return AsciiJson(await run_in_threadpool(receive))
