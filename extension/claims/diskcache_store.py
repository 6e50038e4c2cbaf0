"""Reading a ``diskcache`` store from outside of the web UI's process, without leaving a trace in it.

A store is a folder with the SQLite database ``cache.db``; its table ``Cache`` has, among others, ``key``, ``raw`` (1:
the key stands as it is), ``expire_time``, ``mode`` (4: the value is a pickle) and ``value`` (NULL where a large value
is in a file of its own, which no hash entry is). Source: ``diskcache/core.py`` of python-diskcache 5.

Only SQLite opens the database. In the web UI's process not even that is allowed: closing any handle to it would drop
the locks that SQLite holds there.
"""

import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from ..inventory.errors import InventoryError
from .safe_pickle import MAX_PICKLE_BYTES, ForbiddenPickleError, load_flat_dict

MAX_ENTRIES = 500_000
BUSY_SECONDS = 2.0
READ_SECONDS = 30.0
"""A database may be made so that a query never ends; reading 20,000 entries takes a fraction of a second."""

ATTEMPTS = 3

_QUERY = """
    SELECT key, value FROM Cache
    WHERE raw = 1 AND mode = 4 AND typeof(key) = 'text' AND typeof(value) = 'blob' AND length(value) <= ?
      AND (expire_time IS NULL OR expire_time > ?)
    LIMIT ?
"""


class StoreError(InventoryError):
    """A web UI's cache cannot be read; it counts as absent, and the message says why."""


def read_store(folder: Path) -> dict[str, dict[object, object]]:
    """Return the entries of a store whose values are flat dicts; others are left out.

    Raises:
        StoreError: the store is there and cannot be read.
        FileNotFoundError: there is no store.
    """
    database = folder / "cache.db"
    try:
        for _ in range(ATTEMPTS):
            before = _state(database)
            entries = _read(database, immutable=before.settled)
            # Read as immutable, it may have been written to by a web UI that started meanwhile: then look again.
            if not before.settled or _state(database) == before:
                return entries
    except FileNotFoundError:
        raise
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the web UI's cache {str(database)!r} cannot be read: {error}") from error
    raise StoreError(f"the web UI's cache {str(database)!r} is being written to; it is read at the next start")


class _State(NamedTuple):
    """What tells whether a database was touched; ``settled`` where all that was written is in its main file."""

    size_bytes: int
    mtime_ns: int
    settled: bool


def _state(database: Path) -> _State:
    status = database.stat()
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{str(database)!r} is not a regular file")
    pending = any(_size(Path(f"{database}{suffix}")) for suffix in ("-wal", "-journal"))
    return _State(status.st_size, status.st_mtime_ns, settled=not pending)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(database: Path, *, immutable: bool) -> dict[str, dict[object, object]]:
    """Read all entries.

    diskcache databases are in WAL mode, and opening one, even with ``mode=ro``, makes a ``-wal`` and a ``-shm`` file
    where there are none. Where nothing is in a ``-wal``, ``immutable=1`` reads the database without locks and
    companions. Else its owner lives, or was killed: ``mode=ro`` with ``readonly_shm=1`` sees what is in the ``-wal``
    and writes to neither (SQLite: "Read-Only WAL-Mode Databases", "URI Filenames").
    """
    flags = "immutable=1" if immutable else "readonly_shm=1"
    deadline = time.monotonic() + READ_SECONDS
    with closing(sqlite3.connect(f"{_uri(database)}?mode=ro&{flags}", uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA mmap_size = 0")  # a mapped file that gets shorter would kill this process
        kind = connection.execute("SELECT type FROM sqlite_master WHERE name = 'Cache'").fetchone()
        if kind != ("table",):
            raise StoreError(f"{str(database)!r} has no table Cache")
        entries = {}
        for key, value in connection.execute(_QUERY, (MAX_PICKLE_BYTES, time.time(), MAX_ENTRIES)):
            try:
                entries[key] = load_flat_dict(value)
            except ForbiddenPickleError:
                continue
        return entries


def _uri(path: Path) -> str:
    """Return a path as SQLite's ``file:`` URI; a Windows share keeps both its slashes behind the empty authority."""
    posix = path.absolute().as_posix()
    return "file://" + quote(os.fsencode(posix if posix.startswith("/") else f"/{posix}"), safe="/:")
