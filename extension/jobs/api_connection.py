"""One web UI's HTTP API: a request and the JSON value of its answer, bounded in time and size, with its login.

Through the same bounded connections as a hub's (``hub_client.transport``): a web UI that hangs holds nobody for ever.
"""

import errno
import json
import os
import stat
import threading
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from ...hub_client import Timeouts, bounded_session, read_address
from ...hub_client.errors import AddressError
from ...hub_client.foreign import FOREIGN, reason_of, unwrapped
from ...hub_client.transport import AnswerTooLarge, Exchange, StopRequested, bounded, read_answer
from .engine import EngineAwayError, EngineError, NoRoomError, RequestRefusedError, RunFailedError

DEFAULT_WEB_UI = "http://127.0.0.1:7860"
LOGIN_VARIABLE = "QUARTERMASTER_WEB_UI_AUTH"
"""The environment variable that has what the web UI was given as ``--api-auth``, as ``user:password``."""

SHORT = Timeouts(connect_seconds=5.0, read_seconds=20.0, total_seconds=40.0)
MAX_LIST_BYTES = 512 << 20
"""Of a list: thousands of LoRAs, each with all its metadata, of up to some 100 KiB."""
_MOST_LOGIN_BYTES = 1024
_LONGEST_REASON = 400
_WRONG_METHOD = 405


class WebUiSetupError(EngineError):
    """The web UI's address or login cannot be used; the message says what to set."""


class NotOfferedError(EngineError):
    """This web UI does not have this route."""


class ApiConnection:
    """Speaks to one web UI; threads may share it."""

    def __init__(self, address: str, login: str | None = None, *, timeouts: Timeouts = SHORT) -> None:
        """Make it; nothing is asked yet.

        Args:
            address: like ``http://127.0.0.1:7860``.
            login: ``user:password`` of ``--api-auth``, or None.
            timeouts: of every request that states none of its own.

        Raises:
            WebUiSetupError: the address is none.
        """
        try:
            self._address = read_address(address)
        except AddressError:
            raise WebUiSetupError(
                f"the web UI's address cannot be used: set one like {DEFAULT_WEB_UI}, without a user name in it"
            ) from None
        self._timeouts = timeouts
        self._session = bounded_session()
        self._session.trust_env = False  # no login of .netrc, and no proxy between us and a web UI beside us
        # Forge hangs up after a 500 without a word, and what came next on that connection would find it reset.
        self._headers = {"Accept": "application/json", "Connection": "close"}
        if login:
            self._headers["Authorization"] = "Basic " + b64encode(login.encode()).decode("ascii")

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return self._address.url

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str) -> Any:
        """Return the answer's JSON value; see ``ask``."""
        return self.ask("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer's JSON value; see ``ask``."""
        return self.ask("POST", path, body or {})

    def offers(self, path: str) -> bool:
        """Tell whether the web UI has a route, without the work of its answer: no list is changed with PUT.

        Raises:
            EngineAwayError: no answer in time.
        """
        status, _ = self._exchange("PUT", path, None, self._timeouts, MAX_LIST_BYTES, None)
        return status == _WRONG_METHOD

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeouts: Timeouts | None = None,
        limit_bytes: int = MAX_LIST_BYTES,
        stop: threading.Event | None = None,
    ) -> Any:
        """Send a request once and return the JSON value of its answer. ``stop`` ends the wait for it.

        Raises:
            EngineAwayError: no answer, none in time, or none of a web UI.
            NotOfferedError: it does not have the route.
            RequestRefusedError: it says that the request is wrong.
            RunFailedError: it failed in doing it.
            NoRoomError: it failed because its disk is full.
        """
        timeouts = timeouts or self._timeouts
        status, content = self._exchange(method, path, body, timeouts, limit_bytes, stop)
        return self._understand(status, content, path)

    def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        timeouts: Timeouts,
        limit_bytes: int,
        stop: threading.Event | None,
    ) -> tuple[int, bytes]:
        """Send a request once and return the answer's status and body."""
        headers = dict(self._headers)
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode("ascii"), "application/json"
        try:
            request = self._session.prepare_request(
                requests.Request(method, self.url + path, data=data, headers=headers)
            )
            with bounded(Exchange(timeouts, stop)), self._send(request, timeouts) as response:
                return response.status_code, read_answer(response, limit_bytes)
        except AnswerTooLarge:
            raise RunFailedError(f"the web UI's answer is longer than {limit_bytes >> 20} MiB") from None
        except StopRequested:
            raise EngineAwayError("stopped waiting for the web UI") from None
        except FOREIGN as error:
            reason = reason_of(list(unwrapped(error)))
            message = f"the web UI at {self.url} does not answer ({reason}): does it run, with --api?"
            raise EngineAwayError(message) from error

    def _send(self, request: requests.PreparedRequest, timeouts: Timeouts) -> requests.Response:
        """Send it through the adapter alone: redirects are not followed, the login would go along."""
        adapter = self._session.get_adapter(request.url or "")
        wait = (timeouts.connect_seconds, timeouts.read_seconds)
        return adapter.send(request, stream=True, timeout=wait, verify=True, proxies={})

    def _understand(self, status: int, content: bytes, path: str) -> Any:
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if status in {401, 403}:
            raise EngineAwayError(
                f"the web UI at {self.url} wants a login: put what its --api-auth has into {LOGIN_VARIABLE}, or a file "
                "for --web-ui-auth-file"
            )
        if status in {404, _WRONG_METHOD} and value in (
            {"detail": "Not Found"},
            {"detail": "Method Not Allowed"},
            None,
        ):
            raise NotOfferedError(
                f"what answers at {self.url} has no {path}: is it a web UI that was started with --api?"
            )
        if status >= 500:
            reason = _reason(value, status)
            if f"[Errno {errno.ENOSPC}]" in reason:
                raise NoRoomError(f"the web UI's disk is full: {reason}")
            raise RunFailedError(f"the web UI failed: {reason}")
        if status >= 400:
            raise RequestRefusedError(f"the web UI does not take the request: {_reason(value, status)}")
        if status >= 300 or (value is None and content.strip() != b"null"):
            raise EngineAwayError(f"what answers at {self.url} is no web UI's API: check the address")
        return value


def _reason(value: Any, status: int) -> str:
    """Return what an error answer says for a person: ``errors`` of a failure, ``detail`` of a refusal."""
    found: list[str] = []
    if isinstance(value, dict):
        listed = [value.get(key) for key in ("error", "errors", "message", "detail")]
        found = [each if isinstance(each, str) else json.dumps(each) for each in listed if each]
    return ": ".join(found)[:_LONGEST_REASON] or f"status {status}"


def find_login(file: Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return ``user:password``: what a file of one line has, else the environment's, else None.

    Raises:
        WebUiSetupError: the file cannot be read, is open to others, or does not hold that.
    """
    if file is None:
        text = environ.get(LOGIN_VARIABLE, "").strip()
        place = LOGIN_VARIABLE
    else:
        text, place = _read_private(file), f"the file {file}"
    if text and (":" not in text or not text.isprintable()):
        raise WebUiSetupError(f"{place} does not hold user:password, as the web UI was given it as --api-auth")
    return text or None


def _read_private(file: Path) -> str:
    try:
        with open(file, "rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise WebUiSetupError(f"others may read the file {file} (mode {mode:04o}): run chmod 600 '{file}'")
            return opened.read(_MOST_LOGIN_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise WebUiSetupError(f"the file {file} cannot be read: {error.strerror or error}") from None
