"""The index: what this machine knows of its model files, in one SQLite file that all its agents share.

A row holds one path's stat and hashes. Every change is committed when it is made (WAL), so that a kill at any moment
loses at most work, never truth; a file that is damaged, or that a newer version wrote, is set aside and made anew.
A path that went away keeps its row for some days, so that a file that moves keeps its hash.

The file is never opened other than through SQLite: closing a second handle would drop the locks of this process.
"""

import json
import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .scan import FileStat

log = logging.getLogger(__name__)

VERSION = 1
KEPT_SECONDS = 7 * 24 * 3600
"""How long the row of a path that went away is kept."""
BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    tensor_sha256 TEXT,
    hash_state TEXT NOT NULL,
    hash_source TEXT NOT NULL,
    sample TEXT,
    identity TEXT,
    rules TEXT,
    gone_at REAL
) WITHOUT ROWID;
CREATE INDEX files_by_stat ON files (size, mtime_ns, inode);
CREATE TABLE roots (
    server_id TEXT NOT NULL,
    path TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (server_id, path)
) WITHOUT ROWID;
CREATE TABLE agents (server_id TEXT PRIMARY KEY, agent_id TEXT NOT NULL) WITHOUT ROWID;
"""

_COLUMNS = "sha256, tensor_sha256, hash_state, hash_source, sample, identity, rules"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one file's content.

    ``hash_state`` is ``verified`` (an agent of this machine read the bytes) or ``claimed``; ``source`` says who
    claimed it. ``sample`` is a digest of a few places of the file, None for a claim. ``identity`` is what the header
    said, by the rules of version ``rules``.
    """

    sha256: str
    tensor_sha256: str | None = None
    hash_state: str = "verified"
    source: str = "read"
    sample: str | None = None
    identity: dict[str, Any] | None = None
    rules: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One path of the index: the stat under which its facts hold."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    changed_ns: int
    facts: Facts
    gone: bool = False

    def has_stat(self, found: FileStat) -> bool:
        """Tell whether size and mtime are those that were found."""
        return self.size == found.size and self.mtime_ns == found.mtime_ns


