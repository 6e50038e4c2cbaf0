"""One request to a hub and its answer: retries, errors, compression. Knows no route."""

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from .address import HubAddress, shown
from .credentials import Credentials, KeyHeaders
from .errors import BadAnswerError, HubError, StoppedError
from .foreign import FOREIGN, translate
from .refusals import refusal
from .retry import RetryPolicy, pause
from .transport import MAX_ANSWER_BYTES, AnswerTooLarge, Exchange, Timeouts, bounded, read_answer

T = TypeVar("T")

GZIP_ABOVE_BYTES = 1024
"""A smaller body fits into one packet as it is."""

GZIP_LEVEL = 1

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Content:
    """What is no JSON: an image, and its type as HTTP names types (``image/png``)."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it is sent, however often."""

    method: str
    path: str
    query: Mapping[str, str] | None
    data: bytes | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a call may take: each attempt, how many of them, and what ends it early."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stop: threading.Event | None = None


class HubConnection:
    """Speaks to one hub with one key; threads may share it."""

    def __init__(
        self,
        address: HubAddress,
        credentials: Credentials | None,
        session: requests.Session,
        user_agent: str,
        ca_file: str | None,
    ) -> None:
        self.address = address
        self.session = session
        self._ca_file = ca_file
        self._credentials = credentials
        self._auth = KeyHeaders(credentials)
        self._headers = {"Accept": "application/json", "User-Agent": user_agent}
        # No proxy reaches this machine's own loopback for us, whatever HTTP_PROXY says.
        self._proxies = {"no_proxy": address.host} if address.is_loopback else {}

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Content | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
        bounds: Bounds,
    ) -> Any:
        """Send a request and return the JSON value of its answer.

        ``repeatable`` says that sending it twice does no harm; otherwise it is sent once, whatever ``bounds`` allow.

        Raises:
            HubError: see ``errors``; after the last attempt, that attempt's error.
        """
        data, more = pack(body)
        asked = _Asked(method, path, query, data, {**self._headers, **more, **(headers or {})})
        return self._repeat(asked, self._understand, repeatable, bounds)

    def content(self, path: str, accept: str, *, bounds: Bounds) -> Content:
        """Fetch what is no JSON; ``accept`` names the types that are wanted.

        Raises:
            HubError: as ``call``.
        """
        asked = _Asked("GET", path, None, None, {**self._headers, "Accept": accept})
        return self._repeat(asked, self._take, True, bounds)

    def _repeat(
        self, asked: _Asked, read: Callable[[requests.Response, bytes], T], repeatable: bool, bounds: Bounds
    ) -> T:
        failures = 0
        while True:
            if bounds.stop is not None and bounds.stop.is_set():
                raise StoppedError(f"stopped before asking the hub at {self.address.url}")
            try:
                return self._attempt(asked, read, bounds)
            except HubError as error:
                failures += 1
                seconds = bounds.retry.pause_seconds(error, failures) if repeatable else None
                if seconds is None:
                    raise
            pause(seconds, bounds.stop, self.address.url)

    def _attempt(self, asked: _Asked, read: Callable[[requests.Response, bytes], T], bounds: Bounds) -> T:
        timeouts = bounds.timeouts
        try:
            request = self.session.prepare_request(
                requests.Request(
                    asked.method,
                    self.address.url + asked.path,
                    params=asked.query,
                    data=asked.data,
                    headers=asked.headers,
                    auth=self._auth,
                )
            )
            with bounded(Exchange(timeouts, bounds.stop)), self._send(request, timeouts) as response:
                content = read_answer(response, MAX_ANSWER_BYTES)
                self._check(response, content)
                return read(response, content)
        except AnswerTooLarge:
            limit = f"{MAX_ANSWER_BYTES // 2**20} MiB"
            raise BadAnswerError(f"the answer of {self.address.url} is longer than {limit}: is that a hub?") from None
        except FOREIGN as error:
            raise translate(error, self.address.url) from error

    def _send(self, request: requests.PreparedRequest, timeouts: Timeouts) -> requests.Response:
        """Send a request through the session's adapter.

        Not through ``Session.send``: that would keep cookies, and read the whole body of a redirect into memory, even
        of one that it does not follow.
        """
        url = request.url or ""
        settings = self.session.merge_environment_settings(url, dict(self._proxies), True, self._ca_file, None)
        return self.session.get_adapter(url).send(
            request,
            stream=True,
            timeout=(timeouts.connect_seconds, timeouts.read_seconds),
            verify=True if settings["verify"] is None else settings["verify"],
            cert=settings["cert"],
            proxies=settings["proxies"],
        )

    def _check(self, response: requests.Response, content: bytes) -> None:
        """Raise what a whole answer means that is no success."""
        if response.status_code in _REDIRECTS:
            raise self._redirected(response)
        if not 200 <= response.status_code < 300:
            raise refusal(response, content, self.address.url, self._credentials)

    def _understand(self, response: requests.Response, content: bytes) -> Any:
        """Return the value of a whole answer."""
        try:
            return json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BadAnswerError(
                f"what answers at {self.address.url} sent {media_type(response) or 'no type'}, not a hub's JSON: check "
                "the address and its port"
            ) from error

    def _take(self, response: requests.Response, content: bytes) -> Content:
        return Content(content, media_type(response))

    def _redirected(self, response: requests.Response) -> BadAnswerError:
        """Redirects are not followed: the key would go along, to wherever the answer says."""
        try:
            target = shown(urlsplit(urljoin(response.url, response.headers.get("Location", ""))))
        except ValueError:
            target = "an address that cannot be read"
        if target == shown(urlsplit(response.url)):
            advice = "it redirects to itself, so it is misconfigured"
        else:
            advice = f"it redirects to {target[:200]!r}; if that is the hub, set its address to where the hub really is"
        return BadAnswerError(f"what answers at {self.address.url} is not a hub: {advice}")


def _refuse_constant(name: str) -> None:
    """Python's ``json`` reads NaN and Infinity, which are no JSON and would break whoever we pass them on to."""
    raise ValueError(f"{name} is not JSON")


def media_type(response: requests.Response) -> str:
    """Return the type of an answer's body, without parameters, shortened; empty where it says none."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:60]


def pack(body: Mapping[str, Any] | Content | None) -> tuple[bytes | None, dict[str, str]]:
    """Return a request's body and its headers; JSON is gzipped where that is worth it.

    Raises:
        ValueError: the body holds a NaN or an infinity, which JSON has no word for.
    """
    if body is None:
        return None, {}
    if isinstance(body, Content):
        return body.data, {"Content-Type": body.media_type}
    data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    headers = {"Content-Type": "application/json"}
    if len(data) > GZIP_ABOVE_BYTES:
        data = gzip.compress(data, GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return data, headers
