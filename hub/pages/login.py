"""``/login`` and ``/logout``."""

import logging

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ..errors import RateLimitedError, RequestError
from ..routes.callers import address_of, the_hub
from ..trust.entrance import cross_site, is_own_origin, is_secure
from .access import Visitor, local_path
from .rendering import page

_log = logging.getLogger(__name__)
_SEE_OTHER = 303

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login_page(request: Request, code: str | None = None, next: str | None = None) -> Response:  # noqa: A002
    """Show the login. A one-time link is not used up by this: mail programs and chats look at links too."""
    return _login_page(request, local_path(next), code)


def _login_page(request: Request, next_path: str, code: str | None, error: RequestError | None = None) -> Response:
    status = error.status if error else 200
    answer = page(request, None, "login.html", status=status, code=code, next=next_path, error=error)
    answer.headers.update(error.headers if error else {})
    return answer


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Open a session for a code, or for a key and its secret, and go on to where the person wanted to be."""
    hub = the_hub(request)
    next_path = "/"
    try:
        if not is_own_origin(request):
            raise cross_site()
        form = await hub.small_bodies.form(request)
        next_path = local_path(form.get("next"))
        address, browser = address_of(request), request.headers.get("user-agent", "")
        token = hub.entrance.token(request)
        session = await run_in_threadpool(hub.login.enter, form, address, browser, token)
    except RequestError as error:
        if not isinstance(error, RateLimitedError):  # which has its line in the log, one a minute
            _log.warning("a login from %s was refused: %s", address_of(request), error.code)
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _login_page(request, next_path, None, error)
    _log.info("session %s was opened from %s", session.caller.session_id, address)
    answer = RedirectResponse(next_path, _SEE_OTHER)
    answer.set_cookie(
        hub.entrance.cookie_name(request),
        session.token,
        max_age=session.lifetime_seconds,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/logout")
async def log_out(request: Request, visitor: Visitor) -> Response:
    """End the session."""
    hub = the_hub(request)
    token = hub.entrance.token(request)
    if token is not None:
        await run_in_threadpool(hub.login.leave, token, visitor)
    answer = RedirectResponse("/login", _SEE_OTHER)
    answer.delete_cookie(
        hub.entrance.cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
    return answer
