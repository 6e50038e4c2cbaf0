"""What an inventory could not take in, said so that a person can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One file or folder that is passed over.

    ``path`` is for showing only: bytes that are not UTF-8 stand in it as ``\\xNN``. ``what`` is a sentence that says
    why it is passed over and, where a person can do something about it, what.
    """

    path: str
    what: str


def shown(path: str) -> str:
    """Return a path that every terminal, log and JSON reader can hold: undecodable bytes become ``\\xNN``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
