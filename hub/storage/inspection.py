"""At which migration a database is, found out without changing it."""

from dataclasses import dataclass

from ..database import Database
from ..migrating import Migration, current_revision, missing, revisions, translated
from ..settings import HubSettings


@dataclass(frozen=True)
class Inspected:
    """``revision``: the migration that the database is at, None where there is none or an empty one.

    ``missing``: what the next start would run.
    """

    revision: str | None
    missing: list[Migration]

    @property
    def known(self) -> bool:
        """Tell whether this version, and none newer, wrote the database."""
        return self.revision is None or self.revision in revisions()


def inspect_database(settings: HubSettings) -> Inspected:
    """Look at the database; one that is not there is not made.

    Raises:
        DatabaseUnusableError: it cannot be opened, or is no database.
    """
    if settings.database_url is None:
        file = settings.database_file
        if not file.exists() or not file.stat().st_size:
            return Inspected(None, missing(None))
    database = Database(settings)
    try:
        with translated(database), database.read() as connection:
            revision = current_revision(connection)
    finally:
        database.close()
    return Inspected(revision, missing(revision))
