"""Reads single values of a job as clients send them: numbers as text too, and flags as words. Pure functions.

StableQueue's clients take values from a form and send ``"20"`` where A1111's send ``20``; an empty text says nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from ...ecosystems.infotext import resource as roles
from ...ecosystems.infotext.resource import model_hash
from .. import fields
from ..errors import FieldError

Reader = Callable[[object, str], Any]
"""Takes a value and the path of its field; returns the value as it is kept, None where nothing is said.

Raises FieldError where it is none.
"""

LOOSE_CHARACTERS = 1_000_000
"""Of a text that no field of the web UI's own is for."""

_INTEGER = re.compile(r"\s*[-+]?[0-9]{1,20}\s*")
_NUMBER = re.compile(r"\s*[-+]?[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE][-+]?[0-9]{1,2})?\s*")
_UNUSABLE_IN_PROMPT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_WORDS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


def number(low: float, high: float) -> Reader:
    """Return what reads a number in a range."""

    def read(value: object, where: str) -> float | None:
        if isinstance(value, str):
            if not value.strip():
                return None
            value = float(value) if _NUMBER.fullmatch(value) else value
        if type(value) not in {int, float} or not low <= value <= high:  # type: ignore[operator] # it is a number
            raise FieldError(where, f"must be a number from {low:g} to {high:g}")
        return value  # type: ignore[return-value]

    return read


def integer(low: int, high: int) -> Reader:
    """Return what reads a whole number in a range."""

    def read(value: object, where: str) -> int | None:
        if isinstance(value, str):
            if not value.strip():
                return None
            value = _whole(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise FieldError(where, f"must be a whole number from {low} to {high}")
        return value

    return read


def _whole(text: str) -> object:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def flag(value: object, where: str) -> bool | None:
    """Read true or false, also as the word or as 1 and 0."""
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _WORDS.get(value.strip().lower(), value)
    if type(value) is int and value in {0, 1}:
        value = bool(value)
    if not isinstance(value, bool):
        raise FieldError(where, "must be true or false")
    return value


def word(limit: int) -> Reader:
    """Return what reads a name: printable text on one line."""

    def read(value: object, where: str) -> str | None:
        if not isinstance(value, str) or len(value) > limit or not fields.is_clean(value):
            raise FieldError(where, f"must be text of at most {limit} characters without control characters")
        return value.strip() or None

    return read


def prompt(limit: int) -> Reader:
    """Return what reads a text of several lines."""

    def read(value: object, where: str) -> str:
        if not isinstance(value, str):
            raise FieldError(where, "must be text")
        if len(value) > limit:
            raise FieldError(where, f"must be at most {limit} characters; it has {len(value)}")
        if _UNUSABLE_IN_PROMPT.search(value):
            raise FieldError(where, "must not hold control characters other than line ends and tabs")
        return value

    return read


def loose(value: object, where: str) -> Any:
    """Read a single value of which nothing is known but that a web UI takes it: what scripts and settings have."""
    if isinstance(value, str):
        return prompt(LOOSE_CHARACTERS)(value, where)
    if type(value) is int and abs(value) > fields.MAX_INTEGER:
        raise FieldError(where, f"must be a number from {-fields.MAX_INTEGER} to {fields.MAX_INTEGER}")
    return value


def read_hash(value: object, where: str) -> list[str]:
    """Return a hash that can be looked up as a list of one; none for nothing and for A1111's old one of 8 digits."""
    if value is None or (isinstance(value, str) and value.strip().lower() in roles.NO_FILE):
        return []
    digits = model_hash(value)
    if digits is None or len(digits) not in {8, 10, 12, 64}:
        raise FieldError(where, "must be 10 (AutoV2), 12 (AutoV3) or 64 (SHA-256) hex digits")
    return [digits] if len(digits) > 8 else []


def several(read: Reader, limit: int) -> Reader:
    """Return what reads a list of such values; a single one is a list of one."""

    def read_all(value: object, where: str) -> list[Any]:
        listed = value if isinstance(value, list) else [value]
        if len(listed) > limit:
            raise FieldError(where, f"must be at most {limit} values")
        found = [read(each, f"{where}[{number}]") for number, each in enumerate(listed)]
        return [each for each in found if each is not None]

    return read_all


def mapping(value: object, where: str) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise FieldError(where, "must be an object")
    return value
