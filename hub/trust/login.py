"""Logging in to the web page: with a one-time link, or with an API key and its secret."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete

from ..attempts import Attempts
from ..database import Database
from ..errors import FieldError
from ..keys import Caller, Keys
from ..schema import sessions
from .audit import note
from .login_codes import LoginCodes
from .sessions import NewSession, Sessions
from .tokens import hashed


class Login:
    """The door of one hub's web page."""

    def __init__(
        self, database: Database, keys: Keys, codes: LoginCodes, sessions: Sessions, attempts: Attempts
    ) -> None:
        self._database = database
        self._keys = keys
        self._codes = codes
        self._sessions = sessions
        self._attempts = attempts

    def enter(self, form: Mapping[str, str], address: str, browser: str, replaced: str | None) -> NewSession:
        """Return the session that ``code``, or ``key`` and ``secret``, are good for.

        Args:
            form: The fields.
            address: Where the person is.
            browser: What the browser says it is.
            replaced: The token of the session that this browser has now; it ends.

        Raises:
            RateLimitedError: there were too many attempts.
            NotFoundError: the code is not valid.
            UnauthorizedError: the key is not.
            FieldError: there is neither.
        """
        self._attempts.take(address)
        code, key, secret = (form.get(name, "").strip() for name in ("code", "key", "secret"))
        if not code and not (key and secret):
            raise FieldError("key", "a key and its secret are required", missing=True)

        def work(connection: Connection) -> NewSession:
            if caller is None:
                self._codes.use(connection, code)
            return self._sessions.open(connection, caller, address, browser, replaced)

        caller = None if code else self._keys.recognise(key, secret, None)
        return self._database.write(work)

    def leave(self, token: str, caller: Caller) -> None:
        """End the session with this token."""

        def work(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.token_hash == hashed(token)))
            note(connection, caller, "logout", caller.session_id, {})

        self._database.write(work)
