"""Databases as StableQueue's versions made them, written from its published schema (``docs/DATABASE_SCHEMA.md``)."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

_COMMON = ("id INTEGER PRIMARY KEY", "name TEXT", "type TEXT")
_FILE = ("local_path TEXT NOT NULL DEFAULT '/models'", "filename TEXT NOT NULL DEFAULT 'x'")
_CIVITAI = ("civitai_id TEXT", "civitai_version_id TEXT")
_HASHES = ("hash_autov2 TEXT", "hash_sha256 TEXT")
_TIMES = ("last_used TIMESTAMP", "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP")
_ENRICHED = (
    "forge_format TEXT",
    "civitai_model_name TEXT",
    "civitai_model_base TEXT",
    "civitai_model_type TEXT",
    "civitai_model_version_name TEXT",
    "civitai_model_version_desc TEXT",
    "civitai_model_version_date TEXT",
    "civitai_download_url TEXT",
    "civitai_trained_words TEXT",
    "civitai_file_size_kb INTEGER",
    "metadata_status TEXT NOT NULL DEFAULT 'incomplete'",
)
_LAST = (
    "preview_path TEXT",
    "preview_url TEXT",
    "civitai_nsfw BOOLEAN DEFAULT FALSE",
    "civitai_blurhash TEXT",
    "metadata_source TEXT DEFAULT 'none'",
    "has_embedded_metadata BOOLEAN DEFAULT FALSE",
    "civitai_checked TEXT CHECK (civitai_checked IN ('found', 'not_found'))",
    "is_duplicate BOOLEAN DEFAULT FALSE",
    "duplicate_hash TEXT",
    "duplicate_group_size INTEGER",
    "duplicate_group_index INTEGER",
)

VERSIONS: dict[str, tuple[str, ...]] = {
    "first": (*_COMMON, *_FILE, "hash TEXT", *_CIVITAI, "forge_format TEXT", *_TIMES),
    "planned": (*_COMMON, *_HASHES, *_CIVITAI),
    "hashes": (*_COMMON, *_FILE, *_CIVITAI, *_HASHES, *_ENRICHED, *_TIMES),
    "last": (*_COMMON, *_FILE, *_CIVITAI, *_HASHES, *_ENRICHED, *_LAST, *_TIMES),
}
"""Version -> the columns of ``models``; ``planned`` is that of the document that the import was made from."""

_OTHERS = """
CREATE TABLE model_aliases (id INTEGER PRIMARY KEY, model_id INTEGER NOT NULL, alias_path TEXT NOT NULL,
    FOREIGN KEY (model_id) REFERENCES models(id) ON DELETE CASCADE);
CREATE TABLE model_server_availability (id INTEGER PRIMARY KEY, model_id INTEGER NOT NULL, server_id TEXT NOT NULL,
    last_seen TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE(model_id, server_id));
"""

_JOBS = """
CREATE TABLE jobs (mobilesd_job_id TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'pending',
    creation_timestamp TEXT NOT NULL, target_server_alias TEXT NOT NULL, generation_params_json TEXT NOT NULL);
CREATE TABLE api_keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL, secret TEXT NOT NULL);
"""


def make_models(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    version: str = "last",
    *,
    aliases: Iterable[tuple[Any, Any]] = (),
    availability: Iterable[tuple[Any, Any]] = (),
    more_columns: tuple[str, ...] = (),
) -> Path:
    """Make a ``mobilesd_models.sqlite`` of one version with these rows, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mobilesd_models.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE models ({', '.join((*VERSIONS[version], *more_columns))})")
        connection.executescript(_OTHERS)
        insert_models(connection, rows)
        connection.executemany("INSERT INTO model_aliases (model_id, alias_path) VALUES (?, ?)", aliases)
        insert = "INSERT INTO model_server_availability (model_id, server_id) VALUES (?, ?)"
        connection.executemany(insert, availability)
    return path


def insert_models(connection: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        insert = f"INSERT INTO models ({names}) VALUES ({marks})"  # noqa: S608 (names of ours)
        connection.execute(insert, list(row.values()))


def make_jobs(folder: Path, statuses: Iterable[str]) -> Path:
    """Make a ``mobilesd_jobs.sqlite`` with a job of each of these statuses, and one API key."""
    path = folder / "mobilesd_jobs.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_JOBS)
        for number, status in enumerate(statuses):
            values = (str(number), status, "2025-05-14T02:34:48.985Z", "Main", "{}")
            connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", values)
        connection.execute("INSERT INTO api_keys VALUES ('1', 'mine', 'mk_key', 'a secret of StableQueue')")
    return path


def make_servers(folder: Path, listed: Any) -> Path:
    path = folder / "servers.json"
    path.write_text(listed if isinstance(listed, str) else json.dumps(listed), encoding="utf-8")
    return path


def lora(number: int, sha256: str | None, **more: Any) -> dict[str, Any]:
    """Return a row as StableQueue fills it for a LoRA that it found on Civitai."""
    return {
        "id": number,
        "name": f"library_{number}.safetensors",
        "type": "lora",
        "local_path": "/app/models/loras/Pony",
        "filename": f"library_{number}.safetensors",
        "civitai_id": f"{651553 + number}.0",
        "civitai_version_id": f"{728915 + number}.0",
        "hash_autov2": sha256[:10].lower() if sha256 else None,
        "hash_sha256": sha256.upper() if sha256 else None,
        "civitai_model_name": "Library Concept",
        "civitai_model_base": "Pony",
        "civitai_model_type": "LORA",
        "civitai_download_url": f"https://civitai.com/api/download/models/{728915 + number}",
        "civitai_trained_words": "ruanyi0859, library, books",
        "civitai_file_size_kb": 144256,
        "civitai_nsfw": 0,
        "metadata_status": "complete",
        **more,
    }
