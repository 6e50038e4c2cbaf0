"""One connection of a client, as uvicorn speaks HTTP on it, with an end to waiting, and errors in our shape.

uvicorn closes a connection that is idle after an answer. One that never sends a request, or a head byte by byte, it
keeps for ever: a few hundred of them, from anybody who can reach the port, and no agent gets through.
"""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .errors import MalformedRequestError
from .services import hub_of
from .streaming import ABORT


class PatientConnection(H11Protocol):
    """Waits for a request's head, but only for ``head_timeout_seconds``."""

    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        answer = self.app

        async def answer_with_an_end(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[ABORT] = self.transport.abort
            await answer(scope, receive, send)

        self.app = answer_with_an_end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_a_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait_for_a_head(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.is_closing():
            self._stop_waiting()
        elif self._deadline is None:
            limits = hub_of(self.config.app).settings.limits
            self._deadline = self.loop.call_later(limits.head_timeout_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the shape of every other error."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            content = json.dumps(MalformedRequestError(msg).body()).encode("ascii")
            head = [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(content))),
                ("Connection", "close"),
            ]
            for event in (h11.Response(status_code=400, headers=head), h11.Data(content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
