"""Keeps what the database knows of its own tables, by which it chooses among ways to an answer."""

from sqlalchemy import Connection

from .background import Job
from .database import Database

_EVERY_SECONDS = 3600.0
_ROWS_LOOKED_AT = 1_000


class Upkeep:
    """The care for one database.

    PostgreSQL has its autovacuum. SQLite analyses nothing by itself, and its ``PRAGMA optimize`` looks only at tables
    that the very connection has asked about; so a job does it, which looks at some rows of each index: milliseconds,
    however many there are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.job = Job("upkeep", _EVERY_SECONDS, self.step)

    def step(self) -> bool:
        """Do what is due."""
        if self._database.is_sqlite:
            self.analyse()
        return False

    def analyse(self) -> None:
        """Have the database look at its tables, as it does by itself in time."""
        if self._database.is_sqlite:

            def work(connection: Connection) -> None:
                connection.exec_driver_sql(f"PRAGMA analysis_limit = {_ROWS_LOOKED_AT}")
                connection.exec_driver_sql("ANALYZE")

            self._database.write(work)
        else:
            with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
