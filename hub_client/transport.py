"""One HTTP exchange, bounded in every direction: in silence, in total time, in size, and by a stop event.

A read timeout of requests bounds each silence, not the whole: a server that sends a byte a second, in its headers or
its body, holds a caller for ever. Here every wait on the socket goes through an ``Exchange``, which knows the deadline
of the whole and looks at the stop event several times a second. It reaches the socket through the two hooks that
``http.client`` has for this: ``HTTPConnection.send`` and ``response_class``.
"""

import http.client
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from .errors import SetupError

CA_VARIABLE = "QUARTERMASTER_CA"
"""The environment variable that names a file of authorities."""

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 30.0
TOTAL_TIMEOUT_SECONDS = 120.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Above the largest honest answer: 1,000 hashes on 100 servers are about 20 MB."""

_SLICE_SECONDS = 0.2
"""How long a wait on the socket lasts at most before the stop event is looked at."""

_SEND_BLOCK_BYTES = 64 * 1024
_READ_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take: to connect (each address of the name), in silence, and in total, in seconds.

    Looking up the hub's name is the operating system's, and takes as long as that allows.
    """

    connect_seconds: float = CONNECT_TIMEOUT_SECONDS
    read_seconds: float = READ_TIMEOUT_SECONDS
    total_seconds: float = TOTAL_TIMEOUT_SECONDS


class StopRequested(Exception):  # noqa: N818 (a signal to our own edge, never seen outside)
    """The stop event was set during an exchange."""


class AnswerTooLarge(Exception):  # noqa: N818 (likewise)
    """An answer is longer than its limit."""


class Exchange:
    """The bounds of one request and its answer; its time starts when it is made."""

    def __init__(self, timeouts: Timeouts, stop: threading.Event | None) -> None:
        self._timeouts = timeouts
        self._stop = stop
        self._deadline = time.monotonic() + timeouts.total_seconds

    def wait(self, sock: socket.socket, operation: Callable[[], int]) -> int:
        """Do one send or receive on a socket, waiting until it is possible, and return how many bytes moved.

        Raises:
            TimeoutError: the silence or the whole lasted too long.
            StopRequested: the stop event was set.
        """
        silent_until = time.monotonic() + self._timeouts.read_seconds
        while True:
            if self._stop is not None and self._stop.is_set():
                raise StopRequested
            left = min(self._deadline, silent_until) - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(min(left, _SLICE_SECONDS))
            try:
                return operation()
            except TimeoutError as error:
                if error.errno is not None:  # the network's ETIMEDOUT, not the end of our slice
                    raise


_current: ContextVar[Exchange | None] = ContextVar("quartermaster_exchange", default=None)


@contextmanager
def bounded(exchange: Exchange) -> Iterator[None]:
    """Bound all requests that this thread makes through a ``BoundedAdapter`` meanwhile."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


class _BoundedReader(io.RawIOBase):
    """Reads a socket within an exchange."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._hold = sock.makefile("rb", buffering=0)  # keeps the socket open until we are closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._exchange.wait(self._sock, partial(self._sock.recv_into, buffer))

    def close(self) -> None:
        self._hold.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    """An answer whose status line, headers and body are all read within the exchange."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        exchange = _current.get()
        if exchange is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_BoundedReader(sock, exchange), _READ_BLOCK_BYTES)


class _BoundedSending:
    """The part that plain and TLS connections share; ``send`` is where ``http.client`` puts bytes on the wire."""

    response_class: Any = _BoundedResponse
    sock: Any

    def send(self, data: Any) -> None:
        exchange = _current.get()
        if exchange is None or not isinstance(data, bytes):
            super().send(data)  # type: ignore[misc]  # of the connection class that this is mixed into
            return
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # likewise
        rest = memoryview(data)
        while rest:
            rest = rest[exchange.wait(self.sock, partial(self.sock.send, rest[:_SEND_BLOCK_BYTES])) :]


class _BoundedHTTPConnection(_BoundedSending, HTTPConnection):
    pass


class _BoundedHTTPSConnection(_BoundedSending, HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _BoundedHTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class BoundedAdapter(HTTPAdapter):
    """An adapter of requests whose connections keep to the current ``Exchange``; it never retries by itself."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, urllib3.ProxyManager) and not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


def bounded_session() -> requests.Session:
    """Return a session whose connections keep to the current ``Exchange``."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter())
    return session


def trusted_authorities(ca_file: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the file of the authorities whose certificates a hub may show, None for what requests trusts.

    Args:
        ca_file: that file, in PEM; None takes the one that ``QUARTERMASTER_CA`` names, if any. Unlike
            ``REQUESTS_CA_BUNDLE`` that concerns hubs only, and leaves a web UI's own downloads alone.

    Raises:
        SetupError: the file cannot be used.
    """
    file = ca_file or environ.get(CA_VARIABLE) or None
    if file is not None:
        try:
            ssl.create_default_context(cafile=file)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise SetupError(
                f"the file of authorities {file[:300]!r} cannot be used ({error.__class__.__name__}): name a file with "
                f"their certificates in PEM, in {CA_VARIABLE} or --ca"
            ) from None
    return file


def read_answer(response: requests.Response, limit_bytes: int) -> bytes:
    """Read an answer's body, unpacked, up to a limit; what unpacks to more is given up on, not held in memory.

    Raises:
        AnswerTooLarge: it is longer than the limit.
    """
    content = bytearray()
    for block in response.iter_content(_READ_BLOCK_BYTES):
        content += block
        if len(content) > limit_bytes:
            raise AnswerTooLarge
    return bytes(content)
