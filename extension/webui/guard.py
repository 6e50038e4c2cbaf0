"""Who may ask our routes, and how: the web UI guards only its own.

Seen on both hosts (gradio 3.41 and 4.40 ``routes.py``): a route that an extension adds answers without any login, even
with ``--gradio-auth`` and ``--api-auth``. So each request is held against the login of the page, where it has one; what
changes something must come from the page itself, and not from another site that the user's browser has open.
"""

import base64
import binascii
import hmac
from typing import Any
from urllib.parse import urlsplit

from .host import Host
from .question import RouteError

MAX_BODY_BYTES = 64 << 20
"""A photograph-sized PNG with its infotext; more is no image that a web UI made."""


def check(host: Host, app: Any, request: Any) -> None:
    """Let a request pass, or not.

    Raises:
        RouteError: it lacks the web UI's login, or another site sent it.
    """
    if request.method not in {"GET", "HEAD"}:
        check_origin(request)
    if not host.login_wanted(app) or _has_session(app, request) or _has_api_login(host, request):
        return
    raise RouteError(401, "unauthorized", "log in to the web UI first, or send a login of its --api-auth")


def check_origin(request: Any) -> None:
    """Refuse what a page of another site sent. A script sends no ``Origin``, and a browser always does with a POST.

    Raises:
        RouteError: it comes from another site.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site") in {None, "same-origin", "none"}:
            return
    else:
        # Behind a proxy the page's own address is in X-Forwarded-Host, which no other site's page can set.
        hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")} - {None, ""}
        if urlsplit(origin).netloc in hosts:
            return
    raise RouteError(403, "foreign_origin", "this may only be asked by the web UI's own page")


def _has_session(app: Any, request: Any) -> bool:
    """Tell whether gradio knows the session: a cookie, whose name carries an id since gradio 4."""
    dependency = getattr(app, "auth_dependency", None)
    if dependency is not None:
        return dependency(request) is not None
    suffix = f"-{app.cookie_id}" if getattr(app, "cookie_id", None) else ""
    tokens = getattr(app, "tokens", {})
    cookies = (request.cookies.get(f"{name}{suffix}") for name in ("access-token", "access-token-unsecure"))
    return any(cookie is not None and cookie in tokens for cookie in cookies)


def _has_api_login(host: Host, request: Any) -> bool:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    expected = host.api_logins().get(user)
    same = hmac.compare_digest(password.encode(), (expected or "").encode())
    return bool(colon) and expected is not None and same
