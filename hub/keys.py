"""API keys: who calls, and what that key may do.

A secret is kept hashed (``trust.tokens``) and shown once, when the key is made.
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, true, update

from . import fields
from .ages import iso_time
from .clock import Clock
from .database import Database, among
from .errors import ConflictError, FieldError, ForbiddenError, NotFoundError, UnauthorizedError
from .events import tell
from .events.kinds import KEY_CHANGED
from .known_servers import make_known
from .schema import api_keys, sessions
from .trust.audit import note
from .trust.last_seen import LastSeen
from .trust.tokens import hashed, same

AGENT = "agent"
CLIENT = "client"
ADMIN = "admin"
SCOPES = (AGENT, CLIENT, ADMIN)
LONGEST_GRACE_SECONDS = 7 * 86_400.0

_NOBODY = hashed("no key has this secret's hash")


@dataclass(frozen=True)
class Caller:
    """Who was recognised: a key, or a session of the web page.

    ``key`` is None for a session that a one-time link opened; ``server_id`` is the server of an agent's key; ``name``
    is the key's; ``session_id`` is None where a program sent the key itself.
    """

    key: str | None
    scope: str
    server_id: str | None
    name: str = ""
    session_id: str | None = None

    def must_write_server(self, server_id: str) -> None:
        """Raise ForbiddenError unless this key may change that server's inventory."""
        if self.scope == ADMIN or (self.scope == AGENT and self.server_id == server_id):
            return
        if self.scope == AGENT:
            raise ForbiddenError(f"this key belongs to the server {self.server_id!r} and may not write {server_id!r}")
        raise ForbiddenError(f"a key of scope {self.scope} may not write a server's inventory")

    def must_register(self) -> None:
        """Raise ForbiddenError unless this key may register models."""
        if self.scope not in {AGENT, ADMIN}:
            raise ForbiddenError(f"a key of scope {self.scope} may not register models")

    def must_administer(self) -> None:
        """Raise ForbiddenError unless this is an admin's key."""
        if self.scope != ADMIN:
            raise ForbiddenError(f"a key of scope {self.scope} may not do this; it needs the scope admin")


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time that its secret is known."""

    key: str
    secret: str
    name: str
    scope: str
    server_id: str | None


@dataclass(frozen=True)
class KeyInfo:
    """A key as it is listed; times in seconds since the epoch.

    ``by_pairing``: it was made for a one-time code. ``previous_until``: until then the secret before the last rotation
    works as well.
    """

    key: str
    name: str
    scope: str
    server_id: str | None
    created_at: float
    revoked_at: float | None
    by_pairing: bool
    expires_at: float | None
    last_used_at: float | None
    rotated_at: float | None
    previous_until: float | None


class Keys:
    """The keys of one hub."""

    def __init__(self, database: Database, clock: Clock, random_hex: Callable[[int], str] = secrets.token_hex) -> None:
        self._database = database
        self._clock = clock
        self._random_hex = random_hex
        self.last_seen = LastSeen(database, clock)

    def create(
        self,
        name: str,
        scope: str,
        server_id: str | None = None,
        *,
        expires_at: float | None = None,
        caller: Caller | None = None,
    ) -> NewKey:
        """Make a key; an agent's key makes its server known.

        Args:
            name: What the key is for.
            scope: One of ``SCOPES``.
            server_id: The server of an agent's key.
            expires_at: Seconds since the epoch after which it is not valid; None for never.
            caller: Who makes it; None for the console.

        Raises:
            FieldError: as ``check``, or it would have expired already.
        """
        self.check(name, scope, server_id)
        if expires_at is not None and expires_at <= self._clock():
            raise FieldError("expires_at", "must be in the future")

        def work(connection: Connection) -> NewKey:
            made = self.make(connection, name, scope, server_id, expires_at=expires_at)
            details = {"name": name, "scope": scope, "server_id": server_id, "expires_at": iso_time(expires_at)}
            note(connection, caller, "key_created", made.key, details)
            return made

        return self._database.write(work)

    def check(self, name: str, scope: str, server_id: str | None) -> None:
        """Raise FieldError where the name or the scope is wrong; an agent's key needs a server, no other has one."""
        values = {"name": name, "scope": scope}
        fields.required(values, "name")
        fields.text(values, "name", 100)
        fields.choice(values, "scope", SCOPES)
        if (scope == AGENT) != (server_id is not None):
            raise FieldError("server", "an agent's key belongs to one server, every other key to none")
        if server_id is not None:
            fields.server_id(server_id, "server")

    def make(
        self,
        connection: Connection,
        name: str,
        scope: str,
        server_id: str | None,
        *,
        by_pairing: bool = False,
        expires_at: float | None = None,
    ) -> NewKey:
        """Make a key of checked values in a write transaction of the caller's."""
        made = NewKey(f"qm_{self._random_hex(12)}", self._random_hex(32), name, scope, server_id)
        now = self._clock()
        row = {
            "key": made.key,
            "secret_sha256": hashed(made.secret),
            "name": name,
            "scope": scope,
            "server_id": server_id,
            "created_at": now,
            "by_pairing": by_pairing,
            "expires_at": expires_at,
        }
        connection.execute(api_keys.insert().values(**row))
        if server_id is not None:
            make_known(self._database, connection, server_id, now)
        change = "paired" if by_pairing else "made"
        data = {"key": made.key, "name": name, "scope": scope, "change": change}
        tell(connection, KEY_CHANGED, server_id, data=data)
        return made

    def listed(self) -> list[KeyInfo]:
        """Return every key, the oldest first, revoked ones too."""
        columns = [api_keys.c[name] for name in KeyInfo.__dataclass_fields__]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(api_keys.c.created_at, api_keys.c.key)).all()
        return [KeyInfo(**row._mapping) for row in rows]

    def rotate(self, key: str, grace_seconds: float = 0.0, caller: Caller | None = None) -> NewKey:
        """Give a key a new secret. The one before works for the grace, and no longer: none of before that does.

        The page's sessions of this key end, but for the caller's own.

        Raises:
            FieldError: the grace is below 0 or above ``LONGEST_GRACE_SECONDS``.
            NotFoundError: there is no such key, or it is not valid any more.
        """
        if not 0 <= grace_seconds <= LONGEST_GRACE_SECONDS:
            raise FieldError("grace_minutes", f"must be from 0 to {LONGEST_GRACE_SECONDS / 60:g}")
        secret = self._random_hex(32)

        def work(connection: Connection) -> NewKey:
            now = self._clock()
            query = select(api_keys).where(api_keys.c.key == _named(key), usable(now)).with_for_update()
            row = connection.execute(query).first()
            if row is None:
                raise _no_such_key(key)
            values = {
                "secret_sha256": hashed(secret),
                "rotated_at": now,
                "previous_secret_sha256": row.secret_sha256 if grace_seconds else None,
                "previous_until": now + grace_seconds if grace_seconds else None,
            }
            connection.execute(update(api_keys).where(api_keys.c.key == row.key).values(**values))
            mine = caller.session_id if caller and caller.session_id else ""
            connection.execute(delete(sessions).where(sessions.c.key == row.key, sessions.c.id != mine))
            data = {"key": row.key, "name": row.name, "scope": row.scope, "change": "rotated"}
            tell(connection, KEY_CHANGED, row.server_id, data=data)
            note(connection, caller, "key_rotated", row.key, {"name": row.name, "grace_seconds": grace_seconds})
            return NewKey(row.key, secret, row.name, row.scope, row.server_id)

        return self._database.write(work)

    def revoke(self, key: str, caller: Caller | None = None) -> None:
        """Make a key useless from the next request on, in every process; one that is revoked already stays so.

        Raises:
            NotFoundError: there is no such key.
            ConflictError: it is the last key that administers, and the caller would shut everybody out of the HTTP API
                (``last_admin_key``). The console may, and a session that a one-time link opened.
        """

        def work(connection: Connection) -> None:
            row = connection.execute(select(api_keys).where(api_keys.c.key == _named(key))).first()
            if row is None:
                raise _no_such_key(key)
            if caller is not None and caller.key is not None and row.scope == ADMIN:
                self._check_others(connection, row.key)
            if revoke_where(connection, api_keys.c.key == row.key, self._clock()):
                note(connection, caller, "key_revoked", row.key, {"name": row.name, "scope": row.scope})

        self._database.write(work)

    def _check_others(self, connection: Connection, key: str) -> None:
        """Raise ConflictError where no other key administers. The rows are locked: two keys may revoke each other."""
        admins = select(api_keys.c.key).where(api_keys.c.scope == ADMIN, usable(self._clock()))
        valid = set(connection.scalars(admins.order_by(api_keys.c.key).with_for_update()))
        if valid == {key}:
            raise ConflictError(
                "this is the last key that administers: make another first, or revoke it on the hub's machine with "
                f"quartermaster hub key revoke {key}",
                code="last_admin_key",
            )

    def valid(self, keys: Collection[str]) -> set[str]:
        """Return those of these keys that are neither revoked nor expired."""
        with self._database.read() as connection:
            query = select(api_keys.c.key).where(among(connection, api_keys.c.key, keys))
            return set(connection.scalars(query.where(usable(self._clock()))))

    def still_valid(self, caller: Caller) -> ColumnElement[bool]:
        """Return the condition that a caller's key was not revoked, and did not expire, since it was recognised.

        For the transaction that writes what a long body brought: it may have been arriving for minutes.
        """
        if caller.key is None:
            return true()
        return exists().where(api_keys.c.key == caller.key, usable(self._clock()))

    def recognise(
        self, key: str | None, secret: str | None, authorization: str | None, *, scheme: str = "Bearer"
    ) -> Caller:
        """Return who calls, from the headers ``X-API-Key`` and ``X-API-Secret``, or ``Authorization`` of a scheme.

        Raises:
            UnauthorizedError: there is no key, or it is unknown, revoked, or the secret is wrong: the answer does not
                say which.
        """
        pair = (key, secret) if key and secret else _authorization(authorization, scheme)
        challenge = {"WWW-Authenticate": f'{scheme} realm="an API key and its secret"'}
        if pair is None:
            raise UnauthorizedError(
                "send an API key: the headers X-API-Key and X-API-Secret, or Authorization: Bearer base64(key:secret)",
                headers=challenge,
            )
        now = self._clock()
        query = select(api_keys).where(api_keys.c.key == _named(pair[0]), usable(now))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        # An unknown key is compared as well, so that its answer takes as long as a wrong secret's.
        given = hashed(pair[1])
        current = same(given, row.secret_sha256 if row else _NOBODY)
        before = row.previous_secret_sha256 if row and (row.previous_until or 0.0) > now else None
        previous = same(given, before or _NOBODY)
        if row is None or not (current or previous):
            raise UnauthorizedError("this API key is not valid", headers=challenge)
        self.last_seen.key(row.key)
        return Caller(row.key, row.scope, row.server_id, row.name)


