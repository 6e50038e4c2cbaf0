"""``/api/v1/ecosystems`` and ``/api/v1/compatibility``: the catalogue of base models, and what works with what."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1", tags=["ecosystems"], responses=openapi.ERRORS)


@router.get("/ecosystems", responses={304: {"description": "The caller's copy is this one."}})
def ecosystems(request: Request, _caller: CallerOf) -> Response:
    """Describe all ecosystems and base models; ``catalogue`` is the whole, for an agent that keeps it.

    The ``ETag`` is the catalogue's digest: with ``If-None-Match`` a caller that has it is answered 304.
    """
    digest, content = the_hub(request).catalogues.described
    headers = {"ETag": f'"{digest}"', "Cache-Control": "no-cache"}
    held = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if held & {headers["ETag"], "*"}:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@router.post("/compatibility", openapi_extra=openapi.body("CompatibilityBody"))
async def compatibility(request: Request, _caller: CallerOf) -> Response:
    """Say whether an add-on works with a checkpoint, and the steps that led there; or so for ``questions``."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.catalogues.compatibility, body))
