"""What is known of a request beside itself, kept in its scope: its id, and whose key it came with."""

import re
import secrets

from starlette.types import Scope

_ID = "quartermaster.request_id"
_KEY = "quartermaster.key"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def request_id_of(scope: Scope) -> str:
    """Return a request's id: the one that a proxy gave it where that is short and clean, else one of ours."""
    if _ID not in scope:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        scope[_ID] = given.decode("ascii") if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(8)
    return str(scope[_ID])


def note_key(scope: Scope, key: str) -> None:
    """Remember with which key, never with which secret, a request was made."""
    scope[_KEY] = key


def key_of(scope: Scope) -> str | None:
    """Return the key that a request was made with, as far as it is known by now."""
    return scope.get(_KEY)
