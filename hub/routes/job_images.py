"""The images of jobs: handed over by agents, fetched by clients."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ..errors import UnsupportedEncodingError
from ..jobs.image_types import ENDINGS
from ..jobs.images import MOST_IMAGE_BYTES, MOST_IMAGES, FoundImage, JobImages
from ..streaming import BlockStream, BrokenOffError
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(tags=["jobs"], responses=openapi.ERRORS)

JobId = Annotated[str, Path(max_length=80)]
Number = Annotated[int, Path(ge=0, lt=MOST_IMAGES)]
Lease = Annotated[str, Header(alias="X-Job-Lease", min_length=1, max_length=200)]

_LASTING = "private, max-age=31536000, immutable"
"""What a job's image is does not change; it may only be deleted."""


@router.put("/api/v1/jobs/{job_id}/images/{n}", openapi_extra=openapi.content_body(ENDINGS))
async def put(request: Request, job_id: JobId, n: Number, x_job_lease: Lease, caller: CallerOf) -> Response:
    """Hand over image ``n`` of a job that runs, as it is: PNG, JPEG, WebP or AVIF, of at most 64 MiB (an agent).

    The same again changes nothing; another one takes its place. They are the job's once it is completed with them.
    """
    hub = the_hub(request)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ENDINGS:
        raise UnsupportedEncodingError(
            f"Content-Type {content_type[:40]!r}: an image must be one of {', '.join(ENDINGS)}",
            code="unsupported_media_type",
        )
    await run_in_threadpool(hub.job_images.expect, job_id, x_job_lease, caller)
    async with hub.bodies.content(request, MOST_IMAGE_BYTES) as content:
        answer = await run_in_threadpool(hub.job_images.put, job_id, x_job_lease, n, content_type, content, caller)
    return AsciiJson(answer)


@router.get("/api/v2/jobs/{job_id}/images")
def listed(request: Request, job_id: JobId, _caller: CallerOf) -> Response:
    """List the images of a job, with their infotexts; none as long as it is not completed.

    One with a ``deleted_at`` was deleted to save room.
    """
    return AsciiJson({"success": True, "images": the_hub(request).job_images.listed(job_id)})


@router.get("/api/v2/jobs/{job_id}/images/{n}", responses={410: openapi.ERROR, 304: {"description": "it is as it was"}})
async def get(request: Request, job_id: JobId, n: Number, _caller: CallerOf) -> Response:
    """Fetch an image of a completed job."""
    hub = the_hub(request)
    image = await run_in_threadpool(hub.job_images.find, job_id, n)
    headers = {
        "ETag": f'"{image.sha256}"',
        "Cache-Control": _LASTING,
        "Content-Disposition": f'inline; filename="{image.file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return BlockStream(
        _blocks(hub.job_images, image),
        hub.settings.limits.stream_write_timeout_seconds,
        headers={**headers, "Content-Length": str(image.size_bytes)},
        media_type=image.content_type,
    )


async def _blocks(images: JobImages, image: FoundImage) -> AsyncIterator[bytes]:
    for part in image.parts:
        block = await run_in_threadpool(images.part, image, part)
        if block is None:
            raise BrokenOffError
        yield block


@router.get("/api/v2/jobs/{job_id}/preview", responses={304: {"description": "it is as it was"}})
def preview(request: Request, job_id: JobId, _caller: CallerOf) -> Response:
    """Fetch the last preview of a job that runs."""
    found = the_hub(request).job_previews.find(job_id)
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.content_type, headers=headers)
