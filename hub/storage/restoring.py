"""Puts a backup in the place of a hub's database: looked through first, whole or not at all, and to be undone."""

import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..database import postgresql_url
from ..errors import BackupError, DamagedError, RestoreError
from ..migrating import revisions
from ..schema import metadata
from ..settings import HubSettings
from . import sqlite_copy
from .backups import Backups, connect, ignore, postgres_tools
from .occupancy import connection_alone, file_alone
from .postgres_tools import MAGIC, revision_in, tables_in
from .sqlite_copy import Watch

_VERSIONS = "alembic_version"


@dataclass(frozen=True)
class Restored:
    """What was restored: ``revision`` is its migration, ``undo`` what holds the database that was there before."""

    revision: str
    undo: Path | None


def restore(settings: HubSettings, file: Path, watch: Watch = ignore) -> Restored:
    """Replace the database with what ``file`` holds.

    Raises:
        InUseError: a hub has the database open.
        RestoreError: the file is no backup for this hub, or it cannot be put in place; the database is as it was.
        BackupError: what is there cannot be kept for undoing this; the database is as it was.
        DatabaseUnusableError: PostgreSQL cannot be reached.
    """
    if settings.database_url is None:
        return _restore_sqlite(settings, file, watch)
    return _restore_postgres(settings, file, watch)


def _restore_sqlite(settings: HubSettings, file: Path, watch: Watch) -> Restored:
    database = settings.database_file
    try:
        if sqlite_copy.head(file).startswith(MAGIC):
            raise RestoreError(f"{file} is a backup of PostgreSQL, and this hub's database is SQLite: {database}")
        if database.exists() and os.path.samefile(file, database):
            raise RestoreError(f"{file} is this hub's database itself, not a backup of it")
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_alone(settings.data_dir):
            revision = _known(sqlite_copy.revision_of(file, checked=True), file)
            handle, name = tempfile.mkstemp(".part", f"{database.name}.", settings.data_dir)
            os.close(handle)
            part = Path(name)
            try:
                patience = settings.busy_timeout_seconds
                sqlite_copy.copy(file, part, watch, patience_seconds=patience, thorough=False)
                undo = _set_aside_sqlite(settings, file, watch)
                os.replace(part, database)
            finally:
                part.unlink(missing_ok=True)
            sqlite_copy.flush_folder(settings.data_dir)
    except BackupError as error:
        raise RestoreError(str(error)) from error
    except OSError as error:
        raise RestoreError(f"{file} cannot be restored: {error}") from error
    return Restored(revision, undo)


def _set_aside_sqlite(settings: HubSettings, file: Path, watch: Watch) -> Path | None:
    """Keep what is there, and bring it into its one file; a journal left beside another file would ruin that."""
    database = settings.database_file
    if not database.exists() or not database.stat().st_size:
        return None
    if not sqlite_copy.is_sqlite(database):  # SQLite would delete the journal beside it
        return _keep_damaged(settings)
    try:
        sqlite_copy.close_for_all(database)
        revision = sqlite_copy.revision_of(database, checked=False)
        return Backups(settings).make(revision, watch=watch, sparing=file).path
    except (sqlite3.DatabaseError, DamagedError):
        return _keep_damaged(settings)


def _keep_damaged(settings: HubSettings) -> Path:
    """Keep the bytes of a database that cannot be read, which may be why somebody restores."""
    database = settings.database_file
    folder = Backups(settings).folder
    folder.mkdir(mode=0o700, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix="damaged-", dir=folder))
    journals = [database.with_name(database.name + ending) for ending in ("-wal", "-shm", "-journal")]
    for each in filter(Path.exists, [database, *journals]):
        shutil.copyfile(each, aside / each.name)
        os.chmod(aside / each.name, 0o600)
        sqlite_copy.flush(aside / each.name)
    for each in journals:
        each.unlink(missing_ok=True)
    return aside / database.name


def _restore_postgres(settings: HubSettings, file: Path, watch: Watch) -> Restored:
    place = settings.describe_database()
    try:
        if sqlite_copy.is_sqlite(file):
            raise RestoreError(f"{file} is a backup of SQLite, and this hub's database is PostgreSQL: {place}")
    except BackupError as error:
        raise RestoreError(str(error)) from error
    tools = postgres_tools(settings)
    assert settings.database_url is not None
    with connect(postgresql_url(settings.database_url), settings) as connection, connection_alone(connection, place):
        revision = _known(revision_in(file), file)
        held = tables_in(file, tools.schema)
        if _VERSIONS not in held:
            raise RestoreError(f"{file} holds no tables of the schema {tools.schema}, which this hub's tables are in")
        current = _present_revision(connection, settings, tools.schema, held)
        if current is None:
            tools.restore(file, [])
            return Restored(revision, None)
        undo = Backups(settings).make(current, watch=watch, sparing=file).path
        tools.restore(file, sorted(held | set(metadata.tables)))
    return Restored(revision, undo)


def _present_revision(connection: Any, settings: HubSettings, schema: str, held: set[str]) -> str | None:
    """Return the migration that the database is at, None where there is no hub's yet.

    Raises:
        RestoreError: its tables, or some of the names in ``held``, are another program's or a newer hub's.
    """
    place = settings.describe_database()
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
    present = {str(name) for (name,) in found}
    if _VERSIONS not in present:
        if foreign := held & present:
            raise RestoreError(f"the database {place} has tables of another program: {', '.join(sorted(foreign))}")
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    current = str(row[0]) if row else "none"
    if current not in revisions():
        raise RestoreError(
            f"the database {place} is at migration {current}, which this version does not know: restore with the "
            "version that wrote it, and install this one afterwards"
        )
    return current


def _known(revision: str, file: Path) -> str:
    if revision not in revisions():
        raise RestoreError(f"{file} was made by a newer Quartermaster (migration {revision}): install that version")
    return revision
