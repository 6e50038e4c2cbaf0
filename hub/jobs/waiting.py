"""Servers that wait for work: each a coroutine that sleeps until it is rung, and holds neither thread nor connection.

After each burst of events one query says which of the servers that wait in this process have something that they can
do; only these are rung, and look for themselves.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from starlette.concurrency import run_in_threadpool

from ..background import Job
from ..clock import Clock
from ..database import Database, among
from ..events.kinds import JOB
from ..events.log import Event
from ..schema import job_need_servers, job_takers
from .claims import Claim, Claims, Found
from .job import PENDING

_LOOK_SECONDS = 10.0
"""A server is looked for even where no event says that there is something."""


class Waiting:
    """The servers that wait for work in this process."""

    def __init__(self, database: Database, clock: Clock, claims: Claims) -> None:
        self._database = database
        self._clock = clock
        self._claims = claims
        self._lock = threading.Lock()
        self._bells: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.job = Job("claims", _LOOK_SECONDS, self._ring_able)

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._bells)

    def heard(self, events: Sequence[Event]) -> None:
        """Take note of events: a job may have become one that somebody here can do. For ``Broadcaster.when_heard``."""
        if self._bells and any(event.kind == JOB and event.data.get("state") == PENDING for event in events):
            self.job.call()

    def end_all(self) -> None:
        """Let everybody go without a job: the hub stops. From the event loop."""
        self._closed = True
        for bell in self._bells.values():
            bell.set()

    async def claim(
        self, claim: Claim, allowed: ColumnElement[bool], gone: Callable[[], Awaitable[None]]
    ) -> dict[str, Any] | None:
        """Return the job that a server is given, None where there was none for as long as it waits.

        ``gone`` ends when the server hung up: it is given nothing, and what it was given just then is taken back.
        """
        self._loop = asyncio.get_running_loop()
        token = await run_in_threadpool(self._claims.begin, claim, allowed)
        bell, leaving = asyncio.Event(), asyncio.ensure_future(gone())
        before = self._bells.get(claim.server_id)
        with self._lock:
            self._bells[claim.server_id] = bell
        if before is not None:
            before.set()  # it finds that it is not the newest
        try:
            found = await self._look_until_found(claim, token, allowed, bell, leaving)
            if leaving.done() and not found.over:
                await run_in_threadpool(self._let_go, claim, token, found)
                return None
            return found.job
        finally:
            with self._lock:
                if self._bells.get(claim.server_id) is bell:
                    del self._bells[claim.server_id]
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(leaving, return_exceptions=True)

    async def _look_until_found(
        self,
        claim: Claim,
        token: str,
        allowed: ColumnElement[bool],
        bell: asyncio.Event,
        leaving: "asyncio.Future[Any]",
    ) -> Found:
        loop = asyncio.get_running_loop()
        until = loop.time() + claim.wait_seconds
        while True:
            bell.clear()
            found = await run_in_threadpool(self._claims.look, claim, token, allowed)
            left = until - loop.time()
            if found.job is not None or found.over or left <= 0 or self._closed or leaving.done():
                return found
            if found.look_again_at is not None:
                left = min(left, max(0.05, found.look_again_at - self._clock()))
            ringing = asyncio.ensure_future(bell.wait())
            try:
                await asyncio.wait({ringing, leaving}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ringing.cancel()
            if self._closed or leaving.done():
                return Found()

    def _let_go(self, claim: Claim, token: str, found: Found) -> None:
        self._claims.leave(claim, token)
        if found.job is not None:
            self._claims.take_back(found.job)

    def _ring_able(self) -> bool:
        """Ring those who wait and have something that they can do; for ``Job``."""
        with self._lock:
            waiting = list(self._bells)
        loop = self._loop
        if not waiting or loop is None or loop.is_closed():
            return False
        able = exists().where(job_need_servers.c.server_id == job_takers.c.server_id)
        with self._database.read() as connection:
            here = among(connection, job_takers.c.server_id, waiting)
            found = connection.scalars(select(job_takers.c.server_id).where(here, able)).all()
        loop.call_soon_threadsafe(self._ring, found)
        return False

    def _ring(self, server_ids: Sequence[str]) -> None:
        for server_id in server_ids:
            bell = self._bells.get(server_id)
            if bell is not None:
                bell.set()
