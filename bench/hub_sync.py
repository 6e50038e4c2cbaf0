"""What a sync costs the hub: the first one of 50,000 models, a heartbeat, one changed file."""

import hashlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import requests
from quartermaster.hub.running import RunningHub
from quartermaster.hub.schema import metadata
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import digest as digests

MODELS = 50_000
FEW_MODELS = 1_000
HEARTBEATS = 300


class Row(NamedTuple):
    """One line of the speed table: ``ratio`` must not be above ``bound``."""

    name: str
    ratio: float
    bound: float
    yardstick: str


def measure() -> list[Row]:
    """Run a hub on SQLite and measure it over HTTP; takes under a minute."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        settings = HubSettings(Path(folder) / "hub")
        with RunningHub(settings) as running:
            made = running.hub.keys.create("bench", "admin")
            session = requests.Session()
            session.headers.update({"X-API-Key": made.key, "X-API-Secret": made.secret})
            client = _Client(session, running.address)
            many = [entry(number) for number in range(MODELS)]
            sync_seconds = client.full("many", many)
            client.full("few", many[:FEW_MODELS])
            heartbeats = client.heartbeats({"few": many[:FEW_MODELS], "many": many})
            heartbeat_bytes = client.largest_bytes
            client.largest_bytes = 0
            client.change_one("many", many)
            delta_bytes = client.largest_bytes
        yardstick_seconds = bare_insert_seconds(settings.database_file, Path(folder))
    return [
        Row(f"first sync of {MODELS:,} models", sync_seconds / yardstick_seconds, 6.0, "sqlite3.executemany"),
        Row("a heartbeat's bytes, each way", heartbeat_bytes / 1024, 1.0, "1 KiB"),
        Row(
            f"a heartbeat at {MODELS:,} models",
            heartbeats["many"] / heartbeats["few"],
            1.2,
            f"a heartbeat at {FEW_MODELS:,} models",
        ),
        Row(f"bytes for one changed file among {MODELS:,}", delta_bytes / 4096, 1.0, "4 KiB"),
    ]


def entry(number: int) -> dict[str, Any]:
    """Return an inventory entry as an agent sends it for a LoRA that it identified."""
    sha256 = hashlib.sha256(b"file %d" % number).hexdigest()
    return {
        "path": f"models/Lora/style {number % 97}/a name as people give {number}.safetensors",
        "type": "LORA",
        "size": 151_112_345 + number,
        "mtime_ns": 1_700_000_000_000_000_000 + number,
        "sha256": sha256,
        "tensor_sha256": hashlib.sha256(sha256.encode()).hexdigest(),
        "hash_state": "verified",
        "state": "present",
        "ecosystem": "SDXL",
        "base_model": "SDXL 1.0",
        "confidence": 0.9,
    }


class _Client:
    """Speaks the sync protocol with nothing between it and the socket but requests."""

    def __init__(self, session: requests.Session, address: str) -> None:
        self._session = session
        self._address = address
        self.largest_bytes = 0

    def _post(self, server_id: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._address}/api/v1/servers/{server_id}/models/sync"
        raw = json.dumps({"protocol": 1, "agent_id": "bench", **body}, separators=(",", ":")).encode()
        answer = self._session.post(url, data=raw, timeout=300)
        answer.raise_for_status()
        self.largest_bytes = max(self.largest_bytes, len(raw), len(answer.content))
        told: dict[str, Any] = answer.json()
        assert told["in_sync"], told
        return told

    def full(self, server_id: str, entries: list[dict[str, Any]]) -> float:
        """Send the plain full list; return the seconds from the list of entries to the answer."""
        started = time.perf_counter()
        self._post(server_id, {"models": entries, "digest": digests.inventory_digest(entries)})
        return time.perf_counter() - started

    def heartbeats(self, servers: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
        """Return the median seconds of a heartbeat for each server; they take turns, so that noise hits all alike."""
        bodies = {
            server_id: {"digest": digests.inventory_digest(entries), "count": len(entries)}
            for server_id, entries in servers.items()
        }
        for server_id, body in bodies.items():
            self._post(server_id, body)
        self.largest_bytes = 0
        seconds: dict[str, list[float]] = {server_id: [] for server_id in bodies}
        for _ in range(HEARTBEATS):
            for server_id, body in bodies.items():
                started = time.perf_counter()
                self._post(server_id, body)
                seconds[server_id].append(time.perf_counter() - started)
        return {server_id: statistics.median(taken) for server_id, taken in seconds.items()}

    def change_one(self, server_id: str, entries: list[dict[str, Any]]) -> None:
        """Send a delta of one file that was replaced under its name."""
        base = digests.inventory_digest(entries)
        changed = {**entries[7], "sha256": hashlib.sha256(b"replaced").hexdigest()}
        digest = digests.inventory_digest([changed, *entries[:7], *entries[8:]])
        self._post(server_id, {"mode": "delta", "base": base, "upserts": [changed], "removed": [], "digest": digest})


def bare_insert_seconds(source: Path, folder: Path) -> float:
    """Return what ``sqlite3.executemany`` takes for the rows of a hub's first sync, in a hub's empty database."""
    with sqlite3.connect(source) as connection:
        only = {"model_server_availability": "WHERE server_id = 'many'", "servers": "WHERE id = 'many'"}
        rows = {
            table.name: connection.execute(f"SELECT * FROM {table.name} {only.get(table.name, '')}").fetchall()  # noqa: S608
            for table in metadata.sorted_tables
        }
    connection.close()
    settings = HubSettings(folder / "bare")
    Hub(settings).close()
    connection = sqlite3.connect(settings.database_file, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "cache_size = -32768"):
        connection.execute(f"PRAGMA {pragma}")
    return _timed(lambda: _insert(connection, rows))


def _insert(connection: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table, listed in rows.items():
        if listed:
            marks = ",".join("?" * len(listed[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", listed)  # noqa: S608
    connection.execute("COMMIT")
    connection.close()


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    for row in measure():
        print(f"{row.name:<50} {row.ratio:8.2f}  at most {row.bound:g}  ({row.yardstick})")
