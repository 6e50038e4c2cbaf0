"""Who looks at a page. TEMPORARY: the session, the login and CSRF protection come from the part that owns them.

Until then a page takes an API key's headers, which no other site's page can make a browser send.
"""

from typing import Annotated

from fastapi import Depends, Request

from ..keys import Caller
from ..services import hub_of

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def _visitor(request: Request) -> Caller:
    headers = request.headers
    keys = hub_of(request.app).keys
    return keys.recognise(headers.get("x-api-key"), headers.get("x-api-secret"), headers.get("authorization"))


Visitor = Annotated[Caller, Depends(_visitor)]
"""The key behind a page's session."""


async def _form(request: Request, _visitor: Visitor) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=50, max_part_size=65536)
    return {name: value for name, value in form.items() if isinstance(value, str)}


PageForm = Annotated[dict[str, str], Depends(_form)]
"""The fields of a page's form."""


def csrf_token(_request: Request) -> str:
    """Return what a form of this session must send back as ``csrf_token``."""
    return "none-is-needed-for-headers"


def local_path(text: str | None) -> str:
    """Return a path to go back to, where it is one of this hub's pages; a form can be made to say anything."""
    if text and text.startswith("/") and text[1:2] not in {"/", "\\"} and text.isprintable():
        return text
    return "/"
