"""One listener's way through the events: what is kept in memory where that is enough, the table where it is not."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..background import happens_within
from ..errors import GoneError
from .broadcaster import Broadcaster, Listener
from .log import Cursor, Event, EventLog, Filter, read_cursor

AT_ONCE = 100
"""Events that a stream is sent in one piece."""
_RETRY_MS = (2_000, 5_000)
"""When a stream that ended is to come back: each one at a time of its own, for they often end together."""

ABORT = "quartermaster.abort"
"""The ASGI extension, ours, that closes a connection whose client does not read."""


class Feed:
    """The events after a cursor that one listener wants."""

    def __init__(self, broadcaster: Broadcaster, log: EventLog, listener: Listener, wanted: Filter, cursor: Cursor):
        self._broadcaster = broadcaster
        self._log = log
        self._listener = listener
        self._wanted = wanted
        self._checked = False
        self.cursor = cursor
        """Everything before it was given or not wanted."""

    @property
    def ended(self) -> bool:
        """Whether the listener is to be given nothing more."""
        return self._listener.ended

    async def next(self, limit: int, wait_seconds: float) -> list[Event]:
        """Return the next events, at most ``limit``, waiting for the first one; an empty list when none came.

        Raises:
            GoneError: the cursor is of no use (any more).
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_seconds
        while not self.ended:
            changed = self._broadcaster.changed
            found = self._broadcaster.since(self.cursor.seq, limit) if self._checked else None
            if found is None:
                page = await run_in_threadpool(self._log.page, self.cursor, self._wanted, limit)
                advanced, self._checked = page.cursor != self.cursor, True
                self.cursor, wanted = page.cursor, page.events
            else:
                advanced = bool(found)
                self.cursor = found[-1].cursor if found else self.cursor
                wanted = [event for event in found if self._wanted.takes(event)]
            if wanted:
                return wanted
            if not advanced and not await happens_within(changed, until - loop.time()):
                break
        return []

    async def blocks(self, heartbeat_seconds: float) -> AsyncIterator[bytes]:
        """Yield pieces of ``text/event-stream`` until the listener is ended.

        A heartbeat has the cursor too: the events between that this listener does not want need not be looked through
        again when it comes back.
        """
        yield f"retry: {random.randint(*_RETRY_MS)}\nid: {self.cursor}\n\n".encode("ascii")  # noqa: S311 (spreads)
        while not self.ended:
            try:
                found = await self.next(AT_ONCE, heartbeat_seconds)
            except GoneError as error:
                self.cursor = read_cursor(error.details["cursor"])
                yield f"id: {self.cursor}\nevent: reset\ndata: {{}}\n\n".encode("ascii")
                continue
            if found:
                yield b"".join(event.block for event in found)
            elif not self.ended:
                yield f": nothing new\nid: {self.cursor}\n\n".encode("ascii")


async def begin(log: EventLog, given: str | None, last: int, wanted: Filter) -> Cursor:
    """Return where a listener begins: at the cursor that it gave, else before the last so many events, else now."""
    if given is not None:
        return read_cursor(given)
    if last == 0:
        return await run_in_threadpool(log.end)
    return await run_in_threadpool(log.before_last, wanted, last)


class EventStream(Response):
    """An answer of ``text/event-stream`` that ends with its client, and ends a client that does not read."""

    media_type = "text/event-stream"

    def __init__(self, blocks: AsyncIterator[bytes], write_timeout_seconds: float, at_end: Callable[[], None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._blocks = blocks
        self._write_timeout_seconds = write_timeout_seconds
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the two is over."""
        try:
            await self._answer(scope, receive, send)
        finally:
            self._at_end()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(scope, send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, scope: Scope, send: Send) -> None:
        try:
            async for block in self._blocks:
                message = {"type": "http.response.body", "body": block, "more_body": True}
                await asyncio.wait_for(send(message), self._write_timeout_seconds)
        except asyncio.TimeoutError:
            abort = scope.get("extensions", {}).get(ABORT)
            if abort is not None:
                abort()
            return
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
