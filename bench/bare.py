"""The yardstick of a batch look-up: the few statements, by the driver, that fetch the same facts."""

import json
import sqlite3
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from ..hub.availability import SUMMARY
from ..hub.settings import HubSettings

_PLACES = "p.model_id, p.server_id, p.path, p.state, p.hash_state, p.by_autov2, s.alias, s.last_seen"
_FROM = "model_server_availability p JOIN servers s ON s.id = p.server_id"


class BareSql:
    """A connection of the driver's own to a hub's database, with the hub's pragmas."""

    def __init__(self, settings: HubSettings) -> None:
        self._connection: Any
        if settings.database_url is None:
            self._connection = sqlite3.connect(settings.database_file, isolation_level=None)
            self._connection.execute("PRAGMA cache_size = -32768")
            among = "IN (SELECT value FROM json_each(?))"
            self._given = json.dumps
        else:
            self._connection = psycopg.connect(settings.database_url)
            among = "= ANY(%s)"
            self._given = list
        dialect = sqlite.dialect() if settings.database_url is None else postgresql.dialect()
        facts = select(*SUMMARY).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        self._models = f"{facts} WHERE models.hash_sha256 {among}"
        self._places = f"SELECT {_PLACES} FROM {_FROM} WHERE p.model_id {among}"  # noqa: S608 (all of it stands above)

    def __enter__(self) -> "BareSql":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def fetch(self, hashes: list[str]) -> tuple[list[Any], list[Any]]:
        """Return the rows of these models, and of the places where they are."""
        found = self._connection.execute(self._models, (self._given(hashes),)).fetchall()
        ids = [row[0] for row in found]
        return found, self._connection.execute(self._places, (self._given(ids),)).fetchall()
