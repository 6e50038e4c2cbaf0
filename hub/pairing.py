"""Pairing: a one-time code that a person reads from the hub's screen and types at a web UI, in place of a key.

A code has 40 random bits and lives for ten minutes, so it is short enough to be read aloud; guessing is slowed down
by ``attempts``, and whoever reads the database finds a hash that is dear to compute. Times are the machine's wall
clock, not the hub's steady one: the code is made by another process than the one that takes it.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from . import fields
from .attempts import Attempts
from .clock import Clock
from .database import Database
from .errors import FieldError, NotFoundError
from .keys import AGENT, Caller, Keys, NewKey
from .schema import pairing_codes
from .trust.audit import note
from .trust.tokens import same

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters, five bits each; no 0, 1, I or O, which people mistake for each other."""
CHARACTERS = 8
LIFETIME_SECONDS = 600.0
_SKEW_SECONDS = 60.0
"""How far the clocks of two machines that share a database may be apart."""
_ROUNDS = 100_000
_MAX_TEXT = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewCode:
    """A code that was just made: the only time that it is known. ``expires_at`` in seconds since the epoch."""

    code: str
    server_id: str
    expires_at: float


class Pairing:
    """The pairing codes of one hub."""

    def __init__(self, database: Database, clock: Clock, keys: Keys, attempts: Attempts) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._attempts = attempts

    def make(self, server_id: str, name: str | None = None, caller: Caller | None = None) -> NewCode:
        """Make a code for a server's agent; ``name`` is what the key will be called; no caller: the console.

        Raises:
            FieldError: the server's id or the name is wrong.
        """
        name = f"{server_id}, paired"[:100] if name is None else name
        self._keys.check(name, AGENT, server_id)
        code = "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS))
        now = self._clock()
        made = NewCode(f"{code[:4]}-{code[4:]}", server_id, now + LIFETIME_SECONDS)
        row = {"code_hash": _hashed(code), "server_id": server_id, "name": name, "created_at": now}

        def work(connection: Connection) -> None:
            connection.execute(delete(pairing_codes).where(pairing_codes.c.expires_at <= now))
            connection.execute(pairing_codes.insert().values(**row, expires_at=made.expires_at))
            note(connection, caller, "pairing_code_made", server_id, {"name": name})

        self._database.write(work)
        return made

    def redeem(self, body: Mapping[str, Any], address: str) -> NewKey:
        """Return the key that ``{"code": …}`` is good for, which it is once; ``address`` is where the request is from.

        Raises:
            FieldError: there is no code in the body.
            RateLimitedError: there were too many attempts.
            NotFoundError: the code is unknown, used or expired (``pairing_code_invalid``): the answer does not say
                which.
        """
        text = fields.required(body, "code")
        if not isinstance(text, str) or len(text) > _MAX_TEXT:
            raise FieldError("code", "must be the code that `quartermaster hub pair` printed, as text")
        self._attempts.take(address)
        found = self._open_code(_hashed(_plain(text)))
        made = None if found is None else self._database.write(lambda connection: self._use(connection, found, address))
        if made is None:
            _log.warning("a pairing code from %s was refused", address)
            raise NotFoundError(
                "this pairing code is not valid: it was mistyped, was used already, or is older than ten minutes. "
                "Make a new one on the hub's machine with: quartermaster hub pair --server ID",
                code="pairing_code_invalid",
            )
        _log.info("the key %s was made for the server %r by pairing from %s", made.key, made.server_id, address)
        return made

    def _open_code(self, hashed: str) -> str | None:
        """Return the stored hash that equals this one; every open code is compared, each in the same time."""
        with self._database.read() as connection:
            stored = connection.scalars(select(pairing_codes.c.code_hash).where(*self._open())).all()
        found = [each for each in stored if same(each, hashed)]
        return found[0] if found else None

    def _open(self) -> tuple[Any, ...]:
        now = self._clock()
        codes = pairing_codes.c
        return codes.used_at.is_(None), codes.expires_at > now, codes.created_at <= now + _SKEW_SECONDS

    def _use(self, connection: Connection, hashed: str, address: str) -> NewKey | None:
        """Use the code up and make its key, or return None where another request was first."""
        mine = update(pairing_codes).where(pairing_codes.c.code_hash == hashed, *self._open())
        if connection.execute(mine.values(used_at=self._clock())).rowcount != 1:
            return None
        query = select(pairing_codes.c.name, pairing_codes.c.server_id).where(pairing_codes.c.code_hash == hashed)
        code = connection.execute(query).one()
        made = self._keys.make(connection, code.name, AGENT, code.server_id, by_pairing=True)
        who = Caller(made.key, AGENT, made.server_id, made.name)
        note(connection, who, "key_paired", made.key, {"name": made.name, "server_id": made.server_id, "from": address})
        return made


def _plain(text: str) -> str:
    """Return a code as it was made, from how people type it."""
    return "".join(text.split()).replace("-", "").upper()


def _hashed(code: str) -> str:
    # One salt for all: what is asked for must be found, and 2**40 values of this cost are no table anybody makes.
    salt = b"quartermaster pairing code"
    return hashlib.pbkdf2_hmac("sha256", code.encode("utf-8", "surrogatepass"), salt, _ROUNDS).hex()
