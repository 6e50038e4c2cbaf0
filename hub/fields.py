"""Checks of JSON fields that came from outside; each raises FieldError with the field's name."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import FieldError, TooLargeError
from .hashes import is_hex

MAX_INTEGER = (1 << 63) - 1
"""The largest integer that both databases hold."""

_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
_SERVER_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff/\\]{1,100}")


def is_clean(value: str) -> bool:
    """Say whether text is free of control characters and of halves of surrogate pairs."""
    return _UNUSABLE.search(value) is None


def without_unusable(value: str) -> str:
    """Return text without control characters and halves of surrogate pairs: what a stranger's text may be kept as."""
    return _UNUSABLE.sub(" ", value)


def required(body: Mapping[str, Any], name: str) -> Any:
    """Return a field that must be there."""
    if body.get(name) is None:
        raise FieldError(name, "this field is required", missing=True)
    return body[name]


def text(body: Mapping[str, Any], name: str, limit: int) -> str | None:
    """Return a field of printable text, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > limit or _UNUSABLE.search(value):
        raise FieldError(name, f"must be text of 1 to {limit} characters without control characters")
    return value


def integer(body: Mapping[str, Any], name: str, low: int = 0, high: int = MAX_INTEGER) -> int | None:
    """Return a field that is an integer in a range, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise FieldError(name, f"must be an integer from {low} to {high}")
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return a field that is true or false, false where it is absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise FieldError(name, "must be true or false")
    return bool(value)


def number(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    """Return a field that is a number in a range, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) not in {int, float} or not low <= value <= high:
        raise FieldError(name, f"must be a number from {low:g} to {high:g}")
    return float(value)


def hexadecimal(body: Mapping[str, Any], name: str, digits: int) -> str | None:
    """Return a field of exactly so many hex digits in lower case, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if not is_hex(value, digits):
        raise FieldError(name, f"must be {digits} hex digits")
    assert isinstance(value, str)
    return value.lower()


def sha256_list(value: object, name: str, limit: int) -> list[str]:
    """Return a list of SHA-256 values in lower case.

    Raises:
        FieldError: it is something else.
        TooLargeError: it has more than ``limit``.
    """
    if not isinstance(value, list) or not all(is_hex(text, 64) for text in value):
        raise FieldError(name, "must be a list of SHA-256 values, 64 hex digits each")
    if len(value) > limit:
        raise TooLargeError(
            f"{name}: {len(value)} in one request; at most {limit} are taken",
            {"field": name, "limit": limit},
            code="too_many_entries",
        )
    return [text.lower() for text in value]


def server_id(value: object, field: str = "server_id") -> str:
    """Return a server's id: 1 to 100 printable characters, no slash, no white space at its ends, not only dots."""
    if not isinstance(value, str) or not _SERVER_ID.fullmatch(value) or value != value.strip() or not value.strip("."):
        raise FieldError(field, "must be 1 to 100 printable characters without / and \\")
    return value


def choice(body: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str | None:
    """Return a field that is one of some words, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if value not in allowed:
        raise FieldError(name, f"must be one of {', '.join(allowed)}")
    assert isinstance(value, str)
    return value


def trigger_words(value: object) -> list[str] | None:
    """Return trigger words from a list that anybody may have written, bounded; None where there are none."""
    if not isinstance(value, list):
        return None
    return [word.strip()[:500] for word in value[:200] if isinstance(word, str) and word.strip()] or None


def deeper_than(value: object, depth: int) -> bool:
    """Say whether lists and objects are nested more than ``depth`` levels deep."""
    level = [value]
    for _ in range(depth):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def kept_json(value: object, name: str, limit_bytes: int, depth: int) -> str:
    """Return JSON as the ASCII text that is stored, within limits of size and depth."""
    if deeper_than(value, depth):
        raise FieldError(name, f"must not be nested more than {depth} levels deep")
    kept = _encode(value)
    if len(kept) > limit_bytes:
        raise FieldError(name, f"must not be longer than {limit_bytes} bytes as JSON")
    return kept
