"""What a reverse proxy says of its clients in ``X-Forwarded-…``, believed only of the proxies that are configured.

From anybody else these headers are made up: an address to guess pairing codes from, or a host of his own.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from .errors import SettingsError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_OURS = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}


def read_proxies(text: str | None) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        SettingsError: one of them is neither.
    """
    listed = [part.strip() for part in (text or "").split(",") if part.strip()]
    try:
        return tuple(ipaddress.ip_network(part) for part in listed)
    except ValueError as error:
        raise SettingsError(
            f"QUARTERMASTER_TRUSTED_PROXIES must hold addresses and networks such as 10.0.0.7, 10.1.0.0/16: {error}"
        ) from None


class TrustedProxies:
    """Gives requests of trusted proxies the address, scheme and host of their client; drops what others say of it."""

    def __init__(self, app: ASGIApp, proxies: Iterable[Network]) -> None:
        self._app = app
        self._proxies = tuple(proxies)
        self._forwarded: Any = ProxyHeadersMiddleware(app, [str(proxy) for proxy in self._proxies])  # type: ignore[arg-type]  # uvicorn's own names for the same

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (proxy := self._proxy(scope)) is not None:
            said = {**scope, "client": (proxy, scope["client"][1]), "headers": _with_host(scope["headers"])}
            await self._forwarded(said, receive, send)
        else:
            headers = [item for item in scope["headers"] if item[0] not in _OURS]
            await self._app({**scope, "headers": headers}, receive, send)

    def _proxy(self, scope: Scope) -> str | None:
        """Return the address of the trusted proxy that a request comes from, None where it comes from none."""
        client = scope.get("client")
        if not self._proxies or client is None:
            return None
        try:
            address = ipaddress.ip_address(client[0].partition("%")[0])
        except ValueError:
            return None
        plain = getattr(address, "ipv4_mapped", None) or address
        return str(plain) if any(plain in network for network in self._proxies) else None


def _with_host(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers whose ``Host`` is the one that the last proxy but us was asked for."""
    hosts = [value for name, value in headers if name == b"x-forwarded-host"]
    if not hosts:
        return headers
    asked = hosts[-1].rpartition(b",")[2].strip()
    return [(b"host", asked), *(item for item in headers if item[0] != b"host")]
