"""Lets pages of other origins, such as a web UI's, ask this hub with an API key; never with a cookie of its own page.

A browser sends a page's cookies to every port of a host, so ``SameSite`` does not tell ``localhost:7860`` from
``localhost:7807``. Here the answer is the absent ``Access-Control-Allow-Credentials``, without which a browser neither
sends what it must ask for first nor shows an answer; and what comes from another origin has its cookies taken away
before anybody looks at them. Source: the Fetch standard, "HTTP CORS protocol".
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = ("/api/", "/status", "/healthz")
"""What pages of other origins may ask; a page of ours is none of it."""

_METHODS = ("GET", "POST", "PUT", "DELETE")
_MAX_AGE_SECONDS = 600


class OtherOrigins:
    """Answers the questions of browsers about these origins, and says in every answer that it depends on the origin."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._allowing = CORSMiddleware(
            app,
            allow_origins=sorted(self._origins),
            allow_methods=_METHODS,
            allow_headers=["*"],  # those that are asked for: a key is in a header of its own or in Authorization
            allow_credentials=False,
            expose_headers=["Retry-After", "X-Request-Id", "X-Next-After"],
            max_age=_MAX_AGE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(OPEN_PATHS):
            await self._app(scope, receive, send)
            return

        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)

        origin = Headers(scope=scope).get("origin")
        if origin not in self._origins:
            await self._app(scope, receive, send_varying)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"cookie"]}
        await self._allowing(scope, receive, send_varying)


def is_origin(text: str) -> bool:
    """Say whether text is an origin as browsers send it: scheme, host and port, nothing behind, in lower case."""
    scheme, separator, host = text.partition("://")
    unwanted = set("/?#@*\\ ,")
    return (
        scheme in {"http", "https"} and bool(separator and host) and not unwanted & set(host) and text == text.lower()
    )
