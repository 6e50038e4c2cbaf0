"""One-time links to the web page: whoever can start the hub, or use its console, logs in without a key.

A code works once and for a day. Times are the machine's wall clock: the code is often made by another process than the
one that takes it.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection, delete, select, update

from ..ages import iso_time
from ..clock import Clock
from ..database import Database
from ..errors import NotFoundError
from ..keys import Caller
from ..schema import hub_identity, login_codes
from .audit import note
from .tokens import hashed, new_token

LIFETIME_SECONDS = 24 * 3600.0
SKEW_SECONDS = 60.0
"""How far the clocks of two machines that share a database may be apart."""


@dataclass(frozen=True)
class NewLoginCode:
    """A code that was just made: the only time that it is known. ``expires_at`` in seconds since the epoch."""

    code: str
    expires_at: float

    def link(self, address: str) -> str:
        """Return the link that takes this code, at a hub's address."""
        return f"{address}/login?{urlencode({'code': self.code})}"


class LoginCodes:
    """The codes of one hub's login links."""

    def __init__(self, database: Database, wall_clock: Clock) -> None:
        self._database = database
        self._clock = wall_clock

    def make(self, caller: Caller | None = None) -> NewLoginCode:
        """Make a code, for the console where there is no caller; those that were made before stay good."""
        now = self._clock()
        made = NewLoginCode(new_token(), now + LIFETIME_SECONDS)
        row = {"code_hash": hashed(made.code), "created_at": now, "expires_at": made.expires_at}

        def work(connection: Connection) -> None:
            connection.execute(delete(login_codes).where(login_codes.c.expires_at <= now))
            connection.execute(login_codes.insert().values(**row))
            note(connection, caller, "login_link_made", None, {"expires_at": iso_time(made.expires_at)})

        self._database.write(work)
        return made

    def first(self) -> NewLoginCode | None:
        """Return a new code where nobody ever logged in to this hub's page, else None."""
        with self._database.read() as connection:
            used = connection.scalar(select(hub_identity.c.first_login_at))
        return self.make() if used is None else None

    def use(self, connection: Connection, code: str) -> None:
        """Use a code up, in a write transaction of the caller's.

        Raises:
            NotFoundError: it is unknown, used or expired (``login_code_invalid``): the answer does not say which.
        """
        now = self._clock()
        codes = login_codes.c
        mine = update(login_codes).where(
            codes.code_hash == hashed(code),
            codes.used_at.is_(None),
            codes.expires_at > now,
            codes.created_at <= now + SKEW_SECONDS,
        )
        if connection.execute(mine.values(used_at=now)).rowcount != 1:
            raise NotFoundError(
                "this login link is not valid: it was used already, or is older than a day. Make a new one on the "
                "hub's machine with: quartermaster hub login",
                code="login_code_invalid",
            )
