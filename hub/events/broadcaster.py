"""Hears of events once for a whole process, keeps the last ones in memory, and wakes whoever waits for more.

A waiting listener holds neither a thread nor a database connection: it waits for ``changed``. It holds no events of
its own either: it is a cursor into what all share, and one that is too slow for that reads the table.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice

from ..background import Job
from ..database import Database
from ..errors import OverloadedError, RateLimitedError
from ..keys import Keys
from .kinds import KEY_CHANGED
from .listening import Listening
from .log import Event, EventLog

KEPT = 512
"""Events in memory."""
_SQLITE_POLL_SECONDS = 1.0
"""A writer in another process, such as ``hub key revoke``, cannot wake us."""
_POSTGRESQL_POLL_SECONDS = 5.0
"""A NOTIFY is only a hint: what it missed is found by looking."""
_KEYS_SECONDS = 15.0


class Listener:
    """Somebody who waits for events; ``ended``: his key is revoked, or the hub stops.

    ``key`` is whose he is; ``by_key``: an API key, else a session of the web page that none stands behind.
    """

    def __init__(self, key: str, *, by_key: bool = True) -> None:
        self.key = key
        self.by_key = by_key
        self.ended = False

    def end(self) -> None:
        """Give him nothing more."""
        self.ended = True


class Broadcaster:
    """The events of one process's listeners.

    ``open`` and all that concerns listeners belong to the event loop; the jobs run in threads.
    """

    def __init__(self, database: Database, log: EventLog, keys: Keys, most: int, most_per_key: int) -> None:
        self._log = log
        self._keys = keys
        self._most = most
        self._most_per_key = most_per_key
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._position: int | None = None
        self._listeners: set[Listener] = set()
        self._closed = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self.changed = asyncio.Event()
        """Set, once, at the next change; look at it before looking for events."""
        poll_seconds = _SQLITE_POLL_SECONDS if database.is_sqlite else _POSTGRESQL_POLL_SECONDS
        advance = Job("events", poll_seconds, self._advance)
        self.jobs = [advance, Job("listeners' keys", _KEYS_SECONDS, self._dismiss_revoked)]
        self._listening = None if database.is_sqlite else Listening(database.engine, advance.call)
        database.when_told.append(advance.call)
        self.when_heard: list[Callable[[Sequence[Event]], None]] = []
        """What is called, in a thread, with each burst of events of any process."""

    def open(self) -> None:
        """Begin to take listeners."""
        self._loop = asyncio.get_running_loop()
        self._closed = False
        if self._listening is not None:
            self._listening.start()

    def end_all(self) -> None:
        """End every listener and take no more: the hub stops."""
        self._closed = True
        for listener in self._listeners:
            listener.ended = True
        self._wake()

    def close(self) -> None:
        """End what ``open`` began."""
        self.end_all()
        if self._listening is not None:
            self._listening.stop()
        self._loop = None

    def enter(self, key: str, *, by_key: bool = True) -> Listener:
        """Return a new listener; who takes one must ``leave``.

        Raises:
            OverloadedError: there are too many, or the hub stops.
            RateLimitedError: this key has too many.
        """
        if self._closed:
            raise OverloadedError("the hub is stopping")
        if len(self._listeners) >= self._most:
            raise OverloadedError(
                f"{self._most} listeners wait for events already (QUARTERMASTER_EVENT_STREAMS); try again later",
                code="too_many_streams",
                retry_after_seconds=30,
            )
        if Counter(one.key for one in self._listeners)[key] >= self._most_per_key:
            raise RateLimitedError(
                f"{self._most_per_key} listeners with this key wait for events already; end one", retry_after_seconds=30
            )
        listener = Listener(key, by_key=by_key)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Let a listener go."""
        self._listeners.discard(listener)

    @property
    def count(self) -> int:
        """How many listeners there are."""
        return len(self._listeners)

    def since(self, seq: int, limit: int) -> list[Event] | None:
        """Return the events after a number that are here, at most ``limit``; None: some of them are not here."""
        with self._lock:
            if self._position is None or seq < self._position - len(self._kept):
                return None
            return list(islice(self._kept, max(0, len(self._kept) - (self._position - seq)), None))[:limit]

    # In threads

    def _advance(self) -> bool:
        if self._position is None:
            end = self._log.end()
            with self._lock:
                self._position = end.seq
        else:
            self._log.number()
        found = self._log.following(self._position, KEPT)
        if not found:
            return False
        with self._lock:
            self._kept.extend(found)
            self._position = found[-1].cursor.seq
        revoked = {
            str(one.data.get("key")) for one in found if one.kind == KEY_CHANGED and one.data.get("change") == "revoked"
        }
        self._in_loop(revoked)
        for call in self.when_heard:
            call(found)
        return len(found) == KEPT

    def _dismiss_revoked(self) -> bool:
        """End the listeners whose key is revoked, should the event of it not have come."""
        listening = {one.key for one in list(self._listeners) if one.by_key}
        if listening:
            revoked = listening - self._keys.valid(listening)
            if revoked:
                self._in_loop(revoked)
        return False

    def _in_loop(self, revoked: set[str]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, revoked)

    def _tell(self, revoked: set[str]) -> None:
        for listener in self._listeners:
            listener.ended = listener.ended or listener.key in revoked
        self._wake()

    def _wake(self) -> None:
        before, self.changed = self.changed, asyncio.Event()
        before.set()
