"""The hash caches of web UIs, written as they write them, and what else a claim is made from."""

import pickle
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from quartermaster.extension.claims.claim import LocalFile

SCHEMA = """
    CREATE TABLE IF NOT EXISTS Settings (key TEXT NOT NULL UNIQUE, value);
    CREATE TABLE IF NOT EXISTS Cache (
        rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL,
        access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT,
        value BLOB);
    CREATE UNIQUE INDEX IF NOT EXISTS Cache_key_raw ON Cache(key, raw);
    CREATE INDEX IF NOT EXISTS Cache_expire_time ON Cache (expire_time);
"""
"""The tables of a diskcache 5 store."""

OWNER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.executescript(sys.argv[2])
insert = "INSERT INTO Cache (key, raw, mode, value) VALUES (?, 1, 4, ?)"
for pair in sys.argv[3:]:
    key, _, value = pair.partition("=")
    connection.execute(insert, (key, bytes.fromhex(value)))
print("ready", flush=True)
sys.stdin.readline()
connection.execute(insert, ("later", b""))
print(connection.execute("SELECT count(*) FROM Cache").fetchone()[0], flush=True)
os._exit(0)
"""
"""A web UI's process: everything it wrote is still in the ``-wal``, where its sudden end leaves it."""


def entry(mtime: object, sha256: object, protocol: int = 5) -> bytes:
    """Return the pickle that a web UI files for a file."""
    return pickle.dumps({"mtime": mtime, "sha256": sha256}, protocol=protocol)


def write_store(folder: Path, entries: Mapping[Any, bytes | Mapping[str, Any]]) -> Path:
    """Write a closed store; an entry is a pickle, or the columns in which it differs from a usual one."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        for key, value in entries.items():
            columns = {"key": key, "raw": 1, "mode": 4, "store_time": time.time()}
            columns.update(value if isinstance(value, Mapping) else {"value": value})
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            connection.execute(f"INSERT INTO Cache ({names}) VALUES ({marks})", list(columns.values()))  # noqa: S608
        connection.execute("COMMIT")
    return folder


@contextmanager
def store_in_use(folder: Path, entries: Mapping[str, bytes]) -> Iterator["subprocess.Popen[str]"]:
    """Let another process write a store and keep it open; a line on its stdin lets it write once more and end."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [f"{key}={value.hex()}" for key, value in entries.items()]
    command = [sys.executable, "-c", OWNER, str(folder / "cache.db"), SCHEMA, *pairs]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def snapshot(folder: Path) -> dict[str, object]:
    """Return everything about the files below a folder that a reader must leave alone."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def local_file(relative: str = "x.safetensors", **fields: Any) -> LocalFile:
    """Make a ``LocalFile`` from little."""
    usual = {
        "path": f"/models/{relative}",
        "kind": "Checkpoint",
        "relative_path": relative,
        "size_bytes": 1000,
        "mtime_ns": 1_700_000_000_123_456_789,
    }
    return LocalFile(**{**usual, **fields})
