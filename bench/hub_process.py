"""A real hub in a process of its own, on SQLite, for a while."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub_client import Credentials

_STOP_SECONDS = 30.0


def make_key(data: Path) -> Credentials:
    """Make the database of a hub, and a key that may write every server."""
    hub = Hub(HubSettings(data))
    try:
        made = hub.keys.create("bench", "admin")
    finally:
        hub.close()
    return Credentials(made.key, made.secret)


@contextmanager
def hub_process(data: Path) -> Iterator[str]:
    """Run ``quartermaster hub serve`` over a data folder; yields its address.

    Raises:
        RuntimeError: it did not start; what it said went to stderr.
    """
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(data), "--json"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the hub did not start; what it said stands above")
            yield json.loads(line)["address"]
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()
