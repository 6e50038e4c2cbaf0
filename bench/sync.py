"""What telling a hub costs: the first time 50,000 models, then a heartbeat, and one changed file.

The agent's own syncer speaks over HTTP to a hub in a process of its own, on SQLite.
"""

import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..extension.sync import Syncer
from ..hub.schema import metadata
from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub_client import Credentials
from .hub_process import hub_process, make_key
from .published import Published
from .relay import Relay
from .rounds import WALL, in_turn, median_ratio, seconds
from .row import Row, at_most

MODELS = 50_000
FEW_MODELS = 1_000
FIRST_SYNCS = 3
HEARTBEATS = 200
HEARTBEAT_BYTES = 1024
DELTA_BYTES = 4096


def measure(
    models: int = MODELS, few_models: int = FEW_MODELS, first_syncs: int = FIRST_SYNCS, heartbeats: int = HEARTBEATS
) -> list[Row]:
    """Sync two inventories with hubs of this machine; takes about a minute."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        place = Path(folder)
        with published("many", place, models) as many, published("few", place, few_models) as few:
            rows = [_first_sync(place, many, first_syncs)]
            data = place / "hub"
            credentials = make_key(data)
            with hub_process(data) as address:
                rows += _heartbeat(address, credentials, few, many, heartbeats)
                rows.append(_one_change(address, credentials, many))
    return rows


@contextmanager
def published(server_id: str, place: Path, models: int) -> Iterator[Published]:
    """Yield an inventory of so many models."""
    inventory = Published(server_id, place / server_id / "index.sqlite", models)
    try:
        yield inventory
    finally:
        inventory.close()


def _first_sync(place: Path, inventory: Published, rounds: int) -> Row:
    ours, yardstick = [], []
    for number in range(rounds):
        data = place / f"first-{number}"
        credentials = make_key(data)
        with hub_process(data) as address:
            syncer = inventory.syncer(address, credentials)
            ours.append(seconds(partial(settle, syncer), WALL))
            syncer.client.close()
        yardstick.append(bare_insert_seconds(HubSettings(data).database_file, place / f"bare-{number}"))
    name = f"first sync of {inventory.models:,} models"
    return at_most(name, min(ours) / min(yardstick), 6.0, "sqlite3.executemany into the same tables")


def settle(syncer: Syncer) -> None:
    """Talk to the hub until it holds the inventory.

    Raises:
        HubError: it does not.
    """
    error = syncer.settle(threading.Event())
    if error is not None:
        raise error


def _heartbeat(
    address: str, credentials: Credentials, few: Published, many: Published, heartbeats: int
) -> Iterator[Row]:
    with Relay(address) as relay:
        relayed = many.syncer(relay.address, credentials)
        settle(relayed)
        relay.reset()
        relayed.round()
        relayed.client.close()
        requests, largest_bytes = relay.answers, max(relay.sent_bytes, relay.received_bytes)
    yield at_most("requests of a heartbeat", requests, 1, "one request")
    yield at_most("a heartbeat, the longer way, with headers", largest_bytes, HEARTBEAT_BYTES, "1 KiB", "bytes")
    syncers = [few.syncer(address, credentials), many.syncer(address, credentials)]
    for syncer in syncers:
        settle(syncer)
    yardstick, ours = in_turn([syncer.round for syncer in syncers], heartbeats, WALL, before=lambda: None)
    for syncer in syncers:
        syncer.client.close()
    name = f"a heartbeat at {many.models:,} models"
    yield at_most(name, median_ratio(ours, yardstick), 1.2, f"a heartbeat at {few.models:,} models")


def _one_change(address: str, credentials: Credentials, inventory: Published) -> Row:
    with Relay(address) as relay:
        syncer = inventory.syncer(relay.address, credentials)
        settle(syncer)
        relay.reset()
        inventory.change_one()
        settle(syncer)
        syncer.client.close()
        sent_bytes = relay.sent_bytes
    name = f"one changed file of {inventory.models:,}, sent with headers"
    return at_most(name, sent_bytes, DELTA_BYTES, "4 KiB", "bytes")


def bare_insert_seconds(source: Path, data: Path) -> float:
    """Return what ``sqlite3.executemany`` takes for all rows of a hub's database, in a hub's empty database."""
    connection = sqlite3.connect(source)
    rows = {
        table.name: connection.execute(f"SELECT * FROM {table.name}").fetchall()  # noqa: S608 (the hub's own tables)
        for table in metadata.sorted_tables
    }
    connection.close()
    settings = HubSettings(data)
    Hub(settings).close()
    connection = sqlite3.connect(settings.database_file, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "cache_size = -32768"):
        connection.execute(f"PRAGMA {pragma}")
    return seconds(partial(_insert, connection, rows), WALL)


def _insert(connection: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table, listed in rows.items():
        if listed:
            marks = ",".join("?" * len(listed[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", listed)  # noqa: S608
    connection.execute("COMMIT")
    connection.close()
