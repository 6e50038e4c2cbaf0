"""Who calls: the one place that decides whether a request comes from a key, from a session of the page, or from nobody.

A key in a header was put there by the program that calls. A cookie is sent by the browser whoever wrote the page that
makes the request, so it counts only where the request is the hub's own page's doing:

- A read counts unless the browser says that another origin's script makes it (``Sec-Fetch-Site``, ``Origin``). A
  person who follows a link from elsewhere is welcome: that is a navigation, whose answer the other page cannot see.
- Anything else must come from the hub's own origin and hold the session's CSRF token, which other origins cannot read.

``SameSite`` alone would not do: it takes every port of a machine for one site, and beside a hub stand web UIs with
extensions of all kinds.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from ..attempts import source
from ..errors import ForbiddenError, UnauthorizedError
from ..keys import Caller, Keys
from .rates import Rate
from .sessions import Sessions
from .tokens import derived, same

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"


class Entrance:
    """Recognises the callers of one hub."""

    def __init__(self, keys: Keys, sessions: Sessions, hub_id: str, requests: Rate, failures: Rate) -> None:
        """Make one.

        Args:
            keys: The keys of the hub.
            sessions: The sessions of its page.
            hub_id: What tells this hub from others.
            requests: How many requests each key and session may make.
            failures: How many may come from one address without a valid key. Who has one is not counted, so that an
                agent with an old key does not stop the others behind the same address.
        """
        self._keys = keys
        self._sessions = sessions
        self._hub_id = hub_id
        self._requests = requests
        self._failures = failures

    def cookie_name(self, request: Request) -> str:
        """Return the name of the cookie: this hub's own, because a browser shows cookies to every port of a machine.

        Under TLS it has the prefix that no plain-HTTP neighbour, and no other host of the domain, can set.
        """
        return f"{'__Host-' if is_secure(request) else ''}quartermaster-{self._hub_id}"

    def token(self, request: Request) -> str | None:
        """Return the session token that a request's cookie holds."""
        return request.cookies.get(self.cookie_name(request)) or None

    def csrf_token(self, request: Request) -> str:
        """Return what a form or a script of the page proves with that it is the page's own; empty without a session."""
        token = self.token(request)
        return "" if token is None else derived(token, "csrf")

    def caller(self, request: Request, csrf: str | None = None, *, scheme: str = "Bearer") -> Caller:
        """Return who calls.

        Args:
            request: The request; of its body nothing is read.
            csrf: The CSRF token of a form that was read already; by default the header's.
            scheme: The scheme of ``Authorization`` that is taken.

        Raises:
            UnauthorizedError: there is neither a valid key nor a session.
            RateLimitedError: this key asks too much, or too many wrong ones come from that address.
            ForbiddenError: there is a session, and the request is not the page's own (``cross_site``, ``csrf``).
        """
        try:
            caller = self._recognised(request, csrf, scheme)
        except UnauthorizedError:
            self._failures.take(source(request.client.host if request.client else "unknown"))
            raise
        self._requests.take(caller.key or f"session {caller.session_id}")
        return caller

    def _recognised(self, request: Request, csrf: str | None, scheme: str) -> Caller:
        headers = request.headers
        token = self.token(request)
        if token is None or _has_key(request, scheme):
            return self._keys.recognise(
                headers.get("x-api-key"), headers.get("x-api-secret"), headers.get("authorization"), scheme=scheme
            )
        if not (is_own_origin(request) or (request.method in SAFE_METHODS and _is_navigation(request))):
            raise cross_site()
        caller = self._sessions.find(token)
        if caller is None:
            raise UnauthorizedError("this session ended; log in again at /login", code="session_ended")
        if request.method not in SAFE_METHODS:
            given = headers.get(CSRF_HEADER, "") if csrf is None else csrf
            if not same(given, derived(token, "csrf")):
                raise ForbiddenError(
                    f"a browser's session needs its token for this: the header {CSRF_HEADER} or the field "
                    f"{CSRF_FIELD}, as the page states it. Reload the page",
                    code="csrf",
                )
        return caller


def is_secure(request: Request) -> bool:
    """Say whether the browser speaks TLS, with the hub or with the proxy before it."""
    return request.url.scheme == "https"


def is_own_origin(request: Request) -> bool:
    """Say whether, by all that the browser tells, no page of another origin makes this request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    # Browsers send Sec-Fetch-Site over TLS and to this machine only; in plain HTTP they still name the origin.
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def cross_site() -> ForbiddenError:
    """Return the error for a request that another origin's page makes."""
    return ForbiddenError(
        "this request comes from another site's page; open the hub's own page, at the address that you logged in at. "
        "A proxy before the hub must pass the Host header on",
        code="cross_site",
    )


def _is_navigation(request: Request) -> bool:
    """Say whether a person goes to a page of the hub: whoever made the link does not see the answer."""
    headers = request.headers
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _has_key(request: Request, scheme: str) -> bool:
    """Say whether a program put a key into the headers; other schemes are what a browser remembers of /docs."""
    headers = request.headers
    given = headers.get("authorization", "").strip().lower().startswith(scheme.lower())
    return given or "x-api-key" in headers or "x-api-secret" in headers
