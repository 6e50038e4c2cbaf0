"""``/api/v1/models…``: availability, registering, search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import fields
from ..errors import FieldError
from ..search import Search
from ..stablequeue.shapes import with_their_fields
from . import openapi
from .answers import AsciiJson, written
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1/models", tags=["models"], responses=openapi.ERRORS)

Filter = Annotated[str | None, Query(max_length=200)]
Size = Annotated[int | None, Query(ge=0, le=fields.MAX_INTEGER)]


@router.get("/{hash}/availability")
def availability(request: Request, hash: str, _caller: CallerOf) -> Response:  # noqa: A002 (the name in the contract)
    """Say which servers have a model; ``hash`` is its AutoV2, AutoV3 or SHA-256."""
    return AsciiJson(the_hub(request).availability.of(hash))


@router.post("/availability", openapi_extra=openapi.body("AvailabilityBody"))
async def availability_of_many(request: Request, _caller: CallerOf) -> Response:
    """Say the same for up to 1,000 hashes at once; ``results`` has an answer for each hash as it was given."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return written(await run_in_threadpool(hub.availability.json_of_many, body))


@router.post("/register", openapi_extra=openapi.body("RegisterBody"), status_code=200)
async def register(request: Request, caller: CallerOf) -> Response:
    """Make a model known, on a server or not; doing it again changes nothing. 201 where it is new."""
    hub = the_hub(request)
    caller.must_register()
    async with hub.bodies.object(request) as body:
        answer, created = await run_in_threadpool(hub.registrations.register, body, caller)
    return AsciiJson(answer, status_code=201 if created else 200)


@router.put("", openapi_extra=openapi.body("ChangesBody"))
async def change_many(request: Request, caller: CallerOf) -> Response:
    """Change what is registered of up to 1,000 models in one transaction; ``undo`` is the body that puts it back."""
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.registrations.change_many, body, caller))


@router.post("/overrides", openapi_extra=openapi.body("OverridesBody"))
async def correct_many(request: Request, caller: CallerOf) -> Response:
    """Correct up to 1,000 models by hand in one transaction, as ``PUT /api/v1/models/{hash}/overrides`` does one."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.overrides.put_many, body, caller))


@router.post("/news", openapi_extra=openapi.body("NewsBody"))
async def news(request: Request, caller: CallerOf) -> Response:
    """Tell an agent what is known here of its models and not there: after a number that a sync answered, or by hash."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.news.of, body, caller))


@router.get("")
def search(
    request: Request,
    _caller: CallerOf,
    q: Filter = None,
    type: Filter = None,  # noqa: A002 (the name in the contract)
    ecosystem: Filter = None,
    base_model: Filter = None,
    their_base_model: Annotated[str | None, Query(alias="baseModel", max_length=200)] = None,
    server: Filter = None,
    missing_on: Filter = None,
    status: Filter = None,
    hash_state: Filter = None,
    duplicates: Filter = None,
    min_size: Size = None,
    max_size: Size = None,
    min_servers: Size = None,
    max_servers: Size = None,
    facets: bool = False,
    sort: Annotated[str, Query(max_length=20)] = "oldest",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """List models, page by page: ``q`` has the beginnings of words or of a hash, the rest narrows exactly.

    ``baseModel`` is StableQueue's name of ``base_model``.
    """
    asked = Search(
        words=q,
        type=type,
        ecosystem=ecosystem,
        base_model=base_model if base_model is not None else their_base_model,
        server_id=server,
        missing_on=missing_on,
        status=status,
        hash_state=hash_state,
        duplicates=duplicates,
        min_size_bytes=min_size,
        max_size_bytes=max_size,
        min_servers=min_servers,
        max_servers=max_servers,
        facets=facets,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    for name in ("q", "type", "ecosystem", "base_model", "baseModel", "server", "missing_on", "status", "cursor"):
        text = request.query_params.get(name)
        if text is not None and not fields.is_clean(text):
            raise FieldError(name, "must not hold control characters")
    answer = the_hub(request).search.page(asked)
    return AsciiJson({**answer, "models": [with_their_fields(model) for model in answer["models"]]})


@router.get("/{hash}")
def get(request: Request, hash: str, _caller: CallerOf) -> Response:  # noqa: A002 (the name in the contract)
    """Show one model, by its id (up to 9 digits) or any form of its hash."""
    return AsciiJson(the_hub(request).registry.get(hash))


@router.put("/{hash}", openapi_extra=openapi.body("ChangeBody"))
async def change(request: Request, hash: str, caller: CallerOf) -> Response:  # noqa: A002
    """Change what is registered of a model by hand (an admin); null takes a field back, a missing one stays.

    ``undo`` in the answer is an item of ``PUT /api/v1/models`` that puts back what this replaced.
    """
    hub = the_hub(request)
    caller.must_administer()
    async with hub.bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(hub.registrations.change, hash, body, caller))
