"""``/api/v1/keys…``, ``/api/v1/sessions…``, ``/api/v1/audit``: who may do what, who is logged in, who did what."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from .. import fields
from ..ages import iso_time, parse_time
from ..errors import FieldError
from ..keys import LONGEST_GRACE_SECONDS, NewKey
from ..trust.audit import AuditQuestion
from . import openapi
from .answers import AsciiJson
from .callers import CallerOf, the_hub

router = APIRouter(prefix="/api/v1", tags=["trust"], responses=openapi.ERRORS)

Filter = Annotated[str | None, Query(max_length=200)]
_TIMES = ("created_at", "revoked_at", "expires_at", "last_used_at", "rotated_at", "previous_until", "last_seen")


def _shown(info: Any) -> dict[str, Any]:
    return {name: iso_time(value) if name in _TIMES else value for name, value in asdict(info).items()}


def _once(made: NewKey, status: int) -> Response:
    """Return the only answer that ever holds this secret."""
    return AsciiJson({"success": True, **asdict(made)}, status_code=status, headers={"Cache-Control": "no-store"})


@router.get("/keys")
def listed(request: Request, _caller: CallerOf) -> Response:
    """List the keys, revoked ones too, without their secrets."""
    return AsciiJson({"success": True, "keys": [_shown(info) for info in the_hub(request).keys.listed()]})


@router.post("/keys", openapi_extra=openapi.body("NewKeyBody"), status_code=201)
async def create(request: Request, caller: CallerOf) -> Response:
    """Make a key; this answer alone holds its secret."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        name, scope, server_id, expires_at = _key_body(body)

        def make() -> NewKey:
            return hub.keys.create(name, scope, server_id, expires_at=expires_at, caller=caller)

        return _once(await run_in_threadpool(make), 201)


def _key_body(body: Mapping[str, Any]) -> tuple[str, str, str | None, float | None]:
    texts = {name: fields.text(body, name, 100) for name in ("name", "scope", "server_id", "expires_at")}
    for name in ("name", "scope"):
        fields.required(body, name)
    stated = texts["expires_at"]
    try:
        expires_at = None if stated is None else parse_time(stated)
    except (ValueError, OverflowError):
        raise FieldError("expires_at", "must be a date such as 2027-12-31, or a date and time in ISO 8601") from None
    return texts["name"] or "", texts["scope"] or "", texts["server_id"], expires_at


@router.post("/keys/{key}/rotate", openapi_extra=openapi.body("RotateBody"))
async def rotate(request: Request, key: str, caller: CallerOf) -> Response:
    """Give a key a new secret, which this answer alone holds; the old one works for the grace."""
    hub = the_hub(request)
    async with hub.bodies.object(request) as body:
        minutes = fields.number(body, "grace_minutes", 0, LONGEST_GRACE_SECONDS / 60) or 0.0
        return _once(await run_in_threadpool(hub.keys.rotate, key, minutes * 60, caller), 200)


@router.delete("/keys/{key}")
def revoke(request: Request, key: str, caller: CallerOf) -> Response:
    """Make a key, and the sessions of the page that were opened with it, useless at once."""
    the_hub(request).keys.revoke(key, caller)
    return AsciiJson({"success": True, "message": "Key revoked."})


@router.get("/sessions")
def sessions(request: Request, _caller: CallerOf) -> Response:
    """List who is logged in to the web page."""
    return AsciiJson({"success": True, "sessions": [_shown(info) for info in the_hub(request).sessions.listed()]})


@router.delete("/sessions/{session_id}")
def end_session(request: Request, session_id: str, caller: CallerOf) -> Response:
    """Log somebody out."""
    the_hub(request).sessions.end(session_id, caller)
    return AsciiJson({"success": True, "message": "Session ended."})


@router.get("/audit")
def audit(
    request: Request,
    _caller: CallerOf,
    action: Filter = None,
    key: Filter = None,
    subject: Filter = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Filter = None,
) -> Response:
    """List what was changed by whom, the newest first, page by page."""
    given = {"action": action, "key": key, "subject": subject, "cursor": cursor}
    for name, text in given.items():
        if text is not None and not fields.is_clean(text):
            raise FieldError(name, "must not hold control characters")
    return AsciiJson(the_hub(request).audit.page(AuditQuestion(action, key, subject, limit, cursor)))
