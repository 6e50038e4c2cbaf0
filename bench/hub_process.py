"""A real hub in a process of its own, on SQLite, for a while; it tells what CPU time it has used.

Run as a program, this module is that process: ``quartermaster hub serve``, and a thread that answers on stdout.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub_client import Credentials

_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class HubProcess:
    """A hub that runs."""

    address: str
    process: "subprocess.Popen[str]"

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that it has used, all its threads."""
        return self._used()["cpu_seconds"]

    def memory_bytes(self) -> float:
        """Return the most memory that it ever used at once, 0 where the system does not say."""
        return self._used()["memory_bytes"]

    def _used(self) -> dict[str, float]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        used: dict[str, float] = json.loads(self.process.stdout.readline())
        return used


def make_key(data: Path) -> Credentials:
    """Make the database of a hub, and a key that may write every server."""
    hub = Hub(HubSettings(data))
    try:
        made = hub.keys.create("bench", "admin")
    finally:
        hub.close()
    return Credentials(made.key, made.secret)


@contextmanager
def hub_process(data: Path, database_url: str | None = None) -> Iterator[HubProcess]:
    """Run a hub over a data folder (and a PostgreSQL, where its URL is given), on a free port.

    Its log, a line for each request, is written as in use, but goes to a file that nobody reads.

    Raises:
        RuntimeError: it did not start; the message is what it said.
    """
    command = [sys.executable, "-m", __name__, str(data)]
    pipe = subprocess.PIPE
    # One key stands for a whole fleet here: what it may ask in a minute is not what is measured.
    environment = {**os.environ, "QUARTERMASTER_REQUESTS_PER_MINUTE": "0"}
    environment |= {"QUARTERMASTER_DATABASE_URL": database_url} if database_url else {}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=log, text=True, encoding="utf-8", env=environment
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.wait(_STOP_SECONDS)
                log.seek(0)
                raise RuntimeError(f"the hub did not start: {log.read()}")
            yield HubProcess(json.loads(line)["address"], process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()


def _answer() -> None:
    for _ in sys.stdin:
        print(json.dumps({"cpu_seconds": time.process_time(), "memory_bytes": _memory_bytes()}), flush=True)


def _memory_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    from ..cli.main import main

    threading.Thread(target=_answer, daemon=True).start()
    sys.exit(main(["hub", "serve", "--port", "0", "--data", sys.argv[1], "--json"]))
