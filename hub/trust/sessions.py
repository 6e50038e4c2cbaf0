"""Sessions of the web page: who is logged in, kept at the server, so that they end when somebody says so.

A session that was made with an API key does what that key may, and no longer than the key lives: it is looked up
together with the key. One that was made with a one-time link administers. Times are the machine's wall clock, because
sessions outlive processes and are shared by several.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from ..clock import Clock
from ..database import Database
from ..errors import NotFoundError
from ..fields import is_clean
from ..keys import ADMIN, Caller, usable
from ..schema import api_keys, hub_identity, sessions
from .audit import note
from .last_seen import LastSeen
from .login_codes import SKEW_SECONDS
from .tokens import hashed, new_token

_DAY_SECONDS = 86_400.0
_TEXT = 200
LINK_NAME = "one-time link"


@dataclass(frozen=True)
class NewSession:
    """A session that was just made: the only time that its token is known. ``lifetime_seconds`` is the longest."""

    token: str
    lifetime_seconds: int
    caller: Caller


@dataclass(frozen=True)
class SessionInfo:
    """A session as it is listed; times in seconds since the epoch. ``key`` is None for a one-time link's."""

    id: str
    key: str | None
    name: str
    scope: str
    created_at: float
    last_seen: float
    expires_at: float
    address: str
    browser: str


class Sessions:
    """The sessions of one hub."""

    def __init__(
        self, database: Database, wall_clock: Clock, idle_days: float, longest_days: float, last_seen: LastSeen
    ) -> None:
        self._database = database
        self._clock = wall_clock
        self._idle_seconds = idle_days * _DAY_SECONDS
        self._longest_seconds = longest_days * _DAY_SECONDS
        self._last_seen = last_seen

    def open(
        self, connection: Connection, caller: Caller | None, address: str, browser: str, replaced: str | None = None
    ) -> NewSession:
        """Make a session in a write transaction of the caller's.

        Args:
            connection: The transaction.
            caller: The key that was logged in with; None for a one-time link.
            address: Where the person is.
            browser: What the browser says it is.
            replaced: The token of the session that this browser had, which ends.
        """
        now = self._clock()
        token, session_id = new_token(), secrets.token_hex(8)
        gone = sessions.c.expires_at <= now
        if replaced is not None:
            gone = or_(gone, sessions.c.token_hash == hashed(replaced))
        connection.execute(delete(sessions).where(gone))
        row = {
            "id": session_id,
            "token_hash": hashed(token),
            "key": caller.key if caller else None,
            "created_at": now,
            "last_seen": now,
            "expires_at": now + self._longest_seconds,
            "address": address[:_TEXT],
            "browser": "".join(c for c in browser if c.isprintable())[:_TEXT],
        }
        connection.execute(sessions.insert().values(**row))
        first = update(hub_identity).where(hub_identity.c.first_login_at.is_(None))
        connection.execute(first.values(first_login_at=now))
        if caller is None:
            who = Caller(None, ADMIN, None, LINK_NAME, session_id)
        else:
            who = Caller(caller.key, caller.scope, caller.server_id, caller.name, session_id)
        note(connection, who, "login", session_id, {"address": row["address"], "browser": row["browser"]})
        return NewSession(token, int(self._longest_seconds), who)

    def find(self, token: str) -> Caller | None:
        """Return who has the session with this token; None where there is none, or it ended, or its key did."""
        query = (
            select(sessions.c.id, sessions.c.key, api_keys.c.scope, api_keys.c.server_id, api_keys.c.name)
            .select_from(sessions.outerjoin(api_keys, sessions.c.key == api_keys.c.key))
            .where(sessions.c.token_hash == hashed(token), *self._alive())
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        self._last_seen.session(row.id)
        if row.key is None:
            return Caller(None, ADMIN, None, LINK_NAME, row.id)
        return Caller(row.key, row.scope, row.server_id, row.name, row.id)

    def listed(self) -> list[SessionInfo]:
        """Return every session that lives, the one that was seen last first."""
        columns = [sessions.c[name] for name in SessionInfo.__dataclass_fields__ if name not in {"name", "scope"}]
        query = (
            select(*columns, api_keys.c.name, api_keys.c.scope)
            .select_from(sessions.outerjoin(api_keys, sessions.c.key == api_keys.c.key))
            .where(*self._alive())
            .order_by(sessions.c.last_seen.desc(), sessions.c.id)
        )
        with self._database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        for row in rows:
            if row["key"] is None:
                row |= {"name": LINK_NAME, "scope": ADMIN}
        return [SessionInfo(**row) for row in rows]

    def end(self, session_id: str, caller: Caller | None = None) -> None:
        """End a session; the caller is None for the console.

        Raises:
            NotFoundError: there is none of this id (``session_not_found``).
        """

        def work(connection: Connection) -> None:
            named = session_id if is_clean(session_id) else ""
            if connection.execute(delete(sessions).where(sessions.c.id == named)).rowcount == 0:
                raise NotFoundError(f"there is no session {session_id[:40]!r}", code="session_not_found")
            note(connection, caller, "session_ended", session_id, {})

        self._database.write(work)

    def _alive(self) -> tuple[ColumnElement[bool], ...]:
        now = self._clock()
        return (
            sessions.c.expires_at > now,
            sessions.c.last_seen > now - self._idle_seconds,
            sessions.c.created_at <= now + SKEW_SECONDS,  # one "from the future" would live longer than it should
            or_(sessions.c.key.is_(None), usable(now)),
        )
