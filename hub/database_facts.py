"""What a person wants to know of the database: which one it is, how large, and at which migration."""

from dataclasses import dataclass

from sqlalchemy import text

from .database import Database
from .migrating import current_revision


@dataclass(frozen=True)
class DatabaseFacts:
    """A database: its kind with its version, its place without any password, its size, its migration."""

    kind: str
    place: str
    size_bytes: int
    migration: str | None


def database_facts(database: Database) -> DatabaseFacts:
    """Ask the database about itself.

    Raises:
        OverloadedError: it does not answer now.
    """
    with database.read() as connection:
        migration = current_revision(connection)
        if database.is_sqlite:
            version = connection.scalar(text("SELECT sqlite_version()"))
            pages, page_bytes = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
            return DatabaseFacts(f"SQLite {version}", database.place, int(pages or 0) * int(page_bytes or 0), migration)
        version = str(connection.scalar(text("SHOW server_version"))).split()[0]
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        return DatabaseFacts(f"PostgreSQL {version}", database.place, int(size or 0), migration)
