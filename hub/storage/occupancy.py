"""Who has the database open: every hub says so for as long as it does, so that a restore can know that none has.

SQLite: a small file beside the database that is locked, shared by whoever has the database open, alone by whoever
replaces it. SQLite itself holds the lock: it does so on every platform, for several in one process too, and the
operating system frees it when a process ends, in whatever way. PostgreSQL: an advisory lock of each connection.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DatabaseUnusableError, InUseError, OverloadedError

OCCUPIED_FILE = "hub.in-use"
MIGRATING_FILE = "hub.migrating"
_PLACE = "0x514D, hashtext(coalesce(current_schema(), ''))"
"""The advisory lock of one hub's tables: a number that no other program of the database uses, and their schema."""
_PATIENCE_SECONDS = 2.0
"""Whoever asks whether others have the database open is not told so because of one that is just ending."""
_creating = threading.Lock()


class FileLock:
    """A lock on a file that many may share or one may have alone, until it is released or the process ends."""

    def __init__(self, path: Path, *, alone: bool, patience_seconds: float) -> None:
        """Take the lock.

        Raises:
            InUseError: others have it, and had it for as long as that.
            OSError: the file cannot be made.
        """
        create_private(path)
        # The patience of a connection is kept in milliseconds, in a C int.
        connection = sqlite3.connect(
            path, timeout=min(patience_seconds, 2e6), isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN EXCLUSIVE" if alone else "BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only a read takes the shared lock
        except sqlite3.OperationalError as error:
            connection.close()
            if "is locked" not in str(error):
                raise OSError(f"{path}: {error}") from error
            raise InUseError(f"{path} is locked") from None
        self._connection = connection

    def release(self) -> None:
        """Give the lock back."""
        self._connection.close()

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


def create_private(path: Path) -> None:
    """Make an empty file for SQLite that nobody else may read, where there is none.

    One that is there is not opened: POSIX drops a process's locks on a file with any handle on it that is closed.
    """
    with _creating:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def occupy_file(data_dir: Path) -> FileLock:
    """Say that the SQLite database of this data folder is open in this process, until the lock is released.

    Raises:
        DatabaseUnusableError: it is being restored.
    """
    try:
        return FileLock(data_dir / OCCUPIED_FILE, alone=False, patience_seconds=_PATIENCE_SECONDS)
    except InUseError:
        raise DatabaseUnusableError(
            f"the database in {data_dir} is being restored; start again when that is done"
        ) from None


def occupy_connection(connection: Any, _record: object) -> None:
    """Say with a new connection to PostgreSQL (psycopg's) that a hub has the database open.

    Raises:
        OverloadedError: it is being restored.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock_shared({_PLACE})")
        (taken,) = cursor.fetchone()
    connection.rollback()  # which ends the transaction and keeps the lock
    if not taken:
        connection.close()
        raise OverloadedError("the database is being restored; try again", retry_after_seconds=30)


@contextmanager
def file_alone(data_dir: Path) -> Iterator[None]:
    """Keep every hub from the SQLite database of this data folder.

    Raises:
        InUseError: one has it open.
    """
    try:
        lock = FileLock(data_dir / OCCUPIED_FILE, alone=True, patience_seconds=_PATIENCE_SECONDS)
    except InUseError:
        raise InUseError(
            f"a hub runs on the data folder {data_dir}: stop it first (and every other command that uses it)"
        ) from None
    with lock:
        yield


@contextmanager
def connection_alone(connection: Any, place: str) -> Iterator[None]:
    """Keep every hub from the PostgreSQL database that this connection (psycopg's) is to.

    Raises:
        InUseError: one has it open.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS  # the server notices a closed connection a moment later
    while not connection.execute(f"SELECT pg_try_advisory_lock({_PLACE})").fetchone()[0]:
        if time.monotonic() > give_up_at:
            raise InUseError(f"a hub runs on the database {place}: stop every one of them first, on all machines")
        time.sleep(0.05)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock({_PLACE})")


@contextmanager
def migrating_alone(data_dir: Path) -> Iterator[None]:
    """Let one process at a time migrate the SQLite database of this data folder; the others wait here."""
    with FileLock(data_dir / MIGRATING_FILE, alone=True, patience_seconds=24 * 3600):
        yield
