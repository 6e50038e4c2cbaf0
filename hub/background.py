"""What a hub does beside answering: jobs that run every so often, or as soon as something calls for one.

The jobs run while the application runs and share its event loop, so their pauses follow a clock that nobody can set. A
job that fails is logged and runs again at its next time; one that is running when the hub stops is waited for.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from .errors import OverloadedError

_log = logging.getLogger(__name__)

_job: ContextVar[str | None] = ContextVar("quartermaster_job", default=None)


def current_job() -> str | None:
    """Return the name of the job that this code runs for, None where it runs for a request or a command."""
    return _job.get()


@dataclass
class Job:
    """Some work that is done over and over, never twice at once in one process.

    ``work`` runs in a thread and must return soon after the hub is asked to stop; it returns True where there is more
    to do at once. Several processes may share the database: each runs its own. After a call it waits until for
    ``settle_seconds`` there was no other, ten times that at most, so that what comes together is done together.
    """

    name: str
    every_seconds: float
    work: Callable[[], bool]
    stop: Callable[[], None] | None = None
    """Asks work that is under way to return soon: called from the event loop when the hub stops."""
    settle_seconds: float = 0.0
    runs: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _called: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def is_alive(self) -> bool:
        """Tell whether the job is there to run: while the application runs, unless it ended in a way of its own."""
        return self._loop is not None

    def call(self) -> None:
        """Have the work done soon, from any thread; costs nothing where no application runs."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._called.set)

    async def run(self) -> None:
        """Do the work until cancelled."""
        self._loop = asyncio.get_running_loop()
        _job.set(self.name)
        try:
            while True:
                self._called.clear()
                if not await self._once():
                    await self._rest()
        finally:
            self._loop = None

    async def _once(self) -> bool:
        self.runs += 1
        working = asyncio.ensure_future(run_in_threadpool(self.work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])  # it holds the database, which is closed after this
            raise
        except OverloadedError as error:
            self.failures += 1
            _log.warning("%s: %s", self.name, error)
        except Exception:
            self.failures += 1
            _log.exception("%s failed; it runs again in %g s", self.name, self.every_seconds)
        return False

    async def _rest(self) -> None:
        if not await self._is_called_within(self.every_seconds) or not self.settle_seconds:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + 10 * self.settle_seconds
        while loop.time() < until:
            self._called.clear()
            if not await self._is_called_within(self.settle_seconds):
                return

    async def _is_called_within(self, seconds: float) -> bool:
        return await happens_within(self._called, seconds)


async def happens_within(happening: asyncio.Event, seconds: float) -> bool:
    """Wait for something, at most so long; return whether it happened.

    ``asyncio.wait_for`` of Python 3.10 and 3.11 forgets that it was cancelled where the event is set at that moment,
    and a hub that stops would wait for ever for a job that goes on.
    """
    waiting = asyncio.ensure_future(happening.wait())
    try:
        happened, _ = await asyncio.wait([waiting], timeout=seconds)
        return bool(happened)
    finally:
        waiting.cancel()


@asynccontextmanager
async def running(jobs: list[Job]) -> AsyncIterator[None]:
    """Run these jobs for as long as the context is open."""
    tasks = [asyncio.create_task(job.run(), name=job.name) for job in jobs]
    try:
        yield
    finally:
        for job in jobs:
            if job.stop is not None:
                job.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
