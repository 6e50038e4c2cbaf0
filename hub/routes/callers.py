"""Who calls: what every route but the public ones depends on."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from ..keys import Caller
from ..request_facts import note_key
from ..services import Hub, hub_of
from ..trust.scopes import check_scope

_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False, description="with X-API-Secret")
_secret = APIKeyHeader(name="X-API-Secret", scheme_name="ApiSecret", auto_error=False)
_bearer = HTTPBearer(
    scheme_name="Bearer", auto_error=False, bearerFormat="base64(key:secret)", description="base64 of key:secret"
)


def the_hub(request: Request) -> Hub:
    """Return the hub that this request is for."""
    return hub_of(request.app)


def address_of(request: Request) -> str:
    """Return where a request comes from; behind a proxy that is trusted, what that says."""
    return request.client.host if request.client else "unknown"


def declared_path(request: Request) -> str:
    """Return the path of a request's route as it was declared, with its variables."""
    return str(getattr(request.scope.get("route"), "path", request.url.path))


def known_caller(request: Request, csrf: str | None = None) -> Caller:
    """Return who calls, as ``Entrance.caller`` has it, and have the log name the key."""
    caller = the_hub(request).entrance.caller(request, csrf)
    note_key(request.scope, caller.key or f"session {caller.session_id}")
    return caller


def _caller(
    request: Request,
    _key: Annotated[str | None, Security(_key)],
    _secret: Annotated[str | None, Security(_secret)],
    _token: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    caller = known_caller(request)
    check_scope(caller, request.method, declared_path(request))
    return caller


CallerOf = Annotated[Caller, Depends(_caller)]
