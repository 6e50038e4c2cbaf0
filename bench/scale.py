"""What a big hub's answers cost beside a small one's: a look-up, a batch, the first page of a search.

Real hubs over HTTP, on SQLite and on PostgreSQL, each with 10,000 and with 1,000,000 models (``kept``).
"""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from ..hub.services import Hub
from ..hub.settings import HubSettings
from . import big_hub, heartbeats, kept
from .bare import BareSql
from .big_hub import Size
from .hub_process import HubProcess, hub_process
from .rounds import WALL, in_turn, median_ratio, seconds
from .row import Row, at_most

SMALL = Size(10_000, 30_000, 100)
BIG = Size(1_000_000, 3_000_000, 100)
LOOKUPS, BATCHES, PAGES = 200, 15, 25
BATCH_HASHES = 1_000
HEARTBEAT_SECONDS = 10.0
SEARCHES: tuple[tuple[str, dict[str, str]], ...] = (
    ("a rare word", {"q": "{rare}"}),
    ("a common word", {"q": "style"}),
    ("one letter", {"q": "s"}),
    ("two letters", {"q": "po"}),
    ("three letters", {"q": "ani"}),
    ("two words", {"q": "ink night"}),
    ("a word on one server", {"q": "style", "server": "server-007"}),
    ("a word of one type, which another server has", {"q": "style", "type": "VAE", "missing_on": "server-007"}),
    ("a word, newest first", {"q": "style", "sort": "newest"}),
    ("a word, by name", {"q": "style", "sort": "name"}),
    ("no word, one type", {"type": "VAE"}),
)


@dataclass(frozen=True)
class Asked:
    """A hub that answers, and who asks it."""

    session: requests.Session
    size: Size
    process: HubProcess

    def get(self, path: str, **parameters: str | int) -> None:
        """Ask, and have the answer whole."""
        answer = self.session.get(self.process.address + path, params=parameters, timeout=120)
        answer.raise_for_status()

    def look_up(self, dice: random.Random) -> None:
        """Look one model up, another one each time."""
        self.get(f"/api/v1/models/{big_hub.sha256(dice.randrange(self.size.models))}/availability")

    def batch(self, hashes: list[str]) -> None:
        """Look many models up at once."""
        body = {"hashes": hashes}
        answer = self.session.post(f"{self.process.address}/api/v1/models/availability", json=body, timeout=120)
        answer.raise_for_status()


def measure(
    small: Size = SMALL,
    big: Size = BIG,
    lookups: int = LOOKUPS,
    batches: int = BATCHES,
    pages: int = PAGES,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    home: Path = kept.HOME,
) -> list[Row]:
    """Build the four hubs where they are wanting (some ten minutes each big one) and ask them."""
    rows: list[Row] = []
    for on_postgresql in (False, True):
        with ExitStack() as stack:
            settings, hubs = [], []
            for size in (small, big):
                settings.append(stack.enter_context(kept.kept(size, on_postgresql=on_postgresql, home=home)))
                hubs.append(stack.enter_context(asked(settings[-1], size)))
            rows += _rows("PostgreSQL" if on_postgresql else "SQLite", settings[1], hubs, lookups, batches, pages)
            _tell_heartbeats(settings[1], hubs[1], heartbeat_seconds)
    return rows


def _tell_heartbeats(settings: HubSettings, many: Asked, seconds: float) -> None:
    """Print what has no yardstick."""
    headers = {name: str(many.session.headers[name]) for name in ("X-API-Key", "X-API-Secret")}
    cost = heartbeats.cost(many.process, headers, heartbeats.states(settings), seconds)
    place = "PostgreSQL" if settings.database_url else "SQLite"
    print(
        f"bench scale: {place}, {many.size.models:,} models: a heartbeat takes {cost.cpu_seconds * 1000:.1f} ms of CPU"
        f" in the hub's process; {cost.per_second:,.0f} a second are answered",
        file=sys.stderr,
    )


@contextmanager
def asked(settings: HubSettings, size: Size) -> Iterator[Asked]:
    """Run a hub and yield it; its servers are as after a heartbeat. Prints what it took of disk and memory."""
    hub = Hub(settings)
    try:
        big_hub.hear_from_all(hub.database, hub.clock())
        made = hub.keys.create("bench", "admin")
    finally:
        hub.close()
    with hub_process(settings.data_dir, settings.database_url) as process, requests.Session() as session:
        session.headers.update({"X-API-Key": made.key, "X-API-Secret": made.secret})
        yield Asked(session, size, process)
        memory_bytes = process.memory_bytes()
        place = "PostgreSQL" if settings.database_url else "SQLite"
        print(
            f"bench scale: {place}, {size.models:,} models: {kept.disk_bytes(settings) / 1e6:,.0f} MB of disk, "
            f"{memory_bytes / 1e6:,.0f} MB of memory in the hub's process at most",
            file=sys.stderr,
        )


def _rows(
    database: str, settings: HubSettings, hubs: list[Asked], lookups: int, batches: int, pages: int
) -> Iterator[Row]:
    few, many = hubs
    dice = random.Random(11)
    for hub in hubs:  # what was never asked before is read from the disk
        for _ in range(max(20, lookups // 4)):
            hub.look_up(dice)
    yardstick, ours = in_turn([partial(hub.look_up, dice) for hub in hubs], lookups, WALL, before=lambda: None)
    name = f"{database}: a look-up at {many.size.models:,} models"
    yield at_most(name, median_ratio(ours, yardstick), 1.3, f"a look-up at {few.size.models:,} models")
    yield _batch_row(database, settings, many, batches)
    for title, parameters in SEARCHES:
        yield _search_row(database, many, title, parameters, pages)


def _batch_row(database: str, settings: HubSettings, many: Asked, batches: int) -> Row:
    dice = random.Random(12)
    count = min(BATCH_HASHES, many.size.models)
    with BareSql(settings) as bare:
        ours, yardstick = [], []
        for _ in range(batches):
            hashes = [big_hub.sha256(number) for number in dice.sample(range(many.size.models), count)]
            bare.fetch(hashes)  # both find the pages of the disk in memory
            before = seconds(partial(bare.fetch, hashes), WALL)
            ours.append(seconds(partial(many.batch, hashes), WALL))
            yardstick.append((before + seconds(partial(bare.fetch, hashes), WALL)) / 2)
    name = f"{database}: a batch of {count:,} hashes over HTTP"
    return at_most(name, median_ratio(ours, yardstick), 3.0, "the bare SQL that fetches the same facts")


def _search_row(database: str, many: Asked, title: str, parameters: dict[str, str], pages: int) -> Row:
    dice = random.Random(13)
    given = {name: value.format(rare=_rare_word(many.size)) for name, value in parameters.items()}
    search = partial(many.get, "/api/v1/models", **given)
    search()
    yardstick, ours = in_turn([partial(many.look_up, dice), search], pages, WALL, before=lambda: None)
    return at_most(
        f"{database}: first page of {title}", median_ratio(ours, yardstick), 5.0, "a look-up in the same hub"
    )


def _rare_word(size: Size) -> str:
    return str(size.models - 7)
