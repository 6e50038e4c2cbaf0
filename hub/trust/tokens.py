"""Secrets that this hub makes up itself: how they are drawn, what the database keeps of them, how they are compared.

Each has 256 random bits, so one SHA-256 keeps it as safe as a slow hash would. A token is looked up by that hash: what
the time of a look-up tells is about the hash, from which nobody finds the token.
"""

import hashlib
import hmac
import secrets

_BYTES = 32


def new_token() -> str:
    """Return a new secret that may stand in a URL or a cookie."""
    return secrets.token_urlsafe(_BYTES)


def hashed(secret: str) -> str:
    """Return what the database keeps of a secret: its SHA-256 as 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets, or their hashes, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def derived(token: str, purpose: str) -> str:
    """Return another secret that follows from a token, and from which the token does not follow."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), purpose.encode(), hashlib.sha256).hexdigest()
