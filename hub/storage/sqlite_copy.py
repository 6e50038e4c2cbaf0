"""A consistent copy of an SQLite database that others may be writing to, and what a copy is worth."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ..errors import BackupError, DamagedError, InUseError

Watch = Callable[[int, int | None], None]
"""Is told how many bytes are done, and of how many (None: nobody knows)."""

_MAGIC = b"SQLite format 3\0"
_PAGES_PER_STEP = 4096


def copy(source: Path, target: Path, watch: Watch, *, patience_seconds: float, thorough: bool = True) -> None:
    """Copy the database ``source`` as it is now into the empty file ``target``, and check the copy.

    A check that is not ``thorough`` leaves out whether indexes and tables agree, which takes longer than the copy.

    The copy is of one moment: it is read in one transaction, which keeps no writer waiting (WAL). It needs no other
    file beside it.

    Raises:
        DamagedError: it cannot be read, or the copy is not sound.
        BackupError: it is locked, or the copy cannot be written (a full disk).
    """
    try:
        with closing(_open(source, patience_seconds)) as origin, closing(sqlite3.connect(target)) as made:
            page_bytes = origin.execute("PRAGMA page_size").fetchone()[0]
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it sees one state

            def progress(_status: int, remaining: int, total: int) -> None:
                watch((total - remaining) * page_bytes, total * page_bytes)

            origin.backup(made, pages=_PAGES_PER_STEP, progress=progress)
            made.execute("PRAGMA journal_mode = DELETE")
            _require_sound(made, source, thorough)
    except sqlite3.DatabaseError as error:
        kind = BackupError if isinstance(error, sqlite3.OperationalError) else DamagedError
        raise kind(f"{source} cannot be copied to {target.parent}: {error}") from error
    flush(target)


def _require_sound(connection: sqlite3.Connection, path: Path, thorough: bool) -> None:
    (found,) = connection.execute(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)").fetchone()
    if found != "ok":
        raise DamagedError(f"{path} is damaged: {found}")


def revision_of(path: Path, *, checked: bool) -> str:
    """Return the migration that a database is at, ``checked`` through and through before.

    Raises:
        DamagedError: it cannot be read, is damaged, or is not one of a hub.
    """
    if not is_sqlite(path):
        raise DamagedError(f"{path} is no SQLite database")
    try:
        with closing(_open(path, 5)) as connection:
            if checked:
                _require_sound(connection, path, thorough=True)
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            raise DamagedError(f"{path} is a database, but not one of a Quartermaster hub") from None
        raise DamagedError(f"{path} cannot be read: {error}") from error
    if row is None:
        raise DamagedError(f"{path} is a hub's database, but says of no migration")
    return str(row[0])


def is_sqlite(path: Path) -> bool:
    """Tell whether a file is an SQLite database, by its first bytes.

    Raises:
        BackupError: it cannot be read.
    """
    return head(path).startswith(_MAGIC)


def head(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        BackupError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC))
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from error


def _open(path: Path, patience_seconds: float) -> sqlite3.Connection:
    """Open a database for reading; one that is not there is not made."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=patience_seconds, isolation_level=None
    )


def close_for_all(path: Path) -> None:
    """Bring a database into its one file, without a journal beside it, which can be done only when none has it open.

    Raises:
        InUseError: another program has it open.
        sqlite3.DatabaseError: it is no usable database.
    """
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "is locked" in str(error):
                raise InUseError(f"another program has {path} open: close it first") from None
            raise


def flush(path: Path) -> None:
    """Wait until a file, and its name, are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows writes them with the files."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
