"""``POST /api/v1/pair``: a one-time code for a key. Public: who calls has no key yet."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import the_hub

router = APIRouter(prefix="/api/v1", tags=["pairing"], responses={**openapi.ERRORS, 429: openapi.ERROR})


@router.post("/pair", openapi_extra=openapi.body("PairBody"))
async def pair(request: Request) -> Response:
    """Take a code that ``quartermaster hub pair`` printed and answer the key of that server's agent; works once."""
    hub = the_hub(request)
    address = request.client.host if request.client else "unknown"
    async with hub.small_bodies.object(request) as body:
        made = await run_in_threadpool(hub.pairing.redeem, body, address)
    answer = {"success": True, "server_id": made.server_id, "key": made.key, "secret": made.secret}
    return AsciiJson(answer, headers={"Cache-Control": "no-store"})
