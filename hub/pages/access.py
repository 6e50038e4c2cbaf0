"""Who sees the page: what every page's route depends on.

A page's route has a parameter ``visitor: Visitor``; one that takes a form has ``form: PageForm`` as well (bounded, and
its CSRF token checked), and hands ``csrf_token(request)`` to its template.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ..errors import LoginRequiredError, UnauthorizedError
from ..fields import is_clean
from ..keys import Caller
from ..reading import FORM_TYPE
from ..routes.callers import declared_path, known_caller, the_hub
from ..trust.entrance import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS
from ..trust.scopes import check_scope

_MAX_NEXT = 2000
_JOB_FORMS = frozenset({"/queue/new", "/queue/new/check"})


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of this request's form, read once; empty where it sends none."""
    if not hasattr(request.state, "form"):
        stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        hub = the_hub(request)
        forms = hub.job_forms if declared_path(request) in _JOB_FORMS else hub.forms
        request.state.form = await forms.form(request) if stated == FORM_TYPE else {}
    form: dict[str, str] = request.state.form
    return form


async def _visitor(request: Request) -> Caller:
    csrf = None
    if request.method not in SAFE_METHODS and CSRF_HEADER not in request.headers:
        csrf = (await _form(request)).get(CSRF_FIELD, "")
    try:
        caller = await run_in_threadpool(known_caller, request, csrf)
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
