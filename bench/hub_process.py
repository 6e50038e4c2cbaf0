"""A real hub in a process of its own, on SQLite, for a while; it tells what CPU time it has used.

Run as a program, this module is that process: ``quartermaster hub serve``, and a thread that answers on stdout.
"""

import json
import subprocess
import sys
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
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline())["cpu_seconds"])


def make_key(data: Path) -> Credentials:
    """Make the database of a hub, and a key that may write every server."""
    hub = Hub(HubSettings(data))
    try:
        made = hub.keys.create("bench", "admin")
    finally:
        hub.close()
    return Credentials(made.key, made.secret)


@contextmanager
def hub_process(data: Path) -> Iterator[HubProcess]:
    """Run a hub over a data folder, on a free port.

    Raises:
        RuntimeError: it did not start; what it said went to stderr.
    """
    command = [sys.executable, "-m", __name__, str(data)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the hub did not start; what it said stands above")
            yield HubProcess(json.loads(line)["address"], process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()


def _answer() -> None:
    for _ in sys.stdin:
        print(json.dumps({"cpu_seconds": time.process_time()}), flush=True)


if __name__ == "__main__":
    from ..cli.main import main

    threading.Thread(target=_answer, daemon=True).start()
    sys.exit(main(["hub", "serve", "--port", "0", "--data", sys.argv[1], "--json"]))
