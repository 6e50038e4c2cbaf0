"""``/api/v1/models/{hash}/overrides``: corrections by hand."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/models/{hash}/overrides", tags=["models"], responses=openapi.ERRORS)


@router.get("")
def get(request: Request, hash: str, _caller: CallerOf) -> Response:  # noqa: A002 (the name in the contract)
    """Show what was corrected by hand of a model; ``override`` is null where nothing was."""
    return AsciiJson(the_hub(request).overrides.get(hash))


@router.put("", openapi_extra=openapi.body("OverrideBody"))
async def put(request: Request, hash: str, caller: CallerOf) -> Response:  # noqa: A002
    """Correct a model by hand, in place of an earlier correction (an admin, or an agent that has the model)."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.overrides.put, hash, body, caller))


@router.delete("")
def clear(request: Request, hash: str, caller: CallerOf) -> Response:  # noqa: A002
    """Take a correction back: what was found holds again."""
    return AsciiJson(the_hub(request).overrides.clear(hash, caller))
