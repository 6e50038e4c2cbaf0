"""What a route is asked, as values that a view can be tested with: no web framework in here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


class RouteError(Exception):
    """A request cannot be answered: status, code and a sentence for a person."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}


@dataclass(frozen=True)
class Question:
    """What a view is asked: query parameters (the last of a name, and all of it) and the body."""

    query: dict[str, str]
    lists: dict[str, list[str]]
    body: dict[str, Any]
    image: bytes | None = None

    def text(self, name: str, default: str = "", *, longest: int = 2000) -> str:
        """Return a query parameter.

        Raises:
            RouteError: it is too long.
        """
        value = self.query.get(name, default)
        if len(value) > longest:
            raise RouteError(422, "invalid_field", f"{name} is longer than {longest} characters", {"field": name})
        return value

    def number(self, name: str, default: int, most: int) -> int:
        """Return a query parameter that is a whole number from 0 to ``most``.

        Raises:
            RouteError: it is none.
        """
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
            raise RouteError(422, "invalid_field", f"{name} must be a whole number up to {most}", {"field": name})
        return int(text)

    def choice(self, name: str, choices: frozenset[str], default: str) -> str:
        """Return a query parameter that is one of some words.

        Raises:
            RouteError: it is none of them.
        """
        value = self.query.get(name) or default
        if value not in choices:
            known = ", ".join(sorted(filter(None, choices)))
            raise RouteError(422, "invalid_field", f"{name} must be one of: {known}", {"field": name})
        return value

    def words(self, name: str, most: int) -> list[str]:
        """Return a list of texts of the body.

        Raises:
            RouteError: it is none, empty, or longer than ``most``.
        """
        value = self.body.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise RouteError(422, "invalid_field", f"{name} must be a list of texts", {"field": name})
        if not 1 <= len(value) <= most:
            raise RouteError(422, "invalid_field", f"{name} must have 1 to {most} items", {"field": name})
        return value

    def given(self, name: str, kind: type, default: Any = None) -> Any:
        """Return a value of the body, ``default`` where it is missing or null.

        Raises:
            RouteError: it is of another type.
        """
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise RouteError(422, "invalid_field", f"{name} is of the wrong type", {"field": name})
        return value


@dataclass(frozen=True)
class File:
    """An answer that is not JSON."""

    content: bytes
    media_type: str


Answer: TypeAlias = dict[str, Any] | File
View: TypeAlias = Callable[[Question], Answer]


@dataclass(frozen=True)
class Route:
    """One route: ``view`` runs in a thread of its own."""

    method: str
    path: str
    view: View
