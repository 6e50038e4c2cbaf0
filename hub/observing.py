"""What is noted of every request: a line in the log, its part in the metrics."""

import asyncio
import logging
import threading
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from .errors import OverloadedError
from .logs import FIELDS
from .metrics import NO_ROUTE, Metrics
from .request_facts import key_of, request_id_of
from .routes.answers import error_answer

_log = logging.getLogger("quartermaster.access")
_QUIET = {"/healthz", "/readyz", "/metrics"}
"""What is asked every few seconds, for ever."""
_SHOWN_PATH_CHARACTERS = 300
_WENT_AWAY = 499
"""The status of a request whose caller did not wait for the answer, as nginx has it."""


class Observed:
    """Counts, measures and logs every request, once it is answered.

    One that the server gives up, because it is stopping and waited for long enough, is answered that.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, stopping: threading.Event) -> None:
        self._app = app
        self._metrics = metrics
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = _WENT_AWAY, time.perf_counter()
        request_id = request_id_of(scope)

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._metrics.in_flight.track_inprogress(), bound_contextvars(request_id=request_id):
                await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            if status == _WENT_AWAY:
                await error_answer(OverloadedError("the hub is stopping; try again"))(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - began
            route = str(getattr(scope.get("route"), "path", NO_ROUTE))
            self._metrics.answered(scope["method"], route, status, seconds)
            _log_access(scope, route, status, seconds, request_id)


def _log_access(scope: Scope, route: str, status: int, seconds: float, request_id: str) -> None:
    level = logging.WARNING if status >= 500 else logging.DEBUG if route in _QUIET else logging.INFO
    if not _log.isEnabledFor(level):
        return
    fields = {
        "method": scope["method"],
        "path": scope["path"][:_SHOWN_PATH_CHARACTERS],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "key": key_of(scope),
        "remote": scope["client"][0] if scope.get("client") else None,
        "request_id": request_id,
    }
    _log.log(level, "request", extra={FIELDS: fields})
