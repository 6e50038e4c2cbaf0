"""When keys and sessions were used last: remembered in memory and written once a minute, not with every request."""

import threading
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, Update, bindparam, or_, update

from ..clock import Clock
from ..database import Database
from ..schema import api_keys, sessions

WRITE_EVERY_SECONDS = 60.0


class LastSeen:
    """What one process saw since it wrote last. It holds valid keys and sessions only, so its size has a bound."""

    def __init__(self, database: Database, wall_clock: Clock) -> None:
        self._database = database
        self._clock = wall_clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], float] = {}

    def key(self, key: str) -> None:
        """Remember that a key was used now."""
        self._note("key", key)

    def session(self, session_id: str) -> None:
        """Remember that a session was used now."""
        self._note("session", session_id)

    def _note(self, kind: str, name: str) -> None:
        with self._lock:
            self._seen[kind, name] = self._clock()

    def write(self) -> bool:
        """Write down what was seen; returns that nothing is left to do."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if seen:
            self._database.write(lambda connection: self._write(connection, seen))
        return False

    def _write(self, connection: Connection, seen: dict[tuple[str, str], float]) -> None:
        for kind, table, name, column in (
            ("key", api_keys, api_keys.c.key, api_keys.c.last_used_at),
            ("session", sessions, sessions.c.id, sessions.c.last_seen),
        ):
            rows = [{"name_": who, "at_": at} for (what, who), at in sorted(seen.items()) if what == kind]
            if rows:
                connection.execute(_later(table, name, column), rows)


def _later(table: Table, name: "Column[Any]", column: "Column[Any]") -> Update:
    at: ColumnElement[Any] = bindparam("at_")
    return update(table).where(name == bindparam("name_"), or_(column.is_(None), column < at)).values({column: at})
