"""The tables of StableQueue's databases, as all its versions have them, read row by row.

Source: ``docs/DATABASE_SCHEMA.md`` and ``utils/modelDatabase.js`` of kelsjon3/StableQueue, from the first version that
has models (its column ``hash`` went later) to the one with ``civitai_checked`` and the columns about duplicates.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .source import SourceError

MODELS, ALIASES, AVAILABILITY = "models", "model_aliases", "model_server_availability"

COLUMNS: dict[str, tuple[str, ...]] = {
    MODELS: (
        "id",
        "name",
        "type",
        "local_path",
        "filename",
        "hash",
        "preview_path",
        "preview_url",
        "civitai_id",
        "civitai_version_id",
        "forge_format",
        "hash_autov2",
        "hash_sha256",
        "civitai_model_name",
        "civitai_model_base",
        "civitai_model_type",
        "civitai_model_version_name",
        "civitai_model_version_desc",
        "civitai_model_version_date",
        "civitai_download_url",
        "civitai_trained_words",
        "civitai_file_size_kb",
        "civitai_nsfw",
        "civitai_blurhash",
        "civitai_checked",
        "metadata_status",
        "metadata_source",
        "has_embedded_metadata",
        "is_duplicate",
        "duplicate_hash",
        "duplicate_group_size",
        "duplicate_group_index",
        "last_used",
        "created_at",
    ),
    ALIASES: ("id", "model_id", "alias_path"),
    AVAILABILITY: ("id", "model_id", "server_id", "last_seen"),
}

_OTHERS = {"alembic_version": "a hub of Quartermaster"}
"""Tables that tell another program's database, which has tables of these names too."""

VALUE_BYTES = 200_000
"""A longer value is not read: it could be as long as the memory."""


class TooLong(bytes):
    """Stands for a value that is over ``VALUE_BYTES``: its first bytes."""


Row = dict[str, Any]
"""Column -> value: SQLite's columns hold any type. A column that this version has not is absent."""


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise SourceError where a database is not StableQueue's."""
    for table, program in _OTHERS.items():
        if columns(connection, table) is not None:
            raise SourceError(f"{path} is the database of {program}, not StableQueue's")
    present = set(columns(connection, MODELS) or ())
    if not {"id", "name", "type"} <= present or not present & {"hash_sha256", "hash_autov2", "hash"}:
        raise SourceError(f"{path} has no table of models as StableQueue's has; name the file {path.name} of its data")


def columns(connection: sqlite3.Connection, table: str) -> list[str] | None:
    """Return the columns of a table, None where there is no plain table of this name."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    made = connection.execute(query, (table,)).fetchone()
    if made is None or str(made[0]).upper().startswith("CREATE VIRTUAL"):
        return None
    return [str(name) for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def unknown_columns(connection: sqlite3.Connection) -> list[str]:
    """Return the columns that no version known here has, as ``table.column``."""
    return [
        f"{table}.{name}"
        for table, known in COLUMNS.items()
        for name in columns(connection, table) or ()
        if name not in known
    ]


def count(connection: sqlite3.Connection, table: str) -> int:
    """Return how many rows a table has, 0 where it is not there."""
    if columns(connection, table) is None:
        return 0
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 (a name of ours)


def rows(connection: sqlite3.Connection, table: str) -> Iterator[Row]:
    """Yield the rows of a table, in their order there; none where it is not there."""
    present = set(columns(connection, table) or ())
    wanted = [name for name in COLUMNS[table] if name in present]
    if not wanted:
        return
    listed = ", ".join(_bounded(name) for name in wanted)
    for values in connection.execute(f'SELECT {listed} FROM "{table}" ORDER BY rowid'):  # noqa: S608 (names of ours)
        pairs = zip(wanted, zip(values[::2], values[1::2], strict=True), strict=True)
        yield {name: TooLong(value) if cut else value for name, (value, cut) in pairs}


def _bounded(name: str) -> str:
    """Return the two expressions for a column: its value, or the head of a long one, and whether it is one."""
    long = f'coalesce(length(CAST("{name}" AS BLOB)) > {VALUE_BYTES}, 0)'
    return f'CASE WHEN {long} THEN substr(CAST("{name}" AS BLOB), 1, 100) ELSE "{name}" END, {long}'


def jobs_by_status(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many jobs a database of jobs has in each status; empty where it has none."""
    if "status" not in (columns(connection, "jobs") or ()):
        return {}
    query = "SELECT CAST(substr(status, 1, 40) AS TEXT), count(*) FROM jobs GROUP BY 1 ORDER BY 1"
    return {str(status): int(number) for status, number in connection.execute(query)}
