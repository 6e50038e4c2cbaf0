"""Commands as a person runs them: real processes with a home of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 120.0
COMMAND = [sys.executable, "-m", "quartermaster"]
_OURS = ("QUARTERMASTER_", "XDG_", "PYTHON", "LC_", "LANG")


@dataclass
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """Return the lines of stdout as JSON; they must be ASCII."""
        assert self.out.isascii(), self.out
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Running:
    """A command that runs, its stderr going to a file so that no pipe of it fills up."""

    process: "subprocess.Popen[str]"
    errors: Path

    def event(self, name: str) -> dict[str, Any]:
        """Read lines of JSON until the event of this name comes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if (found := json.loads(line)).get("event") == name:
                assert isinstance(found, dict)
                return found
        raise AssertionError(f"no {name!r}; {self.errors.read_text()}")

    def line_with(self, text: str) -> str:
        """Read lines of stdout until one holds this text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"no {text!r}; {self.errors.read_text()}")

    def err(self) -> str:
        return self.errors.read_text(encoding="utf-8", errors="surrogateescape")

    def stop(self, number: signal.Signals = signal.SIGINT) -> Ended:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Ended(self.process.returncode, out, self.err())


@dataclass
class Home:
    """A user's home folder, and the environment of the processes of that user."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "share" / "quartermaster"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        share = str(self.folder / "share")
        return {**kept, "HOME": str(self.folder), "XDG_DATA_HOME": share, "LOCALAPPDATA": share, **self.more}

    def run(self, *arguments: str | bytes, **options: Any) -> Ended:
        """Run a command to its end."""
        ended = subprocess.run(
            [*COMMAND, *arguments], env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=PATIENCE_SECONDS, encoding="utf-8", errors="surrogateescape", check=False,
            **options,
        )  # fmt: skip
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[Running]:
        """Run a command meanwhile; one that still runs at the end is killed."""
        errors = self.folder / "stderr.txt"
        with errors.open("w") as file:
            process = subprocess.Popen(
                [*COMMAND, *arguments], env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=file, text=True, encoding="utf-8",
            )  # fmt: skip
        try:
            yield Running(process, errors)
        finally:
            process.kill()
            process.communicate()


class Killable:
    """A command that is killed and started again; it runs while the context is open. Its log has all that it prints."""

    def __init__(self, home: Home, log: Path, *arguments: str) -> None:
        self._home, self.log, self._arguments = home, log, arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    @property
    def runs(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, *self._arguments], env=self._home.environment(), cwd=self._home.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """End it as ``kill -9`` does; it must have been alive."""
        assert self._process is not None and self._process.poll() is None, self.log.read_text(errors="replace")
        self._end()
        self.kills += 1

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Killable":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
