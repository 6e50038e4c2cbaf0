"""Progress for a person who waits."""

import os
import shutil
import sys
import time

from ..extension.inventory.progress import Progress
from .output import printable, say

LINE_SECONDS = 5.0
"""How often a line is written where the output is no terminal."""


class RenewedLine:
    """One line on stderr that renews itself on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last_at = 0.0
        self._shown = ""

    def is_due(self) -> bool:
        """Tell whether enough time has gone by since the last time that this was true."""
        now = time.monotonic()
        if now - self._last_at < (0.2 if self._terminal else LINE_SECONDS):
            return False
        self._last_at = now
        return True

    def write(self, line: str) -> None:
        """Show this text in the place of the one before."""
        if self._terminal:
            line = printable(line)[: shutil.get_terminal_size().columns - 1]  # one that wraps could not be renewed
        if line == self._shown:
            return
        if self._terminal:
            encoding = sys.stderr.encoding or "utf-8"
            padded = line.ljust(len(self._shown)).encode(encoding, "replace").decode(encoding)
            print("\r" + padded, end="", file=sys.stderr, flush=True)
        else:
            say(line)
        self._shown = line

    def leave(self) -> None:
        """Go on below the line."""
        if self._terminal and self._shown:
            print(file=sys.stderr)
        self._shown = ""


class ProgressLine:
    """Shows the progress of hashing on stderr."""

    def __init__(self) -> None:
        self._line = RenewedLine()

    def show(self, progress: Progress) -> None:
        """Show where the work is, if enough time has gone by since the last time."""
        if self._line.is_due() and progress.files_total:
            self._line.write(describe(progress))

    def end(self, progress: Progress) -> None:
        """Show the final state and leave the line."""
        if progress.files_total:
            self._line.write(describe(progress))
        self._line.leave()


class AmountLine:
    """Shows on stderr how many bytes of some work are done: ``with AmountLine("copied") as line: … line.show(1, 2)``.

    Work that is done sooner than a line is due shows none.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._line = RenewedLine()
        self._line.is_due()

    def show(self, done_bytes: int, total_bytes: int | None) -> None:
        """Show this amount, of so much where that is known, if enough time has gone by since the last time."""
        if self._line.is_due():
            whole = "" if total_bytes is None else f" of {size(total_bytes)}"
            self._line.write(f"{self._word}: {size(done_bytes)}{whole}")

    def __enter__(self) -> "AmountLine":
        return self

    def __exit__(self, *_error: object) -> None:
        self._line.leave()


def describe(progress: Progress) -> str:
    """Return progress in words: files, bytes, rate and time left."""
    done = f"{progress.files_done} of {progress.files_total} files"
    amount = f"{size(progress.bytes_done)} of {size(progress.bytes_total)}"
    if progress.finished:
        rate = progress.bytes_done / max(progress.seconds, 0.001)
        return f"hashing: {done}, {amount}, done in {duration(progress.seconds)} ({size(rate)}/s)"
    left = "" if progress.eta_seconds is None else f", {duration(progress.eta_seconds)} left"
    return f"hashing: {done}, {amount}, {size(progress.rate)}/s{left}{_largest(progress)}"


def _largest(progress: Progress) -> str:
    """Name the largest file that is being read, and how far that is: of 12 GB one wants to know."""
    if not progress.current:
        return ""
    path, (read, whole) = max(progress.current.items(), key=lambda item: item[1][1])
    return f"; {os.path.basename(path)} {100 * read // max(whole, 1)} %"


def size(count: float) -> str:
    """Return a number of bytes with a fitting unit (powers of 1000, as disks and networks are sold)."""
    for unit in ("B", "kB", "MB", "GB"):
        if round(count, 1) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Return a time span as a person says it: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
