"""An answer that is sent a block at a time, ends with its client, and ends a client that does not read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

ABORT = "quartermaster.abort"
"""The ASGI extension, ours, that closes a connection whose client does not read, or whose answer cannot be ended."""


class BrokenOffError(Exception):
    """The blocks end before the answer does; the connection is closed, so that nobody takes it for whole."""


class BlockStream(Response):
    """An answer of blocks; without a length in ``headers`` it ends where they end."""

    def __init__(
        self,
        blocks: AsyncIterator[bytes],
        write_timeout_seconds: float,
        *,
        headers: Mapping[str, str],
        media_type: str,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(headers=dict(headers), media_type=media_type)
        if "content-length" not in {name.lower() for name in headers}:
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
        except (asyncio.TimeoutError, BrokenOffError):
            abort = scope.get("extensions", {}).get(ABORT)
            if abort is not None:
                abort()
            return
        await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
