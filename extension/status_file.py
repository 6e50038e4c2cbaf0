"""What a running agent says of itself to other processes: one small JSON file per server, renewed every few seconds.

A file, because it outlives the agent (when was the last sync, before it stopped?), needs no open port, and is read by
whoever may read this user's data folder and by nobody else. Whether the agent runs is not in it: its lock tells.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .lock import is_held
from .paths import file_name, write_private

RENEW_SECONDS = 2.0


def lock_path(home: Path, server_id: str) -> Path:
    """Return the lock file of the agent of one server."""
    return home / "agents" / f"{file_name(server_id)}.lock"


def status_path(home: Path, server_id: str) -> Path:
    """Return the status file of the agent of one server."""
    return home / "agents" / f"{file_name(server_id)}.json"


def keep_writing(path: Path, status: Callable[[], dict[str, Any]], stop: threading.Event) -> None:
    """Write the status now, whenever it has changed, and a last time when ``stop`` is set."""
    written = None
    while True:
        last = stop.is_set()
        now = status()
        if now != written and write_status(path, now):
            written = now
        if last:
            return
        stop.wait(RENEW_SECONDS)


def write_status(path: Path, status: dict[str, Any]) -> bool:
    """Write a status in one step; return False where that failed (a full disk): the next one will tell as well."""
    try:
        write_private(path, json.dumps(status))
    except OSError:
        return False
    return True


def read_all(home: Path) -> list[dict[str, Any]]:
    """Return the last status of each agent of this machine, in the order of their files' names.

    Each has ``running`` added, which its lock tells and not the file (an agent that was killed wrote no farewell), and
    ``file``, where it was read. Of one that does not run, all else is how things were at its end.

    Raises:
        OSError: the folder, or one of the locks, cannot be read.
    """
    found = []
    for path in sorted((home / "agents").glob("*.json")):
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            continue  # being replaced, or damaged: the agent writes it anew
        if isinstance(status, dict):
            running = is_held(path.with_suffix(".lock"))
            found.append({**status, "running": running, "file": str(path)})
    return found
