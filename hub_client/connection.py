"""One request to a hub and the JSON object of its answer: retries, errors, compression. Knows no route."""

import gzip
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from .address import HubAddress, shown
from .credentials import Credentials, KeyHeaders
from .errors import BadAnswerError, HubError, StoppedError
from .foreign import FOREIGN, translate
from .refusals import refusal
from .retry import RetryPolicy, pause
from .transport import MAX_ANSWER_BYTES, AnswerTooLarge, Exchange, Timeouts, bounded, read_answer

GZIP_ABOVE_BYTES = 1024
"""A smaller body fits into one packet as it is."""

GZIP_LEVEL = 1

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        repeatable: bool,
        bounds: Bounds,
    ) -> Any:
        """Send a request and return the JSON value of its answer.

        ``repeatable`` says that sending it twice does no harm; otherwise it is sent once, whatever ``bounds`` allow.

        Raises:
            HubError: see ``errors``; after the last attempt, that attempt's error.
        """
        data, headers = None, self._headers
        if body is not None:
            data, more = pack(body)
            headers = {**headers, **more}
        failures = 0
        while True:
            if bounds.stop is not None and bounds.stop.is_set():
                raise StoppedError(f"stopped before asking the hub at {self.address.url}")
            try:
                return self._attempt(method, path, data, headers, query, bounds)
            except HubError as error:
                failures += 1
                seconds = bounds.retry.pause_seconds(error, failures) if repeatable else None
                if seconds is None:
                    raise
            pause(seconds, bounds.stop, self.address.url)

    def _attempt(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        bounds: Bounds,
    ) -> Any:
        timeouts = bounds.timeouts
        try:
            request = self.session.prepare_request(
                requests.Request(
                    method, self.address.url + path, params=query, data=data, headers=headers, auth=self._auth
                )
            )
            with bounded(Exchange(timeouts, bounds.stop)), self._send(request, timeouts) as response:
                content = read_answer(response, MAX_ANSWER_BYTES)
                return self._understand(response, content)
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

    def _understand(self, response: requests.Response, content: bytes) -> Any:
        """Return the value of a whole answer, or raise what it means."""
        if response.status_code in _REDIRECTS:
            raise self._redirected(response)
        if not 200 <= response.status_code < 300:
            raise refusal(response, content, self.address.url, self._credentials)
        try:
            return json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "no type").partition(";")[0][:60]
            raise BadAnswerError(
                f"what answers at {self.address.url} sent {kind}, not a hub's JSON: check the address and its port"
            ) from error

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


def pack(body: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a request's body and its headers; gzipped where that is worth it.

    Raises:
        ValueError: the body holds a NaN or an infinity, which JSON has no word for.
    """
    data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    headers = {"Content-Type": "application/json"}
    if len(data) > GZIP_ABOVE_BYTES:
        data = gzip.compress(data, GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return data, headers
