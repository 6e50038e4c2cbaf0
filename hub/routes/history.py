"""What was where when: of a model, of a server, and of the whole."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1", tags=["history"], responses=openapi.ERRORS)

Days = Annotated[int, Query(ge=1, le=731)]


@router.get("/models/{hash}/history")
def of_model(request: Request, hash: str, _caller: CallerOf) -> Response:  # noqa: A002 (the name in the contract)
    """Say which servers had a model, at which path, from when till when; ``until`` is null where it is now."""
    return AsciiJson(the_hub(request).history.of_model(hash))


@router.get("/servers/{server_id}/history")
def of_server(request: Request, server_id: str, _caller: CallerOf, days: Days = 30) -> Response:
    """Say when a server was present, stale and offline, and which part of each day (UTC) it was so."""
    return AsciiJson(the_hub(request).history.of_server(server_id, days))


@router.get("/growth")
def growth(request: Request, _caller: CallerOf, days: Days = 365) -> Response:
    """Say how much the hub knew on each day."""
    return AsciiJson(the_hub(request).history.growth(days))
