"""Turns an error answer into the error that it means; answers are ``{"success": false, "error": …, "message": …}``."""

import json
from collections.abc import Mapping
from typing import Any

import requests

from .credentials import Credentials
from .errors import (
    BadAnswerError,
    ConflictError,
    ForbiddenError,
    HubError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    ServerFaultError,
    UnauthorisedError,
)
from .retry import retry_after_seconds

_BY_STATUS: Mapping[int, type[RefusedError]] = {
    401: UnauthorisedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}
_ADVICE: Mapping[type[RefusedError], str] = {
    UnauthorisedError: "check QUARTERMASTER_API_KEY and QUARTERMASTER_API_SECRET, or the key file",
    ForbiddenError: "use a key whose scope and server allow it",
    RateLimitedError: "ask less often",
    ServerFaultError: "its log says why",
}
_PROXY_SPEAKS_TOO = frozenset({401, 403, 413, 429})
"""What a proxy in front of a hub answers in its own words; any other 4xx without a hub's shape is no hub's."""

_MAX_MESSAGE_LENGTH = 500
_SHORTEST_SECRET = 6
"""A shorter key is nobody's secret (a hub's have 27 characters), and would be cut out of ordinary words."""


def refusal(response: requests.Response, content: bytes, hub: str, credentials: Credentials | None) -> HubError:
    """Return the error for an answer that is neither a success nor a redirect; ``hub`` is the address to name."""
    status = response.status_code
    answer = _error_object(content)
    kind = ServerFaultError if status >= 500 else _BY_STATUS.get(status, InvalidRequestError)
    if not 400 <= status < 600 or (answer is None and status < 500 and status not in _PROXY_SPEAKS_TOO):
        return BadAnswerError(f"what answers at {hub} is not a hub (it said HTTP {status}): check the address")
    words = f"HTTP {status}"
    if answer is not None and isinstance(answer.get("message"), str):
        words = f"{_clean(answer['message'], credentials)} (HTTP {status})"
    advice = f": {_ADVICE[kind]}" if kind in _ADVICE else ""
    details = answer.get("details") if answer else None
    return kind(
        f"the hub at {hub} says {words}{advice}",
        status=status,
        code=answer["error"] if answer else None,
        details=details if isinstance(details, Mapping) else None,
        retry_after_seconds=retry_after_seconds(response.headers),
    )


def _error_object(content: bytes) -> dict[str, Any] | None:
    """Return the answer where it has a hub's shape, else None."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and isinstance(answer.get("error"), str) else None


def _clean(text: str, credentials: Credentials | None) -> str:
    """Return a hub's words on one line, bounded, and without our key, should it repeat that."""
    for private in () if credentials is None else (credentials.secret, credentials.key):
        if len(private) >= _SHORTEST_SECRET:
            text = text.replace(private, "…")
    text = "".join(c if c.isprintable() else " " for c in text).strip().rstrip(".")
    return text if len(text) <= _MAX_MESSAGE_LENGTH else text[:_MAX_MESSAGE_LENGTH] + "…"