class Index:
    """One open index; its methods may be called from any thread."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open the index, making it (and its folder, for this user only) where it is not there.

        ``now`` is the wall clock; ``busy_seconds`` is how long another process's writing is waited out.

        Raises:
            OSError: the folder or the file cannot be made.
            sqlite3.OperationalError: the file cannot be opened (a full disk, another program's lock).
        """
        self.path = path
        self.messages: list[str] = []
        self._now = now
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except _NewerError as error:
            self._set_aside("newer", f"it was written by a newer version of Quartermaster (format {error.version})")
        except sqlite3.OperationalError:
            raise  # locked, read-only, a full disk: the content may be fine
        except sqlite3.DatabaseError as error:
            self._set_aside("damaged", f"it is damaged ({error})")
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        new = not self.path.exists()
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            if new:
                os.chmod(self.path, 0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise _NewerError(version)
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
            fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if fault != "ok":
                raise sqlite3.DatabaseError(fault)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, why: str, words: str) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        kept = self.path.with_name(f"{self.path.name}.{why}-{stamp}")
        number = 1
        while kept.exists():
            number += 1
            kept = self.path.with_name(f"{self.path.name}.{why}-{stamp}-{number}")
        for suffix in ("-wal", "-shm", ""):
            part = Path(f"{self.path}{suffix}")
            if part.exists():
                os.replace(part, f"{kept}{suffix}")
        message = f"The index {self.path} was set aside as {kept.name}, because {words}. Files are hashed anew."
        self.messages.append(message)
        log.warning(message)

    def close(self) -> None:
        """Close the file; the index is not usable afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, where: str, values: tuple[object, ...]) -> list[Row]:
        query = f"SELECT path, size, mtime_ns, inode, changed_ns, {_COLUMNS}, gone_at FROM files WHERE {where}"  # noqa: S608 (where is ours)
        with self._lock:
            return [_row(values) for values in self._connection.execute(query, values)]

    def below(self, folder: str) -> dict[str, Row]:
        """Return the rows of all paths below a folder, those that went away excepted."""
        low = os.path.join(folder, "")
        high = low[:-1] + chr(ord(low[-1]) + 1)
        return {row.path: row for row in self._rows("path >= ? AND path < ? AND gone_at IS NULL", (low, high))}

    def get(self, path: str) -> Row | None:
        """Return one path's row, also one that went away."""
        return next(iter(self._rows("path = ?", (path,))), None)

    def with_inode(self, found: FileStat) -> list[Row]:
        """Return the rows, gone ones too, that hold facts of this very inode with this size and mtime."""
        return self._rows("size = ? AND mtime_ns = ? AND inode = ?", (found.size, found.mtime_ns, found.inode))

    def with_stat(self, found: FileStat) -> list[Row]:
        """Return the rows, gone ones too, with this size and mtime, whatever their inode."""
        return self._rows("size = ? AND mtime_ns = ?", (found.size, found.mtime_ns))

    def put(self, path: str, found: FileStat, facts: Facts) -> None:
        """Record what a path holds."""
        self.put_all([(path, found, facts)])

    def put_all(self, rows: Iterable[tuple[str, FileStat, Facts]]) -> None:
        """Record what several paths hold, all or none."""
        values = [
            (path, found.size, found.mtime_ns, found.inode, found.changed_ns, facts.sha256, facts.tensor_sha256,
             facts.hash_state, facts.source, facts.sample,
             None if facts.identity is None else json.dumps(facts.identity), facts.rules)
            for path, found, facts in rows
        ]  # fmt: skip
        with self._write() as connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?,?,?,?,?,?,?,NULL)", values)

    def mark_gone(self, paths: Iterable[str]) -> None:
        """Record that paths went away; their rows are kept for some days."""
        now = self._now()
        with self._write() as connection:
            connection.executemany(
                "UPDATE files SET gone_at = ? WHERE path = ? AND gone_at IS NULL", [(now, path) for path in paths]
            )

    def forget(self, paths: Iterable[str]) -> None:
        """Drop rows whose facts were found to be wrong."""
        with self._write() as connection:
            connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in paths])

    def prune(self) -> None:
        """Drop the rows of paths that went away long ago (a clock that jumped back drops nothing)."""
        with self._write() as connection:
            connection.execute("DELETE FROM files WHERE gone_at < ?", (self._now() - KEPT_SECONDS,))

    def roots(self, server_id: str) -> dict[str, dict[str, Any]]:
        """Return what was kept of a server's roots: path -> facts."""
        with self._lock:
            rows = self._connection.execute("SELECT path, facts FROM roots WHERE server_id = ?", (server_id,))
            return {path: json.loads(facts) for path, facts in rows}

    def keep_root(self, server_id: str, path: str, facts: dict[str, Any]) -> None:
        """Keep facts about one root of a server."""
        with self._write() as connection:
            connection.execute("INSERT OR REPLACE INTO roots VALUES (?, ?, ?)", (server_id, path, json.dumps(facts)))

    def drop_root(self, server_id: str, path: str) -> None:
        """Forget one root of a server; the files below it stay known to the machine."""
        with self._write() as connection:
            connection.execute("DELETE FROM roots WHERE server_id = ? AND path = ?", (server_id, path))

    def agent_id(self, server_id: str) -> str:
        """Return the id that the agent of this server has on this machine, made at its first start."""
        with self._write() as connection:
            connection.execute("INSERT OR IGNORE INTO agents VALUES (?, ?)", (server_id, uuid.uuid4().hex))
            row = connection.execute("SELECT agent_id FROM agents WHERE server_id = ?", (server_id,)).fetchone()
        assert isinstance(row[0], str)
        return row[0]


class _NewerError(Exception):
    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


def _row(values: tuple[Any, ...]) -> Row:
    path, size, mtime_ns, inode, changed_ns, *facts, gone_at = values
    known = Facts(*facts)
    if known.identity is not None:
        known = replace(known, identity=_object(facts[5]))
    return Row(path, size, mtime_ns, inode, changed_ns, known, gone_at is not None)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
