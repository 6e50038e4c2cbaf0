"""Opens a database of StableQueue's without changing it, or anything beside it, and reads one state of it.

What is read is always a copy of our own in a temporary folder. SQLite copies a file that others may be writing
(``sqlite3.Connection.backup`` from a connection with ``mode=ro``): one state, and the writer waits for the copying
alone. Where such a connection would have to write beside the file (a WAL without its index, the journal of a writer
that was killed), no writer is there, and the files are copied as they are and put in order in the copy. So nothing
needs ``immutable``. Source of the rules: sqlite.org/wal.html, "Read-Only Databases", and sqlite.org/lockingv3.html.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..errors import HubError

MODELS_FILE = "mobilesd_models.sqlite"
JOBS_FILE = "mobilesd_jobs.sqlite"
SERVERS_FILE = "servers.json"

BUSY_SECONDS = 15.0
_MAGIC = b"SQLite format 3\x00"
_WAL_FORMAT = 2
_COPY_ATTEMPTS = 3


class SourceError(HubError):
    """StableQueue's database cannot be read; the message says why."""


def find(path: Path, name: str = MODELS_FILE) -> Path | None:
    """Return the file of this name in a folder or in its ``data``, or beside a file; None where there is none."""
    folders = [path, path / "data"] if path.is_dir() else [path.parent]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a copy of a database, sound and as it was at one moment.

    Text that is no UTF-8 has lone surrogates in its place, one per byte.

    Raises:
        SourceError: it is not there, no SQLite database, damaged, or kept busy by its writer.
    """
    path = path.resolve()
    with tempfile.TemporaryDirectory(prefix="quartermaster-import-") as folder:
        copy = Path(folder) / "copy.sqlite"
        try:
            _copy(path, copy)
            with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
                _check(connection)
                connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
                yield connection
        except sqlite3.Error as error:
            raise SourceError(f"{path} cannot be read: {_reason(error)}") from error
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    if "is locked" in text:
        return f"another program kept it locked for {BUSY_SECONDS:g} s; try again, or stop StableQueue for a moment"
    if "malformed" in text or "disk I/O" in text:
        return f"it is damaged or not whole ({text}); copy it again while StableQueue is stopped"
    return text


def _copy(path: Path, copy: Path) -> None:
    with open(path, "rb") as file:
        head = file.read(100)
    if not head.startswith(_MAGIC):
        what = "it is empty" if not head else "it is no SQLite database, or an encrypted one"
        raise SourceError(f"{path} cannot be read: {what}")
    if _WAL_FORMAT in head[18:20] and not (_beside(path, "-wal").exists() and _beside(path, "-shm").exists()):
        _copy_files(path, copy)  # opening it would make these two
        return
    try:
        address = f"{path.as_uri()}?mode=ro"
        source = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(source), closing(sqlite3.connect(copy)) as target:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # waits; ``backup`` alone would for ever
            source.backup(target)
    except sqlite3.OperationalError as error:
        if "is locked" in str(error) or not _beside(path, "-journal").exists():
            raise
        _copy_files(path, copy)  # the journal of a writer that was killed, to be played back


def _copy_files(path: Path, copy: Path) -> None:
    """Copy a database that nobody writes, with what stands beside it."""
    for _ in range(_COPY_ATTEMPTS):
        before = _stamps(path)
        for ending in ("", "-wal", "-journal"):
            _beside(copy, ending).unlink(missing_ok=True)
            if _beside(path, ending).exists():
                shutil.copyfile(_beside(path, ending), _beside(copy, ending))
        if _stamps(path) == before:
            return
    raise SourceError(f"{path} cannot be read: it changes all the time; stop StableQueue for a moment")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _stamps(path: Path) -> list[tuple[int, int] | None]:
    stamps: list[tuple[int, int] | None] = []
    for ending in ("", "-wal", "-journal"):
        try:
            stat = os.stat(_beside(path, ending))
            stamps.append((stat.st_size, stat.st_mtime_ns))
        except FileNotFoundError:
            stamps.append(None)
    return stamps


def _check(connection: sqlite3.Connection) -> None:
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}")
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found[0] if found else 'no answer'}")
