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
from .hub_process import HubProcess, hub_process, make_key
from .published import Published
from .relay import Relay
from .rounds import CPU, WALL, in_turn, median_ratio, seconds
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
            with hub_process(data) as hub:
                rows += _heartbeat(hub, credentials, few, many, heartbeats)
                rows.append(_one_change(hub, credentials, many))
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
    filled = place / "filled"
    first_sync_seconds(filled, inventory)
    ours, yardstick = [], []
    for number in range(rounds):
        # The yardstick takes a fraction of the time: it is taken on both sides, so that it sees the same machine.
        before = bare_insert_seconds(filled, place / f"before-{number}")
        ours.append(first_sync_seconds(place / f"first-{number}", inventory))
        yardstick.append((before + bare_insert_seconds(filled, place / f"after-{number}")) / 2)
    name = f"first sync of {inventory.models:,} models"
    return at_most(name, median_ratio(ours, yardstick), 6.0, "sqlite3.executemany into the same tables")


def first_sync_seconds(data: Path, inventory: Published) -> float:
    """Return the CPU seconds, of agent and hub together, for telling a new hub everything.

    The hub's database stays in the folder.
    """
    credentials = make_key(data)
    with hub_process(data) as hub:
        syncer = inventory.syncer(hub.address, credentials)
        taken = seconds(partial(settle, syncer), lambda: CPU() + hub.cpu_seconds())
        syncer.client.close()
    return taken


def settle(syncer: Syncer) -> None:
    """Talk to the hub until it holds the inventory.

    Raises:
        HubError: it does not.
    """
    error = syncer.settle(threading.Event())
    if error is not None:
        raise error


def _heartbeat(
    hub: HubProcess, credentials: Credentials, few: Published, many: Published, heartbeats: int
) -> Iterator[Row]:
    with Relay(hub.address) as relay:
        relayed = many.syncer(relay.address, credentials)
        settle(relayed)
        relay.reset()
        relayed.round()
        relayed.client.close()
        requests, largest_bytes = relay.answers, max(relay.sent_bytes, relay.received_bytes)
    yield at_most("requests of a heartbeat", requests, 1, "one request")
    yield at_most("a heartbeat, the longer way, with headers", largest_bytes, HEARTBEAT_BYTES, "1 KiB", "bytes")
    syncers = [few.syncer(hub.address, credentials), many.syncer(hub.address, credentials)]
    for syncer in syncers:
        settle(syncer)
    yardstick, ours = in_turn([syncer.round for syncer in syncers], heartbeats, WALL, before=lambda: None)
    for syncer in syncers:
        syncer.client.close()
    name = f"a heartbeat at {many.models:,} models"
    yield at_most(name, median_ratio(ours, yardstick), 1.2, f"a heartbeat at {few.models:,} models")


def _one_change(hub: HubProcess, credentials: Credentials, inventory: Published) -> Row:
    with Relay(hub.address) as relay:
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
    """Return the CPU seconds of ``sqlite3.executemany`` for all rows of one hub, in the empty database of another.

    Args:
        source: the data folder of the hub with the rows.
        data: the data folder of the other; it is made.
    """
    connection = sqlite3.connect(HubSettings(source).database_file)
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
    for table in rows:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a migration may have put a row there)
    return seconds(partial(_insert, connection, rows), CPU)


def _insert(connection: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table, listed in rows.items():
        if listed:
            marks = ",".join("?" * len(listed[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", listed)  # noqa: S608
    connection.execute("COMMIT")
    connection.close()
