"""What giving a server a job costs, where 100,000 wait and where 1,000 do: see ``queued`` for the fleet and its jobs.

A claim is both transactions of it, in this process: CPU time on SQLite, wall time on PostgreSQL. Each server asks in
turn with what it has loaded, is given a job and gives it up; as many new jobs come as were given out. Only the claims
are timed.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import true

from ..hub.jobs.claims import Claim
from ..hub.jobs.job import NewJob
from ..hub.jobs.leases import Failure
from ..hub.keys import ADMIN, Caller
from ..hub.services import Hub
from ..hub.settings import HubSettings
from . import queued
from .big_hub import server_id
from .kept import postgresql
from .queued import KINDS, Fleet, Kinds
from .rounds import CPU, WALL, Clock, median_ratio
from .row import Row, at_most

MANY, FEW, SERVERS = 100_000, 1_000, 100
ROUNDS, IN_ROUND = 15, 20
BOUND = 1.5
_CALLER = Caller(None, ADMIN, None, "bench")


@dataclass
class _Queue:
    """A hub with waiting jobs, and its servers as they ask."""

    hub: Hub
    fleet: Fleet
    clock: Clock
    asked: int = 0
    loaded: dict[str, str] = field(default_factory=dict)
    new: Iterator[list[NewJob]] = field(default_factory=lambda: iter(()))
    kept: list[NewJob] = field(default_factory=list)

    def claims(self, count: int) -> float:
        """Have so many servers ask for a job; return the seconds that it took to give them."""
        taken = 0.0
        for _ in range(count):
            name = server_id(self.asked * 37 % self.fleet.servers)
            self.asked += 1
            claim = Claim(name, f"agent of {name}", 25.0, loaded=self.loaded.get(name))
            started = self.clock()
            token = self.hub.claims.begin(claim, true())
            found = self.hub.claims.look(claim, token, true())
            taken += self.clock() - started
            if found.job is None:
                raise RuntimeError(f"{name} was given no job")  # then there is nothing to compare
            self.loaded[name] = found.job["requirements"][0]["sha256"][0]
            self.hub.leases.fail(found.job["id"], found.job["lease"], Failure("bench", "not run"), _CALLER)
            self.hub.database.write(partial(self.hub.queue.add, new=[self._next()]))
        return taken

    def _next(self) -> NewJob:
        if not self.kept:
            self.kept = next(self.new)
        return self.kept.pop()


def measure(
    many: int = MANY,
    few: int = FEW,
    servers: int = SERVERS,
    rounds: int = ROUNDS,
    in_round: int = IN_ROUND,
    kinds: Kinds = KINDS,
) -> list[Row]:
    """Fill four hubs and have their servers ask; takes some minutes, nearly all of it for the filling."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        place = Path(folder)
        for name, settings in (("SQLite", _sqlite(place)), ("PostgreSQL", _postgresql(place))):
            with settings as listed, ExitStack() as stack:
                sizes = (many, few)
                filled = [_filled(one, size, servers, kinds) for one, size in zip(listed, sizes, strict=True)]
                queues = [stack.enter_context(each) for each in filled]
                rows.append(_row(name, many, few, queues, rounds, in_round))
    return rows


def _row(name: str, many: int, few: int, queues: list[_Queue], rounds: int, in_round: int) -> Row:
    for each in queues:
        each.claims(in_round)  # so that caches and prepared statements are as in a hub that runs
    taken: list[list[float]] = [[], []]
    for number in range(rounds):
        for index in (0, 1) if number % 2 else (1, 0):
            taken[index].append(queues[index].claims(in_round))
    each_ms = [1000 * sorted(seconds)[len(seconds) // 2] / in_round for seconds in taken]
    _say(f"{name}: a claim took {each_ms[0]:.1f} ms with {many:,} jobs, {each_ms[1]:.1f} ms with {few:,}")
    title = f"{name}: a claim with {many:,} jobs queued"
    return at_most(title, median_ratio(taken[0], taken[1]), BOUND, f"a claim with {few:,}")


@contextmanager
def _filled(settings: HubSettings, size: int, servers: int, kinds: Kinds) -> Iterator[_Queue]:
    started = time.monotonic()
    hub = Hub(settings)
    try:
        fleet = queued.fill(hub, servers, kinds)
        queued.queue(hub, fleet, size)
        _say(f"{size:,} jobs queued after {time.monotonic() - started:.0f} s")
        yield _Queue(hub, fleet, CPU if hub.database.is_sqlite else WALL, new=queued.submissions(fleet, 17))
    finally:
        hub.close()


@contextmanager
def _sqlite(place: Path) -> Iterator[list[HubSettings]]:
    yield [HubSettings(place / "many"), HubSettings(place / "few")]


@contextmanager
def _postgresql(place: Path) -> Iterator[list[HubSettings]]:
    with postgresql(place / "postgresql") as address:
        found = []
        for name in ("many", "few"):
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA bench_{name}".encode())
            url = f"{address}{'&' if '?' in address else '?'}options=-csearch_path%3Dbench_{name}"
            found.append(HubSettings(place / f"pg-{name}", database_url=url))
        yield found


def _say(text: str) -> None:
    print(f"bench claims: {text}", file=sys.stderr, flush=True)
