"""``/api/v1/models/find`` and ``/api/v1/models/{hash}/aliases``: models by their names."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ..finding import read_question
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/models", tags=["models"], responses=openapi.ERRORS)

Name = Annotated[str | None, Query(max_length=2048)]
OneName = Annotated[str, Query(max_length=2048)]


@router.get("/find")
def find(
    request: Request,
    _caller: CallerOf,
    path: Name = None,
    name: Name = None,
    type: Name = None,  # noqa: A002 (the name in the contract)
    server: Name = None,
) -> Response:
    """Say which model a path or a name means, and which servers have it; ``type`` and ``server`` narrow."""
    hub = the_hub(request)
    stated = {"path": path, "name": name, "type": type, "server": server}
    return AsciiJson(hub.finding.find(read_question(stated, hub.settings.limits)))


@router.post("/find", openapi_extra=openapi.body("FindBody"))
async def find_many(request: Request, _caller: CallerOf) -> Response:
    """Say the same for up to 1,000 names at once, in their order."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.finding.find_many, body))


@router.get("/{hash}/aliases")
def get(request: Request, hash: str, _caller: CallerOf) -> Response:  # noqa: A002 (the name in the contract)
    """List the names of a model: by hand, imported, and seen as a file's name on a server."""
    return AsciiJson(the_hub(request).aliases.get(hash))


@router.put("/{hash}/aliases", openapi_extra=openapi.body("AliasesBody"))
async def put(request: Request, hash: str, caller: CallerOf) -> Response:  # noqa: A002
    """Name a model by hand, in place of earlier names by hand (an admin, or an agent that has the model)."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.aliases.put, hash, body, caller))


@router.delete("/{hash}/aliases")
def remove(request: Request, hash: str, caller: CallerOf, alias: OneName) -> Response:  # noqa: A002
    """Take back one name that was said by hand or imported; all that were said by hand: ``PUT`` an empty list."""
    return AsciiJson(the_hub(request).aliases.remove(hash, alias, caller))
