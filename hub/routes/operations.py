"""What runs a hub asks of it: is it alive, can it work. Public."""

import logging

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from ..errors import OverloadedError
from ..migrating import current_revision
from . import openapi
from .answers import AsciiJson
from .callers import the_hub

router = APIRouter(tags=["operations"])
_log = logging.getLogger(__name__)


@router.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return AsciiJson({"success": True, "status": "ok"})


@router.get("/readyz", responses={503: openapi.ERROR})
def readyz(request: Request) -> Response:
    """Say that the database answers and is at this hub's migration."""
    hub = the_hub(request)
    try:
        with hub.database.read() as connection:
            revision = current_revision(connection)
    except (OverloadedError, SQLAlchemyError):
        _log.exception("the database does not answer")
        raise OverloadedError("the database does not answer", code="not_ready") from None
    if revision != hub.migration:
        raise OverloadedError(f"the database is at migration {revision}, this hub at {hub.migration}", code="not_ready")
    return AsciiJson(
        {"success": True, "status": "ready", "database": hub.database.engine.dialect.name, "migration": revision}
    )
