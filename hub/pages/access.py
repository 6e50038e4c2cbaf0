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


def csrf_token(_request: Request) -> str:
    """Return what a form of this session must send back as ``csrf_token``."""
    return "none-is-needed-for-headers"
