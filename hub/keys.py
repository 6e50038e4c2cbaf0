"""API keys: who calls, and what that key may do.

A secret has 256 random bits, so one SHA-256 keeps it as safe as a slow hash would, at a cost that every request can
bear. It is shown once, when the key is made.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from . import fields
from .clock import Clock
from .database import Database, among
from .errors import FieldError, ForbiddenError, NotFoundError, UnauthorizedError
from .events import tell
from .events.kinds import KEY_CHANGED
from .known_servers import make_known
from .schema import api_keys

AGENT = "agent"
CLIENT = "client"
ADMIN = "admin"
SCOPES = (AGENT, CLIENT, ADMIN)

_NOBODY = hashlib.sha256(b"no key has this secret's hash").hexdigest()


@dataclass(frozen=True)
class Caller:
    """A key that was recognised. ``server_id`` is the server of an agent's key."""

    key: str
    scope: str
    server_id: str | None

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
    """A key as it is listed; times in seconds since the epoch. ``by_pairing``: it was made for a one-time code."""

    key: str
    name: str
    scope: str
    server_id: str | None
    created_at: float
    revoked_at: float | None
    by_pairing: bool


class Keys:
    """The keys of one hub."""

    def __init__(self, database: Database, clock: Clock, random_hex: Callable[[int], str] = secrets.token_hex) -> None:
        self._database = database
        self._clock = clock
        self._random_hex = random_hex

    def create(self, name: str, scope: str, server_id: str | None = None) -> NewKey:
        """Make a key; an agent's key makes its server known.

        Raises:
            FieldError: as ``check``.
        """
        self.check(name, scope, server_id)
        return self._database.write(lambda connection: self.make(connection, name, scope, server_id))

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
        self, connection: Connection, name: str, scope: str, server_id: str | None, *, by_pairing: bool = False
    ) -> NewKey:
        """Make a key of checked values in a write transaction of the caller's."""
        made = NewKey(f"qm_{self._random_hex(12)}", self._random_hex(32), name, scope, server_id)
        now = self._clock()
        row = {
            "key": made.key,
            "secret_sha256": _hashed(made.secret),
            "name": name,
            "scope": scope,
            "server_id": server_id,
            "created_at": now,
            "by_pairing": by_pairing,
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

    def revoke(self, key: str) -> None:
        """Make a key useless from the next request on; a key that is revoked already stays so.

        Raises:
            NotFoundError: there is no such key.
        """
        now = self._clock()

        def work(connection: Connection) -> None:
            known = connection.execute(select(api_keys.c.key).where(api_keys.c.key == key)).first()
            if known is None:
                raise NotFoundError(f"there is no key {key[:80]!r}", code="key_not_found")
            revoke_where(connection, api_keys.c.key == key, now)

        self._database.write(work)

    def valid(self, keys: Collection[str]) -> set[str]:
        """Return those of these keys that are not revoked."""
        with self._database.read() as connection:
            query = select(api_keys.c.key).where(among(connection, api_keys.c.key, keys))
            return set(connection.scalars(query.where(api_keys.c.revoked_at.is_(None))))

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
        columns = (api_keys.c.key, api_keys.c.secret_sha256, api_keys.c.scope, api_keys.c.server_id)
        query = select(*columns).where(api_keys.c.key == pair[0], api_keys.c.revoked_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        # An unknown key is compared as well, so that its answer takes as long as a wrong secret's.
        same = hmac.compare_digest(_hashed(pair[1]), row.secret_sha256 if row else _NOBODY)
        if row is None or not same:
            raise UnauthorizedError("this API key is not valid", headers=challenge)
        return Caller(row.key, row.scope, row.server_id)


def revoke_where(connection: Connection, condition: ColumnElement[bool], now: float) -> int:
    """Revoke those of these keys that are valid, and tell so; return how many."""
    query = select(api_keys.c.key, api_keys.c.name, api_keys.c.scope, api_keys.c.server_id)
    found = connection.execute(query.where(condition, api_keys.c.revoked_at.is_(None)).with_for_update()).all()
    for row in found:
        connection.execute(update(api_keys).where(api_keys.c.key == row.key).values(revoked_at=now))
        data = {"key": row.key, "name": row.name, "scope": row.scope, "change": "revoked"}
        tell(connection, KEY_CHANGED, row.server_id, data=data)
    return len(found)


def name_of(connection: Connection, caller: Caller) -> str | None:
    """Return the name of the key that calls, for those who read later who did something."""
    name: str | None = connection.scalar(select(api_keys.c.name).where(api_keys.c.key == caller.key))
    return name


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


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
    # A NUL is text to Python and SQLite, and an error to PostgreSQL.
    return (key, secret) if colon and key and secret and "\x00" not in key else None
