"""Ids as a segment of a path that is asked for."""

from urllib.parse import quote

from .errors import SetupError


def segment(identifier: str, of_what: str) -> str:
    """Return an id as one segment of a path; ``of_what`` is what it names, for the error.

    Raises:
        SetupError: it would change the path that is asked.
    """
    if identifier in {"", ".", ".."}:
        raise SetupError(f"{identifier!r} cannot be the id of {of_what}: give it a name")
    return quote(identifier, safe="")
