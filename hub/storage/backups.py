"""Backups of a hub's database: dated files in ``<data>/backups``, or wherever a person wants one.

A backup is written under another name, checked, brought to the disk, and only then given its own: what has a
backup's name is one.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from ..database import postgresql_url
from ..errors import BackupError, DatabaseUnusableError, InUseError
from ..settings import HubSettings
from . import sqlite_copy
from .occupancy import FileLock
from .postgres_tools import PostgresTools, parameters_of
from .sqlite_copy import Watch, flush, flush_folder

FOLDER = "backups"
_LOCK = ".lock"
_NAME = re.compile(r"hub-\d{8}T\d{6}Z-\w+(-\d+)?\.(sqlite|dump)")
_SPARE_BYTES = 16 << 20
"""What a backup leaves free on its disk: a hub cannot run on a full one."""


@dataclass(frozen=True)
class Backup:
    """A backup that was made; ``revision`` is the migration that it is at."""

    path: Path
    revision: str
    size_bytes: int


def ignore(_done_bytes: int, _total_bytes: int | None) -> None:
    """Be told of progress and do nothing."""


class Backups:
    """Makes the backups of one hub's database and keeps the newest of them."""

    def __init__(self, settings: HubSettings) -> None:
        self._settings = settings
        self.folder = settings.data_dir / FOLDER

    def make(self, revision: str, to: Path | None = None, watch: Watch = ignore, sparing: Path | None = None) -> Backup:
        """Write the database as it is now to a new file: ``to``, or one in the folder of backups.

        In that folder the newest ``backups_kept`` stay, and ``sparing`` where it is one of them.

        Raises:
            BackupError: it cannot be made; nothing is left of it.
        """
        try:
            self._make_folder()
            with FileLock(self.folder / _LOCK, alone=True, patience_seconds=24 * 3600):
                for dead in self.folder.glob("hub-*.part"):
                    dead.unlink()
                target = self._free_name(revision) if to is None else to
                self._write(target, watch)
                if to is None:
                    self._prune({target, sparing})
                return Backup(target, revision, target.stat().st_size)
        except InUseError as error:
            raise BackupError(f"another backup is being made: {error}") from error
        except OSError as error:
            raise BackupError(f"no backup can be written: {error}") from error

    def listed(self) -> list[Backup]:
        """Return the backups in the folder of backups, the newest first."""
        found = []
        for path in self._ours():
            with suppress(FileNotFoundError):  # another process just deleted it
                found.append(Backup(path, path.stem.split("-")[2], path.stat().st_size))
        return found

    def _ours(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def _make_folder(self) -> None:
        self._settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _free_name(self, revision: str) -> Path:
        stem = f"hub-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{revision}"
        ending = ".sqlite" if self._settings.database_url is None else ".dump"
        target, number = self.folder / f"{stem}{ending}", 1
        while target.exists():
            number += 1
            target = self.folder / f"{stem}-{number}{ending}"
        return target

    def _write(self, target: Path, watch: Watch) -> None:
        if target.exists():
            raise BackupError(f"{target} is there already: choose another name")
        handle, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)  # with mode 0600
        os.close(handle)
        part = Path(name)
        try:
            self._copy(part, watch)
            os.replace(part, target)
            flush_folder(target.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _copy(self, part: Path, watch: Watch) -> None:
        patience = self._settings.busy_timeout_seconds
        if self._settings.database_url is None:
            source = self._settings.database_file
            _require_room(part, source.stat().st_size)
            sqlite_copy.copy(source, part, watch, patience_seconds=patience)
            return
        postgres_tools(self._settings).dump(part, watch)
        flush(part)

    def _prune(self, spared: set[Path | None]) -> None:
        kept = {path.resolve() for path in spared if path is not None}
        ours = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        ours.sort(key=lambda path: (path.name[:20], path.stat().st_mtime_ns), reverse=True)
        for path in ours[self._settings.backups_kept :]:
            if path.resolve() not in kept:
                path.unlink()


def before_migrating(settings: HubSettings, watch: Watch = ignore) -> Callable[[str], Path] | None:
    """Return what backs the database up before a migration; None where that is not wanted."""
    if not settings.backup_before_migrating:
        return None

    def make(revision: str) -> Path:
        try:
            return Backups(settings).make(revision, watch=watch).path
        except BackupError as error:
            raise BackupError(
                f"{error}\nThe database {settings.describe_database()} has to be migrated for this version, and is "
                "backed up before that. To go on without a backup: quartermaster hub migrate --no-backup"
            ) from error

    return make


def _require_room(part: Path, size_bytes: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < size_bytes + _SPARE_BYTES:
        raise BackupError(
            f"the disk of {part.parent} has {free >> 20} MiB free, and a backup takes {size_bytes >> 20} MiB: "
            "make room, or name another place with: quartermaster hub backup --to FILE"
        )


def postgres_tools(settings: HubSettings) -> PostgresTools:
    """Return the programs for the PostgreSQL database of these settings.

    Raises:
        DatabaseUnusableError: it cannot be reached.
    """
    assert settings.database_url is not None
    url = postgresql_url(settings.database_url)
    with connect(url, settings) as connection:
        row = connection.execute("SELECT current_schema()").fetchone()
    if row is None or row[0] is None:
        raise DatabaseUnusableError(f"the database {settings.describe_database()} has no schema to make tables in")
    return PostgresTools(url, str(row[0]))


def connect(url: URL, settings: HubSettings) -> "psycopg.Connection[tuple[object, ...]]":
    """Return a connection of its own to PostgreSQL, each statement a transaction.

    Raises:
        DatabaseUnusableError: it cannot be reached.
    """
    try:
        return psycopg.connect(make_conninfo("", **parameters_of(url)), autocommit=True)
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        raise DatabaseUnusableError(
            f"the database {settings.describe_database()} cannot be reached: {reason}"
        ) from error
