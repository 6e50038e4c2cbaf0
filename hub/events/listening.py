"""One connection per process that waits for PostgreSQL's NOTIFY, and comes back when it breaks.

It waits in a thread, because psycopg's asynchronous connections do not work with the event loop that Windows has.
"""

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import TypeAlias

import psycopg
from sqlalchemy import Engine

from .telling import CHANNEL

_PAUSE_SECONDS = 2.0
_LOOK_SECONDS = 60.0
"""After so long a silence the connection is asked whether it still is one."""

Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

_log = logging.getLogger(__name__)


class Listening:
    """Calls ``heard`` when somebody has told an event, and after each gap in which that could be missed."""

    def __init__(self, engine: Engine, heard: Callable[[], None]) -> None:
        self._engine = engine
        self._heard = heard
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to wait."""
        self._stop.clear()
        self._ours, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="quartermaster-listening", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; on return there is no thread and no connection."""
        if self._thread is not None:
            self._stop.set()
            self._waker.send(b"x")
            self._thread.join()
            self._thread = None
            self._ours.close()
            self._waker.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connected() as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    self._heard()
                    self._wait(connection)
            except (psycopg.Error, OSError) as error:
                _log.warning("not hearing of events, looking for them instead: %s", str(error).splitlines()[0])
                self._stop.wait(_PAUSE_SECONDS)

    def _connected(self) -> Connection:
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        return psycopg.connect(*arguments, **{**options, "autocommit": True})

    def _wait(self, connection: Connection) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._ours, selectors.EVENT_READ)
            while True:
                ready = selector.select(_LOOK_SECONDS)
                if self._stop.is_set():
                    return
                if not ready:
                    connection.execute("SELECT 1")  # raises where the network went away without a word
                for _ in connection.notifies(timeout=0):
                    pass
                self._heard()