def _named(key: str) -> str:
    """Return the name of a key as a database can be asked for it: PostgreSQL's text holds no NUL."""
    return key if fields.is_clean(key) else ""


def _no_such_key(key: str) -> NotFoundError:
    return NotFoundError(f"there is no valid key {key[:80]!r}", code="key_not_found")


def usable(now: float) -> ColumnElement[bool]:
    """Return the condition that a key is neither revoked nor expired."""
    return and_(api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now))


def revoke_where(connection: Connection, condition: ColumnElement[bool], now: float) -> int:
    """Revoke those of these keys that are valid, and tell so; return how many."""
    query = select(api_keys.c.key, api_keys.c.name, api_keys.c.scope, api_keys.c.server_id)
    found = connection.execute(query.where(condition, api_keys.c.revoked_at.is_(None)).with_for_update()).all()
    for row in found:
        connection.execute(update(api_keys).where(api_keys.c.key == row.key).values(revoked_at=now))
        data = {"key": row.key, "name": row.name, "scope": row.scope, "change": "revoked"}
        tell(connection, KEY_CHANGED, row.server_id, data=data)
        connection.execute(delete(sessions).where(sessions.c.key == row.key))
    return len(found)


def _authorization(authorization: str | None, scheme: str) -> tuple[str, str] | None:
    """Return key and secret: Bearer, in our use of it, and HTTP's own Basic are both base64 of ``key:secret``."""
    stated, _, token = (authorization or "").strip().partition(" ")
    if stated.lower() != scheme.lower():
        return None
    token = token.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    key, colon, secret = text.partition(":")
    return (key, secret) if colon and key and secret else None
