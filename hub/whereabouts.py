"""Where a hub can be reached: noted in its data folder when it listens, told to whoever makes a pairing code."""

import ipaddress
import json
import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from ..hub_client import DEFAULT_HUB_PORT
from .tls import Certificate

NOTE_FILE = "listening.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Whereabouts:
    """The address that other machines should try, as far as the hub itself can tell.

    ``only_here``: it listens on this machine alone. ``noted``: from a hub that ran here, not a guess.
    """

    address: str
    only_here: bool = False
    noted: bool = False


def note(data_dir: Path, host: str, port: int, certificate: Certificate | None = None) -> None:
    """Remember where a hub listens; a folder that cannot be written costs only the hint."""
    said: dict[str, object] = {"host": host, "port": port}
    if certificate is not None:
        said |= {"tls": True, "name": certificate.name_for(host)}
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = data_dir / f"{NOTE_FILE}.part"
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(said, file)
        os.replace(part, data_dir / NOTE_FILE)
    except OSError as error:
        _log.warning("cannot note the hub's address in %s: %s", data_dir, error)


def whereabouts(data_dir: Path, machine: str | None = None) -> Whereabouts:
    """Return where the hub of this data folder listened last; without a note, where it would by default.

    ``machine`` is this machine's name in its network, the operating system's own by default.
    """
    machine = machine or platform.node() or "127.0.0.1"
    try:
        found = json.loads((data_dir / NOTE_FILE).read_text(encoding="utf-8"))
        host, port = found["host"], found["port"]
        if not isinstance(host, str) or type(port) is not int:
            raise TypeError("not a note of ours")
        tls, name = found.get("tls") is True, found.get("name")
    except (OSError, ValueError, KeyError, TypeError):
        return Whereabouts(url_of(machine, DEFAULT_HUB_PORT))
    anywhere = host in {"0.0.0.0", "::", ""}  # noqa: S104 (compared, not bound)
    place = machine if anywhere else host
    if tls and isinstance(name, str) and name != host:
        place = name  # a client finds the certificate right under no other
    return Whereabouts(url_of(place, port, tls=tls), only_here=not anywhere and _is_loopback(host), noted=True)


def url_of(host: str, port: int, *, tls: bool = False) -> str:
    """Return the address of a hub at this host."""
    place = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{place}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
