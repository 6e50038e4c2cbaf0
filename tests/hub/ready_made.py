"""Databases as a new hub leaves them: made once in a test process, then given to one test after the other.

All migrations take a hundred times as long as a copy, and most tests ask for something else. Those of migrations, and
whoever starts a hub by himself, still start from nothing.
"""

import itertools
import secrets
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from quartermaster.hub.schema import hub_identity
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.storage.occupancy import create_private
from sqlalchemy import select

_MANY_ROWS = 2_000
"""A schema that held more is thrown away: what is deleted still lies there and has to be read past."""

_SHAPE = """
    SELECT md5(string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, a.attnotnull, a.attisdropped), ','
        ORDER BY c.relname, a.attnum))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = %s::regnamespace
"""


def lay_out(settings: HubSettings) -> None:
    """Put a new hub's SQLite database where this one would make it, unless one is there already."""
    if settings.database_file.exists():
        return
    content, hub_id = _new_sqlite()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_private(settings.database_file)
    settings.database_file.write_bytes(content.replace(hub_id, _new_id().encode()))


@cache
def _new_sqlite() -> tuple[bytes, bytes]:
    """Return the database and the hub's id in it, which stands there once."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-new-") as folder:
        settings = HubSettings(Path(folder))
        hub = Hub(settings)
        with hub.database.read() as connection:
            hub_id = str(connection.scalar(select(hub_identity.c.hub_id))).encode()
        hub.close()
        content = settings.database_file.read_bytes()
    assert content.count(hub_id) == 1
    return content, hub_id


def _new_id() -> str:
    return secrets.token_hex(4)


class PostgresSchemas:
    """The schemas of a PostgreSQL server: one is as empty as a database of its own, and made in a tenth of the time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = itertools.count(1)
        self._connection = psycopg.connect(address, autocommit=True)
        self._waiting: list[str] = []
        self._given: set[str] = set()
        self._tables: list[str] = []
        self._kept: list[str] = []
        self._sequences: list[str] = []
        self._shape: str | None = None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def new(self) -> str:
        """Make an empty schema and return its URL."""
        name = f"hub_{next(self._numbers)}"
        self._run(f"CREATE SCHEMA {name}")
        return f"{self._address}{'&' if '?' in self._address else '?'}options=-csearch_path%3D{name}"

    def lay_out(self, url: str) -> None:
        """Put a new hub's tables into an empty schema; one that is not empty, or none of these, is left alone."""
        name = _schema(url)
        if name is None or self._run("SELECT 1 FROM pg_class WHERE relnamespace = %s::regnamespace", name).fetchone():
            return
        if self._shape is None:
            self._make(url, name)
        elif not self._waiting:
            with tempfile.TemporaryDirectory(prefix="quartermaster-new-") as folder:
                Hub(HubSettings(Path(folder), database_url=url)).close()
        else:
            self._run(f"DROP SCHEMA {name}")
            self._run(f"ALTER SCHEMA {self._waiting.pop()} RENAME TO {name}")
            self._run(f"UPDATE {name}.hub_identity SET hub_id = %s", _new_id())  # noqa: S608 (a name of ours)
        self._given.add(name)

    def _make(self, url: str, name: str) -> None:
        """Have a hub make its tables, and remember them and what is in them."""
        with tempfile.TemporaryDirectory(prefix="quartermaster-new-") as folder:
            Hub(HubSettings(Path(folder), database_url=url)).close()
        self._tables = [row[0] for row in self._run("SELECT tablename FROM pg_tables WHERE schemaname = %s", name)]
        self._sequences = [
            row[0] for row in self._run("SELECT sequencename FROM pg_sequences WHERE schemaname = %s", name)
        ]
        self._run("CREATE SCHEMA kept")
        for table in self._tables:
            if self._run(f"CREATE TABLE kept.{table} AS TABLE {name}.{table}").rowcount:
                self._kept.append(table)
        self._shape = self._shape_of(name)

    def take_back(self, url: str) -> None:
        """Make the tables of a schema that was laid out here as new, for the next test."""
        name = _schema(url)
        if name not in self._given:
            return
        self._given.remove(name)
        if self._shape_of(name) != self._shape:
            return
        with self._connection.transaction():
            # As on a replica, where no foreign key says which table comes first.
            self._run("SET LOCAL session_replication_role = replica")
            self._run("SET LOCAL lock_timeout = '5s'")
            rows = sum(self._run(f"DELETE FROM {name}.{table}").rowcount for table in self._tables)  # noqa: S608
            for table in self._kept:
                self._run(f"INSERT INTO {name}.{table} SELECT * FROM kept.{table}")  # noqa: S608
            for sequence in self._sequences:
                self._run(f"ALTER SEQUENCE {name}.{sequence} RESTART")
            waiting = f"waiting_{next(self._numbers)}"
            self._run(f"ALTER SCHEMA {name} RENAME TO {waiting}")
        if rows <= _MANY_ROWS:
            self._waiting.append(waiting)

    def _shape_of(self, name: str) -> Any:
        row = self._run(_SHAPE, name).fetchone()
        return row and row[0]

    def _run(self, statement: str, *values: str) -> "psycopg.Cursor[Any]":
        return self._connection.execute(cast(LiteralString, statement), values or None)


def _schema(url: str) -> str | None:
    name = url.rpartition("search_path%3D")[2]
    return name if name.startswith("hub_") else None
