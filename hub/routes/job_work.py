"""What agents do with jobs: ask for one, say how far it is, what came of it, or that it cannot be done."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import fields
from ..jobs.reports import read_claim, read_completion, read_failure, read_lease, read_progress
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1", tags=["jobs"], responses=openapi.ERRORS)


@router.post("/servers/{server_id}/jobs/claim", openapi_extra=openapi.body("ClaimBody"))
async def claim(request: Request, server_id: str, caller: CallerOf) -> Response:
    """Ask for a job that this server has every model of; waits for one up to ``wait_seconds``."""
    hub = the_hub(request)
    fields.server_id(server_id)
    caller.must_write_server(server_id)
    async with hub.bodies.object(request) as body:
        asked = read_claim(server_id, body)
    job = await hub.waiting.claim(asked, hub.keys.still_valid(caller), lambda: _gone(request))
    return AsciiJson({"success": True, "job": job}, headers={"Cache-Control": "no-store"})


@router.post("/jobs/{job_id}/progress", openapi_extra=openapi.body("ProgressBody"))
async def progress(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Say that this server is at a job, and how far: the lease lasts anew."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        lease, said = read_lease(body), read_progress(body)
    return AsciiJson(await run_in_threadpool(hub.leases.progress, job_id, lease, said, caller))


@router.post("/jobs/{job_id}/complete", openapi_extra=openapi.body("CompleteBody"))
async def complete(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Say that a job is done, after its images arrived; a result is taken once."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        lease, said = read_lease(body), read_completion(body)
    return AsciiJson(await run_in_threadpool(hub.leases.complete, job_id, lease, said, caller))


@router.post("/jobs/{job_id}/fail", openapi_extra=openapi.body("FailBody"))
async def fail(request: Request, job_id: str, caller: CallerOf) -> Response:
    """Say that this server does not complete a job; with ``retry`` another gets it."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        lease, said = read_lease(body), read_failure(body)
    return AsciiJson(await run_in_threadpool(hub.leases.fail, job_id, lease, said, caller))


async def _gone(request: Request) -> None:
    """Return when the client hung up; its body was read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
