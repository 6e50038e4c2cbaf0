"""What every answer tells the browser it must not do with it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
"""Everything from the hub itself, nothing inline: what somebody smuggles into a page is neither run nor sent away."""

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_DOCUMENTS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""For what a browser shows or runs; on every heartbeat's JSON they would be half of the answer."""
_OF_BROWSERS = {b"sec-fetch-site", b"origin", b"cookie"}
_STATIC = "/static/"


class SecurityHeaders:
    """Adds them where the route has not set its own."""

    def __init__(self, app: ASGIApp, hsts_seconds: int = 0) -> None:
        self._app = app
        self._hsts_seconds = hsts_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        by_browser = not _OF_BROWSERS.isdisjoint(name for name, _ in scope["headers"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_plain = not by_browser and headers.get("content-type", "").startswith("application/json")
                for name, value in {**_ALWAYS, **({} if is_plain else _DOCUMENTS)}.items():
                    if name != "Cache-Control" or not scope["path"].startswith(_STATIC):
                        headers.setdefault(name, value)
                if self._hsts_seconds and scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = f"max-age={self._hsts_seconds}"
            await send(message)

        await self._app(scope, receive, send_with_headers)
