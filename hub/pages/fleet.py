"""``/``: every server at a glance."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..routes.callers import the_hub
from .access import Visitor
from .rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def fleet(request: Request, visitor: Visitor) -> Response:
    """Show every server."""
    return page(request, visitor, "fleet.html", servers=the_hub(request).fleet.servers())
