"""Brings the database to the newest migration when a hub starts, after a backup where there is something to lose."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.exc import DatabaseError, OperationalError

from .database import Database, is_deadlock
from .errors import DatabaseUnusableError, InUseError, MigrationFailedError, OverloadedError
from .storage.occupancy import migrating_alone

_log = logging.getLogger(__name__)
_VERSION = table("alembic_version", column("version_num"))
_ADVISORY_LOCK = 0x51_4D_48_42
"""Any number that no other program of this database uses: two hubs that start at once migrate once."""

MakeBackup = Callable[[str], Path]
"""Backs the database up, which is at this migration, and returns where to."""


@dataclass(frozen=True)
class Migration:
    """One of this package's migrations, in their order; ``meaning`` is a line for a person."""

    revision: str
    meaning: str


def migrate(database: Database, make_backup: MakeBackup | None = None) -> str:
    """Run what is missing of the migrations in one transaction and return the revision that the database is at.

    ``make_backup`` is called first, once everything that writes waits, where a row could be lost. However many
    processes start at once, one of them does all this.

    Raises:
        DatabaseUnusableError: it cannot be opened, is not a database, or was written by a newer Quartermaster.
        MigrationFailedError: a migration failed; the database is as it was.
        BackupError: there can be no backup; the database is as it was.
    """
    with translated(database):
        with database.read() as connection:
            if current_revision(connection) == newest_revision():
                return newest_revision()
        with _one_at_a_time(database):
            return database.write(lambda connection: _upgrade(connection, database, make_backup))


@contextmanager
def translated(database: Database) -> Iterator[None]:
    """Turn what a database that cannot be used says of itself into a ``DatabaseUnusableError``."""
    try:
        yield
    except OverloadedError as error:
        reason = _reason(error.__cause__) if isinstance(error.__cause__, DatabaseError) else str(error)
        raise DatabaseUnusableError(f"the database {database.place} cannot be opened: {reason}") from error
    except InUseError as error:
        raise DatabaseUnusableError(f"another process has been migrating {database.place} for a day") from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError):
            raise DatabaseUnusableError(f"{database.place} is not a usable database: {_reason(error)}") from error
        raise


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    """Wait for another process that migrates, for as long as that and its backup take; PostgreSQL has its own lock."""
    if database.folder is None:
        yield
        return
    with migrating_alone(database.folder):
        yield


def _reason(error: DatabaseError) -> str:
    reason = str(error.orig).splitlines()[0]
    if "is locked" in reason or "lock timeout" in reason:
        return f"{reason}: another program keeps it locked; close that, or try again when it is done"
    return reason


def _upgrade(connection: Connection, database: Database, make_backup: MakeBackup | None) -> str:
    if not database.is_sqlite:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(database.busy_timeout_seconds * 1000)}")
    head, current = newest_revision(), current_revision(connection)
    if current == head:
        return head
    if current is not None and current not in revisions():
        raise DatabaseUnusableError(
            f"the database {database.place} was written by a newer Quartermaster (migration {current}); "
            "install that version or use another data folder"
        )
    backup = None
    if make_backup is not None and current is not None and _holds_anything(connection):
        _keep_writers_waiting(connection)
        _log.info("backing up before migrating from %s to %s; the port opens when both are done", current, head)
        backup = make_backup(current)
        _log.info("backed up to %s", backup)
    _run(connection, database, f"from {current or 'nothing'} to {head}", backup)
    _log.info("database migrated from %s to %s", current or "nothing", head)
    return head


def _run(connection: Connection, database: Database, way: str, backup: Path | None) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except Exception as error:
        if isinstance(error, OperationalError) and is_deadlock(error):
            raise  # it is tried again
        reason = _reason(error) if isinstance(error, DatabaseError) else f"{type(error).__name__}: {error}"
        kept = f" A backup of it is {backup}." if backup else ""
        raise MigrationFailedError(
            f"the database {database.place} could not be migrated {way}: {reason}. Nothing was changed: it is as it "
            f"was, and the version of Quartermaster that wrote it can go on with it.{kept}"
        ) from error


def _holds_anything(connection: Connection) -> bool:
    """Tell whether any table has a row: what an old hub made and nobody used is not worth a backup."""
    return any(
        connection.execute(select(1).select_from(table(name)).limit(1)).first() is not None
        for name in _tables(connection)
    )


def _keep_writers_waiting(connection: Connection) -> None:
    """Let nobody write what the backup would not have; SQLite has one writer, and this is it."""
    if connection.dialect.name == "sqlite":
        return
    quote = connection.dialect.identifier_preparer.quote
    listed = ", ".join(quote(name) for name in _tables(connection))
    connection.exec_driver_sql(f"LOCK TABLE {listed} IN SHARE ROW EXCLUSIVE MODE")


def _tables(connection: Connection) -> list[str]:
    return sorted(name for name in inspect(connection).get_table_names() if name != _VERSION.name)


def current_revision(connection: Connection) -> str | None:
    """Return the migration that the database is at, None for an empty one."""
    # Not with alembic's MigrationContext, which would log four lines each time that /readyz is asked.
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def newest_revision() -> str:
    """Return the newest migration that this package holds."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def revisions() -> list[str]:
    """Return the revisions of this package's migrations, in their order."""
    return [each.revision for each in missing(None)]


def missing(current: str | None) -> list[Migration]:
    """Return the migrations that a database at this one lacks, in the order in which they would run."""
    scripts = _scripts().walk_revisions()
    ours = [Migration(script.revision, (script.doc or "").partition("\n")[0]) for script in scripts][::-1]
    behind = next((index + 1 for index, each in enumerate(ours) if each.revision == current), 0)
    return ours[behind:]


@cache
def _scripts() -> ScriptDirectory:
    """Return the migrations that this package holds; read once, for load balancers ask ``/readyz`` for ever."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "quartermaster.hub:migrations")
    config.set_main_option("path_separator", "os")
    return config
