"""``/api/v1/enrichment``: how far the look-ups on the metadata service are, and what a person does about them."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/enrichment", tags=["models"], responses=openapi.ERRORS)


@router.get("")
def status(request: Request, _caller: CallerOf) -> Response:
    """Say how many models were looked up, found and not found, what is next, and what is in the way."""
    return AsciiJson(the_hub(request).enrichment.status())


@router.post("", openapi_extra=openapi.body("EnrichmentBody"))
async def change(request: Request, caller: CallerOf) -> Response:
    """Switch the look-ups on or off, or have models looked up anew (an admin)."""
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        answer = await run_in_threadpool(hub.enrichment.change, body, caller)
    hub.enriching.call()
    return AsciiJson(answer)
