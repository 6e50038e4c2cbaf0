"""Reads the keys of a JSON object that came from outside: strict about what is read, indifferent to what is not.

Hub and agent may be one version apart, so keys that we do not know are left alone; a key that we need and that is
missing or of the wrong type is an error that names it.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from .errors import MalformedMessageError

T = TypeVar("T")

DIGEST_DIGITS = 16
"""Hex digits of an entry's, a bucket's or an inventory's digest."""

_HEX = frozenset("0123456789abcdefABCDEF")

_NAMES: dict[type, str] = {
    str: "a string", int: "an integer", float: "a number", bool: "true or false", list: "an array", dict: "an object",
}  # fmt: skip


class Fields:
    """The keys of one object; ``where`` is its own path in the message (empty for the message itself)."""

    def __init__(self, wire: object, where: str = "") -> None:
        if not isinstance(wire, Mapping):
            raise MalformedMessageError(where or "the message", "must be an object")
        self.wire: Mapping[str, Any] = wire
        self._where = where

    def path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def need(self, key: str, kind: type[T]) -> T:
        """Return a key's value, which must be there and of that kind (an integer counts as a number too).

        Raises:
            MalformedMessageError: it is not.
        """
        value = self.wire.get(key)
        if value is None:
            raise MalformedMessageError(self.path(key), "is missing")
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise MalformedMessageError(self.path(key), f"must be {_NAMES[kind]}")
        return value

    def may(self, key: str, kind: type[T]) -> T | None:
        """Return a key's value, or None where it is missing or null.

        Raises:
            MalformedMessageError: it is of another kind.
        """
        return None if self.wire.get(key) is None else self.need(key, kind)

    def items(self, key: str, kind: type[T]) -> tuple[T, ...]:
        """Return an array's items, all of that kind; empty where the key is missing or null.

        Raises:
            MalformedMessageError: it is no array, or an item is of another kind.
        """
        found = self.may(key, list) or []
        for index, item in enumerate(found):
            if not isinstance(item, kind) or (isinstance(item, bool) and kind is not bool):
                raise MalformedMessageError(f"{self.path(key)}[{index}]", f"must be {_NAMES[kind]}")
        return tuple(found)


def hex_digits(value: object, digits: int, path: str) -> str:
    """Return a string of so many hex digits in lower case; ``path`` is where it stands in the message.

    Raises:
        MalformedMessageError: it is anything else.
    """
    if not isinstance(value, str) or len(value) != digits or not _HEX.issuperset(value):
        raise MalformedMessageError(path, f"must be {digits} hex digits")
    return value.lower()
