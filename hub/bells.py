"""Long polls: callers that sleep until they are rung, each a coroutine that holds neither thread nor connection."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Look(Generic[Answer]):
    """What a look came to.

    ``found`` is what the caller is answered; ``over``: nothing will come of it any more; ``look_again_in_seconds``:
    something may be there then, though nobody rings.
    """

    found: Answer | None = None
    over: bool = False
    look_again_in_seconds: float | None = None


class Bells:
    """Those who wait in this process, by their names; of several of one name the newest waits on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def names(self) -> list[str]:
        """Return who waits."""
        with self._lock:
            return list(self._bells)

    def ring(self, names: Iterable[str]) -> None:
        """Have these look; from any thread."""
        loop, rung = self._loop, list(names)
        if rung and loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it was closed just now: nobody waits
                loop.call_soon_threadsafe(self._ring, rung)

    def end_all(self) -> None:
        """Let everybody go with nothing: the hub stops. From the event loop."""
        self._closed = True
        for bell in self._bells.values():
            bell.set()

    async def wait(
        self, name: str, look: Callable[[], Look[Answer]], seconds: float, gone: Callable[[], Awaitable[None]]
    ) -> tuple[Look[Answer], bool]:
        """Look, and again whenever rung, until something is found or so many seconds are over.

        ``look`` runs in a thread. Returns the last look, and whether the caller hung up meanwhile, which ``gone`` ends
        with: what was found then was found for nobody.
        """
        self._loop = loop = asyncio.get_running_loop()
        until, bell, leaving = loop.time() + seconds, asyncio.Event(), asyncio.ensure_future(gone())
        with self._lock:
            before, self._bells[name] = self._bells.get(name), bell
        if before is not None:
            before.set()  # it finds that it is not the newest
        try:
            while True:
                bell.clear()
                seen = await run_in_threadpool(look)
                left = until - loop.time()
                newest = self._bells.get(name) is bell
                if seen.found is not None or seen.over or left <= 0 or self._closed or leaving.done() or not newest:
                    return seen, leaving.done()
                if seen.look_again_in_seconds is not None:
                    left = min(left, max(0.05, seen.look_again_in_seconds))
                ringing = asyncio.ensure_future(bell.wait())
                try:
                    await asyncio.wait({ringing, leaving}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ringing.cancel()
                if self._closed or leaving.done():
                    return Look(over=True), leaving.done()
        finally:
            with self._lock:
                if self._bells.get(name) is bell:
                    del self._bells[name]
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    def _ring(self, names: Iterable[str]) -> None:
        for name in names:
            bell = self._bells.get(name)
            if bell is not None:
                bell.set()
