"""Asks Civitai about files by their hashes: one bounded HTTP exchange at a time."""

import json
import socket
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.auth import AuthBase

from ..._version import VERSION
from ...hub_client.foreign import FOREIGN, reason_of, unwrapped
from ...hub_client.retry import retry_after_seconds
from ...hub_client.transport import (
    AnswerTooLarge,
    Exchange,
    StopRequested,
    Timeouts,
    bounded,
    bounded_session,
    read_answer,
)
from .errors import AskingStoppedError, BadAnswerError, CannotAskError
from .versions import Version, read_versions

BATCH = 100
"""Hashes in one request; the service refuses more."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A hundred versions with ten images each, prompts and all, are about 5 MB."""
TIMEOUTS = Timeouts(connect_seconds=10.0, read_seconds=30.0, total_seconds=90.0)
_ROUTE = "/api/v1/model-versions/by-hash"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_WAY_THERE = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.SSLError,
    requests.exceptions.InvalidProxyURL,
    socket.gaierror,
)
"""What says that no request reached the service, so that its hashes are not to blame."""


class _Token(AuthBase):
    """Sends the token, or none: without this, requests would take a password for this host from ``.netrc``."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Civitai:
    """The service at one address. ``stop``, once set, ends a request within a moment."""

    def __init__(
        self,
        url: str,
        token: str | None,
        stop: threading.Event,
        timeouts: Timeouts = TIMEOUTS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(url).hostname or url
        self._auth = _Token(token)
        self._stop = stop
        self._timeouts = timeouts
        self._max_answer_bytes = max_answer_bytes
        self._session = bounded_session()

    def ask(self, hashes: Sequence[str]) -> list[Version]:
        """Return the versions that have a file with one of these SHA-256 values (at most ``BATCH``).

        Raises:
            CannotAskError: nobody can ask it now: no way there, 401, 403, 429, 503, or a redirect.
            BadAnswerError: the answer to these hashes cannot be used.
            AskingStoppedError: ``stop`` was set.
        """
        try:
            with bounded(Exchange(self._timeouts, self._stop)), self._send(hashes) as response:
                self._check(response)
                return read_versions(read_answer(response, self._max_answer_bytes))
        except AnswerTooLarge:
            size = f"{self._max_answer_bytes / 2**20:g} MiB"
            raise BadAnswerError(f"the answer of {self.host} is longer than {size}") from None
        except StopRequested:
            raise AskingStoppedError(f"stopped asking {self.host}, as the hub stops") from None
        except FOREIGN as error:
            inside = list(unwrapped(error))
            if any(isinstance(each, StopRequested) for each in inside):
                raise AskingStoppedError(f"stopped asking {self.host}, as the hub stops") from None
            reason = reason_of(inside)
            if any(isinstance(each, _NO_WAY_THERE) for each in inside):
                raise CannotAskError(f"no connection to {self.host} ({reason})", "offline") from None
            raise BadAnswerError(f"the exchange with {self.host} broke off ({reason})") from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, hashes: Sequence[str]) -> requests.Response:
        """Send the request past ``Session.send``, which would keep cookies and follow redirects with our token."""
        body = json.dumps([text.upper() for text in hashes]).encode("ascii")
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"Quartermaster/{VERSION}",
        }
        request = self._session.prepare_request(
            requests.Request("POST", self.url + _ROUTE, data=body, headers=headers, auth=self._auth)
        )
        url = request.url or ""
        settings = self._session.merge_environment_settings(url, {}, True, None, None)
        return self._session.get_adapter(url).send(
            request,
            stream=True,
            timeout=(self._timeouts.connect_seconds, self._timeouts.read_seconds),
            verify=True if settings["verify"] is None else settings["verify"],
            cert=settings["cert"],
            proxies=settings["proxies"],
        )

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        asked = retry_after_seconds(response.headers)
        if status in _REDIRECTS:
            place = urlsplit(response.headers.get("Location", "")).hostname or "another page"
            raise CannotAskError(f"{self.host} redirects to {place[:100]!r}; that is not followed", "refused")
        if status == 429:
            raise CannotAskError(f"{self.host} has had enough requests for now (429)", "rate_limited", asked)
        if status == 503:
            raise CannotAskError(f"{self.host} is not available just now (503)", "unavailable", asked)
        if status in {401, 403}:
            raise CannotAskError(f"{self.host} refuses us ({status}): is the token right?", "refused", asked)
        raise BadAnswerError(f"{self.host} answers {status}")
