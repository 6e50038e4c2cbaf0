"""``/api/v1/fleet…``: all servers side by side."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/fleet", tags=["fleet"], responses=openapi.ERRORS)


@router.get("/coverage")
def coverage(request: Request, _caller: CallerOf) -> Response:
    """Say how many models of which type each server has, and how many it lacks that another has."""
    return AsciiJson(the_hub(request).coverage.of_servers())


@router.get("/duplicates")
def duplicates(
    request: Request,
    _caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> Response:
    """List groups of models with the same tensors; ``after`` is the ``next_after`` of the page before."""
    return AsciiJson(the_hub(request).coverage.twins(limit, after))
