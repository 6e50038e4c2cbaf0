"""The key that a hub knows us by: from the environment or from a file, never from a command line."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.auth import AuthBase

from .errors import CredentialsError

KEY_VARIABLE = "QUARTERMASTER_API_KEY"
SECRET_VARIABLE = "QUARTERMASTER_API_SECRET"  # noqa: S105 (the name of a variable, not a secret)
MAX_KEY_FILE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A key and its secret, as ``quartermaster hub key create`` prints them; its repr shows neither.

    Raises:
        CredentialsError: one of them is empty or holds what cannot stand in an HTTP header.
    """

    key: str
    secret: str

    def __post_init__(self) -> None:
        for name, value in (("key", self.key), ("secret", self.secret)):
            if not value or not value.isascii() or not value.isprintable() or " " in value:
                raise CredentialsError(f"the API {name} is empty or was not copied whole: it is one printable word")

    def __repr__(self) -> str:
        return "Credentials(…)"


class KeyHeaders(AuthBase):
    """Puts the key on each request, or with None nothing.

    An auth object rather than headers: requests would otherwise look into ``.netrc`` and add a login of its own.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._credentials is not None:
            request.headers["X-API-Key"] = self._credentials.key
            request.headers["X-API-Secret"] = self._credentials.secret
        return request


def find_credentials(key_file: Path | None, environ: Mapping[str, str]) -> Credentials | None:
    """Return the credentials: those of the file where one is named, else the environment's, else None.

    Raises:
        CredentialsError: the file cannot be read or trusted, or only half a key is in the environment.
    """
    if key_file is not None:
        return read_key_file(key_file)
    key, secret = environ.get(KEY_VARIABLE, "").strip(), environ.get(SECRET_VARIABLE, "").strip()
    if not key and not secret:
        return None
    if not key or not secret:
        there, missing = (KEY_VARIABLE, SECRET_VARIABLE) if key else (SECRET_VARIABLE, KEY_VARIABLE)
        raise CredentialsError(f"{there} is set but {missing} is not: a key has both")
    return Credentials(key, secret)


def read_key_file(path: Path) -> Credentials:
    """Read a JSON file ``{"key": "…", "secret": "…"}`` that nobody but its owner may read (Windows: not checked).

    Raises:
        CredentialsError: it is not there, not such a file, or open to others; the message says what to do.
    """
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise CredentialsError(f"others may read the key file {path} (mode {mode:04o}): run chmod 600 '{path}'")
            content = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise CredentialsError(f"the key file {path} cannot be read: {error.strerror or error}") from error
    try:
        if len(content) > MAX_KEY_FILE_BYTES:
            raise ValueError("too long")
        found = json.loads(content)
        key, secret = found["key"], found["secret"]
        if not isinstance(key, str) or not isinstance(secret, str):
            raise TypeError("not text")
    except (ValueError, TypeError, KeyError, RecursionError):
        # Without the cause: a traceback of it could show what the file holds.
        message = (
            f'the key file {path} does not hold {{"key": "…", "secret": "…"}}: save there what `hub key create` prints'
        )
        raise CredentialsError(message) from None
    return Credentials(key, secret)
