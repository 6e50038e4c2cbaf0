"""What runs a hub asks of it: is it alive, can it work (both public), what does it do."""

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ..errors import OverloadedError
from ..readiness import problem_of
from . import openapi
from .answers import AsciiJson
from .callers import known_caller, the_hub

router = APIRouter(tags=["operations"])


@router.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return AsciiJson({"success": True, "status": "ok"})


@router.get("/readyz", responses={503: openapi.ERROR})
def readyz(request: Request) -> Response:
    """Say that the hub can work: its database answers and is as it must be, there is room, and it is not stopping."""
    hub = the_hub(request)
    problem = problem_of(hub)
    if problem is not None:
        raise OverloadedError(problem.message, {"check": problem.check}, code="not_ready")
    return AsciiJson(
        {"success": True, "status": "ready", "database": hub.database.engine.dialect.name, "migration": hub.migration}
    )


def _may_measure(request: Request) -> None:
    """Let every key read the metrics, and everybody where that is set: they tell how large an inventory is."""
    if not the_hub(request).settings.metrics_public:
        known_caller(request)


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(_may_measure)])
def metrics(request: Request) -> Response:
    """Return what this hub counts, for Prometheus."""
    return Response(the_hub(request).metrics.exposed(), media_type=CONTENT_TYPE_LATEST)
