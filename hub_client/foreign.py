"""Foreign exceptions and what they mean: the one table between requests, urllib3, ssl, json … and our errors."""

import http.client
import json
import socket
import ssl
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import requests.exceptions
import urllib3.exceptions

from .errors import AddressError, BadAnswerError, HubError, StoppedError, TimedOutError, UnreachableError
from .transport import StopRequested


class _Row(NamedTuple):
    foreign: tuple[type[BaseException], ...]
    ours: type[UnreachableError | StoppedError | AddressError | BadAnswerError]
    sentence: str
    transient: bool = False


_TABLE: tuple[_Row, ...] = (
    _Row((StopRequested,), StoppedError, "stopped waiting for the hub at {hub}, as asked"),
    _Row(
        (
            requests.exceptions.ProxyError,
            requests.exceptions.InvalidProxyURL,
            urllib3.exceptions.ProxyError,
            urllib3.exceptions.ProxySchemeUnknown,
            urllib3.exceptions.ProxySchemeUnsupported,
        ),
        UnreachableError,
        "the proxy on the way to the hub at {hub} failed: check HTTP_PROXY and HTTPS_PROXY, or "
        "name the hub in NO_PROXY",
    ),
    _Row(
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError),
        UnreachableError,
        "no trusted TLS connection to the hub at {hub} ({why}): does it speak https there? For a certificate of your "
        "own, set QUARTERMASTER_CA to the file of its authority",
    ),
    _Row(
        (socket.gaierror,),
        UnreachableError,
        "the name of the hub at {hub} is not known here: check its spelling and this machine's network",
    ),
    _Row(
        (ConnectionRefusedError,),
        UnreachableError,
        "nothing listens at {hub}: is the hub running, and is that its port?",
    ),
    _Row(
        (urllib3.exceptions.NewConnectionError,),
        UnreachableError,
        "no connection to the hub at {hub} ({why}): check the address and the network",
    ),
    _Row(
        (
            requests.exceptions.Timeout,
            urllib3.exceptions.TimeoutError,
            urllib3.exceptions.TimeoutStateError,
            TimeoutError,
        ),
        TimedOutError,
        "the hub at {hub} did not answer in time: is it overloaded, or is something in between?",
    ),
    _Row(
        (ConnectionError,),
        UnreachableError,
        "the connection to the hub at {hub} broke ({why}): is it restarting?",
    ),
    _Row(
        (
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.IncompleteRead,
            urllib3.exceptions.InvalidChunkLength,
            urllib3.exceptions.ResponseNotChunked,
            http.client.IncompleteRead,
        ),
        BadAnswerError,
        "only a part of the answer of the hub at {hub} arrived: it or a proxy stopped half-way",
        True,
    ),
    _Row(
        (
            requests.exceptions.ContentDecodingError,
            urllib3.exceptions.DecodeError,
            zlib.error,
            EOFError,
        ),
        BadAnswerError,
        "the answer of the hub at {hub} is not compressed as it says: is something in between rewriting it?",
        True,
    ),
    _Row(
        (requests.exceptions.TooManyRedirects, urllib3.exceptions.HostChangedError),
        BadAnswerError,
        "what answers at {hub} only redirects: set the hub's own address",
    ),
    _Row(
        (
            requests.exceptions.URLRequired,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
            requests.exceptions.InvalidURL,
            urllib3.exceptions.LocationValueError,
        ),
        AddressError,
        "{hub} is not an address that can be asked: set one like http://127.0.0.1:7807",
    ),
    _Row(
        (
            json.JSONDecodeError,
            requests.exceptions.InvalidJSONError,
            UnicodeError,
            RecursionError,
        ),
        BadAnswerError,
        "what answers at {hub} does not speak JSON, so it is not a hub: check the address",
    ),
    _Row(
        (
            http.client.HTTPException,
            requests.exceptions.InvalidHeader,
            urllib3.exceptions.InvalidHeader,
            urllib3.exceptions.HeaderParsingError,
            ValueError,
        ),
        BadAnswerError,
        "what answers at {hub} does not speak HTTP as a hub does: check the address and its port",
    ),
    _Row(
        (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, Warning),
        UnreachableError,
        "the exchange with the hub at {hub} failed ({why})",
    ),
)
"""Foreign exception -> ours. The first row that fits the exception, or one that it wraps, counts."""

FOREIGN = tuple(dict.fromkeys(cls for row in _TABLE for cls in row.foreign))
"""All that an exchange can raise which is not ours: what an ``except`` at the edge names."""


def translate(error: BaseException, hub: str) -> HubError:
    """Return our error for a foreign one; ``hub`` is the address to name (without a user name in it)."""
    wrapped = list(unwrapped(error))
    for row in _TABLE:
        for inner in wrapped:
            if isinstance(inner, row.foreign):
                message = row.sentence.format(hub=hub, why=reason_of(wrapped))
                if issubclass(row.ours, BadAnswerError):
                    return row.ours(message, transient=row.transient)
                return row.ours(message)
    raise TypeError(f"no row for {type(error).__qualname__}") from error


def unwrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those inside it, from the outside in.

    requests and urllib3 put them into ``args``, ``reason`` and ``__cause__``. ``__context__`` is left out: it may be an
    exception that our caller was just handling.
    """
    queue, seen = [error], set()
    while queue:
        current = queue.pop(0)
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            inside = [*current.args, getattr(current, "reason", None), current.__cause__]
            queue += [item for item in inside if isinstance(item, BaseException)]


def reason_of(wrapped: list[BaseException]) -> str:
    """Return the operating system's own words for a failure, or the innermost exception's name."""
    for inner in reversed(wrapped):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return inner.verify_message
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return type(wrapped[-1]).__name__
