"""What commands print and how they end: answers on stdout, everything said besides on stderr."""

import argparse
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

DONE = 0
NO = 1
"""The answer is no: nothing found, a check failed, a server lacks the model."""
WRONG_USE = 2
UNREACHABLE = 3
"""The hub could not be reached."""
ABORTED = 130
"""Ctrl-C ended a command that was not finished (128 + SIGINT, as shells count)."""

VERBOSE_HELP = "more on stderr; twice for everything"


def add_verbose_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``-v`` to a command's own arguments, beside that of the whole program."""
    parser.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS, help=VERBOSE_HELP)


class CommandError(Exception):
    """A command cannot go on; the message says what to do, ``exit_code`` how the process ends."""

    def __init__(self, message: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def emit(answer: object) -> None:
    """Print one answer as a line of ASCII JSON on stdout."""
    print(json.dumps(answer, ensure_ascii=True), flush=True)


def tell(text: str = "") -> None:
    """Print one line of an answer for a person on stdout; what the terminal cannot show is escaped."""
    _print(text, sys.stdout)


def say(text: str) -> None:
    """Print one line for a person on stderr."""
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def printable(text: str) -> str:
    """Return the text as one line that drives no terminal: control characters are escaped, line breaks among them.

    A file's name can hold any. Bytes of a name that are no text (which Python has as lone surrogates) become ``\\xNN``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    return f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else repr(c)[1:-1]


class LogFormatter(logging.Formatter):
    """Formats what the rooms log, a line each: names of files stand in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name that logging gives it)
        return printable(super().formatMessage(record))


def command_line(*arguments: str) -> str:
    """Return a command of ours for a person to type, as this process was started: it may not be on the search path."""
    program = [sys.executable, "-m", "quartermaster"]
    script = Path(sys.executable).with_name("quartermaster.exe" if os.name == "nt" else "quartermaster")
    if script.exists():
        known = shutil.which("quartermaster")
        program = ["quartermaster"] if known and os.path.samefile(known, script) else [str(script)]
    words = [*program, *arguments]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
