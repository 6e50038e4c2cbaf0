"""Who sees the page: login, logout, and what every page's route depends on.

A page's route has a parameter ``visitor: Visitor``; one that takes a form has ``form: PageForm`` as well (bounded, and
its CSRF token checked), and hands ``csrf_token(request)`` to its template.
"""

import logging
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from jinja2 import Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..errors import LoginRequiredError, RequestError, UnauthorizedError
from ..fields import is_clean
from ..keys import Caller
from ..reading import FORM_TYPE
from ..routes.callers import address_of, declared_path, the_hub
from ..trust.entrance import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS, cross_site, is_own_origin, is_secure
from ..trust.scopes import check_scope

_log = logging.getLogger(__name__)
_SEE_OTHER = 303
_MAX_NEXT = 2000
_templates = Environment(loader=PackageLoader("quartermaster.hub.pages"), autoescape=True)

router = APIRouter(include_in_schema=False)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of this request's form, read once; empty where it sends none."""
    if not hasattr(request.state, "form"):
        stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        request.state.form = await the_hub(request).forms.form(request) if stated == FORM_TYPE else {}
    form: dict[str, str] = request.state.form
    return form


async def _visitor(request: Request) -> Caller:
    csrf = None
    if request.method not in SAFE_METHODS and CSRF_HEADER not in request.headers:
        csrf = (await _form(request)).get(CSRF_FIELD, "")
    try:
        caller = await run_in_threadpool(the_hub(request).entrance.caller, request, csrf)
    except UnauthorizedError as error:
        if request.method not in SAFE_METHODS:
            raise
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise LoginRequiredError(f"/login?next={quote(here, safe='')}", in_place="hx-request" in request.headers) from (
            error
        )
    check_scope(caller, request.method, declared_path(request))
    return caller


Visitor = Annotated[Caller, Depends(_visitor)]
"""Who looks at a page. Without a session a GET is sent to the login, anything else is a 401 or 403."""


async def _checked_form(request: Request, _visitor: Visitor) -> dict[str, str]:
    return await _form(request)


PageForm = Annotated[dict[str, str], Depends(_checked_form)]
"""The fields of a page's form (``application/x-www-form-urlencoded``), from a visitor whose CSRF token was checked."""


def csrf_token(request: Request) -> str:
    """Return what a form of the page sends as ``csrf_token`` and htmx as the header ``X-CSRF-Token``."""
    return the_hub(request).entrance.csrf_token(request)


def local_path(text: str | None) -> str:
    """Return a path of this hub to go to after the login; ``/`` for all that could lead anywhere else."""
    if not text or len(text) > _MAX_NEXT or not is_clean(text) or "\\" in text:
        return "/"
    if not text.startswith("/") or text.startswith("//") or text.partition("?")[0] in {"/login", "/logout"}:
        return "/"
    return text


@router.get("/login")
def login_page(request: Request, code: str | None = None, next: str | None = None) -> Response:  # noqa: A002
    """Show the login. A one-time link is not used up by this: mail programs and chats look at links too."""
    return _login_page(local_path(next), code)


def _login_page(next_path: str, code: str | None, error: RequestError | None = None) -> Response:
    page = _templates.get_template("login.html").render(code=code, next=next_path, error=error)
    return HTMLResponse(page, status_code=error.status if error else 200, headers=error.headers if error else None)


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
        _log.warning("a login from %s was refused: %s", address_of(request), error.code)
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _login_page(next_path, None, error)
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
