"""The address of a hub: read from what a person typed, shown without secrets."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import AddressError

DEFAULT_HUB_PORT = 7807
"""Clear of the web UIs' own ports (7860, 8188, 9090) and of the usual development servers (8000, 8080)."""

DEFAULT_HUB_ADDRESS = f"http://127.0.0.1:{DEFAULT_HUB_PORT}"
"""Where ``quartermaster hub serve`` listens unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class HubAddress:
    """A hub's address: ``url`` without a slash at its end, and the host name or IP address in it."""

    url: str
    host: str

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine itself, which no proxy can reach for us."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_address(text: str) -> HubAddress:
    """Read an address such as ``http://attic:7807`` or ``https://example.org/hub``.

    Raises:
        AddressError: it is anything else, or has a user name or password in it; the message does not repeat those.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressError(f"the hub's address cannot be read ({error}): set one like {DEFAULT_HUB_ADDRESS}") from None
    if parts.username is not None or parts.password is not None:
        raise AddressError(
            "the hub's address must not hold a user name or password: give the address alone, and the key in "
            "QUARTERMASTER_API_KEY and QUARTERMASTER_API_SECRET or in a key file"
        )
    if parts.scheme not in {"http", "https"} or not host or port == 0 or not text.isprintable() or " " in text:
        raise AddressError(f"{text[:200]!r} is not the address of a hub: set one like {DEFAULT_HUB_ADDRESS}")
    if parts.query or parts.fragment:
        raise AddressError("the hub's address must end before any ? or #: set one like " + DEFAULT_HUB_ADDRESS)
    return HubAddress(shown(parts).rstrip("/"), host)


def shown(parts: SplitResult) -> str:
    """Return an address for people to read: scheme, host, port and path, nothing that could be a secret."""
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        place += f":{parts.port}"
    return f"{parts.scheme}://{place}{parts.path}"
