"""What commands print and how they end: answers on stdout, everything said besides on stderr."""

import json
import sys

DONE = 0
NO = 1
"""The answer is no: nothing found, a check failed, a server lacks the model."""
WRONG_USE = 2
UNREACHABLE = 3
"""The hub could not be reached."""
ABORTED = 130
"""Ctrl-C ended a command that was not finished (128 + SIGINT, as shells count)."""


class CommandError(Exception):
    """A command cannot go on; the message says what to do, ``exit_code`` how the process ends."""

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def emit(answer: object) -> None:
    """Print one answer as a line of ASCII JSON on stdout."""
    print(json.dumps(answer, ensure_ascii=True), flush=True)


def tell(text: str) -> None:
    """Print a line of an answer for a person on stdout; what the terminal cannot show is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), flush=True)


def say(text: str) -> None:
    """Print a line for a person on stderr."""
    encoding = sys.stderr.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return the text with control characters escaped: a file name must not be able to drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
