"""StableQueue's ``/api/v2/generate…`` and ``/api/v2/jobs…``, and its first version of both: asking and looking."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import fields
from ..errors import ConflictError, FieldError
from ..jobs.job import CANCELLED, HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..jobs.listing import MOST_IN_PAGE, Filter
from ..jobs.shapes import TARGET, read_target
from ..jobs.values import integer
from ..keys import Caller
from ..services import Hub
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(tags=["jobs"], responses=openapi.ERRORS)

ACCEPTED = 202

Narrowed = Annotated[str | None, Query(max_length=200)]
PageSize = Annotated[int, Query(ge=1, le=MOST_IN_PAGE)]
Skipped = Annotated[int, Query(ge=0, le=10_000_000)]


# Submission


@router.post("/api/v2/generate", openapi_extra=openapi.body("JobBody"), status_code=ACCEPTED)
async def generate(request: Request, caller: CallerOf) -> Response:
    """Queue a job, whatever is there of its models, and say what that comes to."""
    return await _submitted(request, the_hub(request).asking.submit, caller, ACCEPTED)


@router.post("/api/v1/generate", openapi_extra=openapi.body("JobBody"), status_code=ACCEPTED)
async def generate_as_first(request: Request, caller: CallerOf) -> Response:
    """Do the same under the name that the first version of StableQueue has for it."""
    return await generate(request, caller)


@router.post("/api/v2/generate/check", openapi_extra=openapi.body("JobBody"))
async def check(request: Request, caller: CallerOf) -> Response:
    """Say what a job would come to, and queue nothing."""
    return await _submitted(request, the_hub(request).asking.check, caller, 200)


@router.post("/api/v2/generate/bulk", openapi_extra=openapi.body("BulkJobBody"), status_code=ACCEPTED)
async def generate_many(request: Request, caller: CallerOf) -> Response:
    """Queue several jobs of one request that differ in their seeds, all of them or none."""
    return await _submitted(request, the_hub(request).asking.bulk, caller, ACCEPTED)


async def _submitted(request: Request, ask: Any, caller: Caller, status: int) -> Response:
    async with the_hub(request).bodies.object(request) as body:
        return AsciiJson(await run_in_threadpool(ask, body, caller), status_code=status)


# Looking


@router.get("/api/v2/jobs")
def jobs(
    request: Request,
    _caller: CallerOf,
    status: Narrowed = None,
    server: Narrowed = None,
    submitter: Narrowed = None,
    model: Narrowed = None,
    q: Narrowed = None,
    bulk: Narrowed = None,
    app_type: Narrowed = None,
    order: Narrowed = None,
    limit: PageSize = 50,
    offset: Skipped = 0,
    cursor: Narrowed = None,
) -> Response:
    """List jobs, the newest first, page by page; ``counts`` has how many there are of each state."""
    asked = Filter(
        state=status,
        server=server,
        submitter=submitter,
        model=model,
        text=q,
        bulk_id=bulk,
        app_type=app_type,
        oldest_first=_is_ascending(order),
        limit=limit,
        offset=offset,
        cursor=cursor,
    )
    for name, text in request.query_params.items():
        if not fields.is_clean(text):
            raise FieldError(name[:40], "must not hold control characters")
    filters = {"status": status, "app_type": app_type, "limit": limit, "offset": offset}
    answer = the_hub(request).job_list.page(asked)
    return AsciiJson({**answer, "filters": {**filters, "order": "ASC" if asked.oldest_first else "DESC"}})


@router.get("/api/v1/queue/jobs")
def jobs_as_first(
    request: Request,
    caller: CallerOf,
    status: Narrowed = None,
    order: Narrowed = None,
    limit: PageSize = MOST_IN_PAGE,
    offset: Skipped = 0,
) -> Response:
    """List jobs as the first version of StableQueue does."""
    return jobs(request, caller, status=status, order=order, limit=limit, offset=offset)


@router.get("/api/v2/jobs/{job_id}/status")
def job(request: Request, job_id: str, _caller: CallerOf) -> Response:
    """Show one job."""
    return _told(the_hub(request), job_id)


@router.get("/api/v1/queue/jobs/{job_id}/status")
def job_as_first(request: Request, job_id: str, _caller: CallerOf) -> Response:
    """Show one job as the first version of StableQueue does: its fields stand in the answer itself."""
    return AsciiJson({"success": True, **the_hub(request).job_list.one(job_id)})


# Changing


@router.post("/api/v2/jobs/{job_id}/cancel")
def cancel(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Cancel a job that waits or runs; one that runs is interrupted."""
    hub = the_hub(request)
    state = hub.changing.cancel(job_id, caller)
    if state != CANCELLED:
        problem = f"this job is {state}; only one that waits or runs can be cancelled"
        raise ConflictError(problem, {"current_status": state}, code="job_operation_invalid")
    return _told(hub, job_id, "Job cancelled successfully.")


@router.post("/api/v1/queue/jobs/{job_id}/cancel")
def cancel_as_first(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Do the same under the name that the first version of StableQueue has for it."""
    return cancel(request, job_id, caller)


@router.post("/api/v2/jobs/{job_id}/retry")
def retry(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Queue a job again that failed or was cancelled."""
    hub = the_hub(request)
    hub.changing.retry(job_id, caller)
    hub.waking.job.call()
    return _told(hub, job_id, "Job queued again.")


@router.post("/api/v2/jobs/{job_id}/priority", openapi_extra=openapi.body("PriorityBody"))
async def prioritise(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Change the priority of a job that waits."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        stated = fields.required(body, "priority")
        priority = integer(LOWEST_PRIORITY, HIGHEST_PRIORITY)(stated, "priority")
        if priority is None:
            raise FieldError("priority", "this field is required", missing=True)
        await run_in_threadpool(hub.changing.set_priority, job_id, caller, priority)
    return await run_in_threadpool(_told, hub, job_id, "Priority changed.")


@router.post("/api/v2/jobs/{job_id}/move", openapi_extra=openapi.body("MoveBody"))
async def move(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Let a job run on another server, or with ``any`` on any."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        target = read_target(fields.required(body, TARGET))
        await run_in_threadpool(hub.changing.move, job_id, caller, target)
    hub.waking.job.call()
    return await run_in_threadpool(_told, hub, job_id, "Job moved.")


@router.delete("/api/v1/queue/jobs/{job_id}")
def forget(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Delete a job with its images; one that is under way is cancelled."""
    the_hub(request).asking.forget(job_id, caller)
    return AsciiJson({"success": True, "message": f"Job {job_id} deleted successfully."})


def _told(hub: Hub, job_id: str, message: str | None = None) -> Response:
    said = {} if message is None else {"message": message}
    return AsciiJson({"success": True, **said, "job": hub.job_list.one(job_id)})


def _is_ascending(order: str | None) -> bool:
    if order is not None and order.lower() not in {"asc", "desc"}:
        raise FieldError("order", "must be asc or desc")
    return order is not None and order.lower() == "asc"
