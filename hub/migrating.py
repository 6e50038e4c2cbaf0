"""Brings the database to the newest migration when a hub starts."""

import logging
import sqlite3

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.exc import DatabaseError

from .database import Database
from .errors import DatabaseUnusableError, OverloadedError

_log = logging.getLogger(__name__)
_VERSION = table("alembic_version", column("version_num"))
_ADVISORY_LOCK = 0x51_4D_48_42
"""Any number that no other program of this database uses: two hubs that start at once migrate once."""


def migrate(database: Database) -> str:
    """Run what is missing of the migrations in one transaction and return the revision that the database is at.

    Raises:
        DatabaseUnusableError: it cannot be opened, is not a database, or was written by a newer Quartermaster.
    """
    try:
        return database.write(lambda connection: _upgrade(connection, database))
    except OverloadedError as error:
        reason = _reason(error.__cause__) if isinstance(error.__cause__, DatabaseError) else str(error)
        raise DatabaseUnusableError(f"the database {database.place} cannot be opened: {reason}") from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError):
            raise DatabaseUnusableError(f"{database.place} is not a usable database: {_reason(error)}") from error
        raise


def _reason(error: DatabaseError) -> str:
    return str(error.orig).splitlines()[0]


def _upgrade(connection: Connection, database: Database) -> str:
    if not database.is_sqlite:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    config = _config()
    head = newest_revision()
    current = current_revision(connection)
    if current == head:
        return head
    if current is not None and current not in _revisions(config):
        raise DatabaseUnusableError(
            f"the database {database.place} was written by a newer Quartermaster (migration {current}); "
            "install that version or use another data folder"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _log.info("database migrated from %s to %s", current or "nothing", head)
    return head


def current_revision(connection: Connection) -> str | None:
    """Return the migration that the database is at, None for an empty one."""
    # Not with alembic's MigrationContext, which would log four lines each time that /readyz is asked.
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def newest_revision() -> str:
    """Return the newest migration that this package holds."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _revisions(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "quartermaster.hub:migrations")
    config.set_main_option("path_separator", "os")
    return config
