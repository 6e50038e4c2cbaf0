"""The certificate that a hub shows: read and tried out when it starts, so that a wrong one is said then and there."""

import ipaddress
import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain, its key, both PEM files, and the names and addresses that it is for."""

    cert_file: str
    key_file: str
    names: tuple[str, ...]

    def name_for(self, host: str) -> str:
        """Return the name under which clients reach a hub that listens at ``host`` and find this certificate right."""
        if host in self.names:
            return host
        usable = [name for name in self.names if not name.startswith("*")]
        return usable[0] if usable else host


def read_certificate(cert_file: str, key_file: str) -> Certificate:
    """Read a certificate and its key, and shake hands with them once.

    Raises:
        SettingsError: a file cannot be read or is none, the two do not belong together, or the certificate is not
            valid now or not one for servers; the message names the file.
    """
    for name, file in (("certificate", cert_file), ("key", key_file)):
        if not Path(file).is_file() or not os.access(file, os.R_OK):
            raise SettingsError(f"the TLS {name} {file} is not there or cannot be read")
    if os.name != "nt" and os.stat(key_file).st_mode & 0o077:
        _log.warning("other users of this machine may read the TLS key %s: chmod 600 it", key_file)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(cert_file, key_file, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"the TLS key {key_file} does not belong to the certificate {cert_file}"
        else:
            problem = f"{cert_file} and {key_file} are not a certificate and its key in PEM ({error.reason or error})"
        raise SettingsError(problem) from None
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cert_file)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is trusted: only it is looked at
    try:
        names = _shake_hands(server, client)
    except ssl.SSLError as error:
        raise SettingsError(
            f"the TLS certificate {cert_file} cannot be used: {getattr(error, 'verify_message', None) or error}"
        ) from None
    return Certificate(cert_file, key_file, names)


def _no_password() -> str:
    raise SettingsError("the TLS key is protected by a password; the hub needs one without: openssl pkey -in … -out …")


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, ...]:
    """Connect the two in memory; return the names that the server's certificate is for."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server),
    ]
    waiting = list(reversed(ends))
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    shown = ends[1].getpeercert() or {}
    return tuple(_plain(str(entry[1])) for entry in shown.get("subjectAltName", ()))


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name
