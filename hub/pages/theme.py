"""Light, dark, or as the system has it: kept in a cookie and written into the page by the hub, so nothing flashes."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from .access import PageForm, Visitor, local_path
from .going import see

COOKIE = "quartermaster_theme"
THEMES = ("system", "light", "dark")
_YEAR_SECONDS = 365 * 86400

router = APIRouter(include_in_schema=False)


def chosen(request: Request) -> str:
    """Return the theme that this browser chose."""
    value = request.cookies.get(COOKIE, "")
    return value if value in THEMES else "system"


@router.post("/theme")
def choose(_visitor: Visitor, form: PageForm) -> Response:
    """Keep a choice and go back to the page it was made on."""
    answer = see(local_path(form.get("next")))
    theme = form.get("theme", "")
    if theme in THEMES:
        answer.set_cookie(COOKIE, theme, max_age=_YEAR_SECONDS, samesite="lax", httponly=True)
    return answer
