"""The fleet as a person looks at it: every server with what it holds, and how much of the fleet's models it lacks.

The counts are those that the whole hub has (``search.statistics``). Folders cost a walk through an inventory, so they
are kept until its digest is another one.
"""

import json
import threading
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select

from .agent_report import AgentReport, read_report
from .ages import PRESENT, Ages
from .clock import Clock
from .database import Database, Record
from .schema import api_keys, placements, servers
from .search.statistics import Holding, Statistics
from .server_registry import find_server

MOST_FOLDERS = 100
_FOLDER_DEPTH = 3


@dataclass(frozen=True)
class Folder:
    """What lies in a folder and below: ``path`` begins with the root's label."""

    path: str
    type: str
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Loss:
    """What goes with a server that is removed: its files, its keys, and the models that nobody else has."""

    files: int
    keys: int
    only_here: int


@dataclass(frozen=True)
class ServerView:
    """One server; times in seconds since the epoch. ``agent``: what its agent says of itself, shown, never trusted."""

    id: str
    alias: str
    api_url: str | None
    description: str | None
    state: str
    created_at: float
    last_seen: float | None
    files: int
    holdings: tuple[Holding, ...]
    requests: tuple[str, ...]
    agent: AgentReport

    @property
    def models(self) -> int:
        """How many different models it holds; a file that lies there twice is one."""
        return sum(each.models for each in self.holdings)

    @property
    def size_bytes(self) -> int:
        """How much its model files take."""
        return sum(each.size_bytes for each in self.holdings)

    def held(self, kind: str) -> int:
        """Return how many models of a type it holds."""
        return sum(each.models for each in self.holdings if each.type == kind)


@dataclass(frozen=True)
class FleetView:
    """All servers, by alias; ``types``: how many different models of each type they hold together, most first."""

    servers: tuple[ServerView, ...]
    types: tuple[tuple[str, int], ...]

    @property
    def models(self) -> int:
        """How many different models the fleet holds."""
        return sum(count for _, count in self.types)

    @property
    def size_bytes(self) -> int:
        """How much all its files take together."""
        return sum(server.size_bytes for server in self.servers)

    @property
    def online(self) -> int:
        """How many servers are present."""
        return sum(server.state == PRESENT for server in self.servers)

    def lacks(self, server: ServerView) -> int:
        """Return how many of the fleet's models a server does not have."""
        return max(0, self.models - server.models)


class Fleet:
    """All servers of one hub, as pages show them."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, statistics: Statistics) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._statistics = statistics
        self._lock = threading.Lock()
        self._folders: dict[str, tuple[tuple[int, int], tuple[Folder, ...]]] = {}

    def view(self) -> FleetView:
        """Return the whole fleet; the counts may be some minutes old on a big hub."""
        holdings, whole = self._statistics.per_server(), self._statistics.whole()
        with self._database.read() as connection:
            rows = connection.execute(select(servers).order_by(func.lower(servers.c.alias), servers.c.id)).all()
        self._forget({row.id for row in rows})
        types = tuple((each["value"], each["count"]) for each in whole.counts["held"])
        return FleetView(tuple(self._view(row, holdings.get(row.id, ())) for row in rows), types)

    def server(self, name: str) -> ServerView:
        """Return one server by its id or alias.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.read() as connection:
            row = find_server(connection, name)
        return self._view(row, self._statistics.per_server().get(row.id, ()))

    def folders(self, name: str) -> tuple[Folder, ...]:
        """Return the folders of a server that hold models, the largest first, at most ``MOST_FOLDERS``.

        Raises:
            NotFoundError: there is no such server.
        """
        with self._database.read() as connection:
            row = find_server(connection, name)
            return self._kept_folders(connection, row)

    def loss(self, name: str) -> Loss:
        """Return what goes with a server when it is removed.

        Raises:
            NotFoundError: there is no such server.
        """
        other = placements.alias()
        elsewhere = exists().where(
            other.c.model_id == placements.c.model_id, other.c.server_id != placements.c.server_id
        )
        with self._database.read() as connection:
            row = find_server(connection, name)
            here = select(func.count(placements.c.model_id.distinct())).where(placements.c.server_id == row.id)
            valid = select(func.count()).where(api_keys.c.server_id == row.id, api_keys.c.revoked_at.is_(None))
            only_here, keys = connection.scalar(here.where(~elsewhere)), connection.scalar(valid)
        return Loss(row.entry_count, keys or 0, only_here or 0)

    def _view(self, row: Record, holdings: tuple[Holding, ...]) -> ServerView:
        return ServerView(
            id=row.id,
            alias=row.alias,
            api_url=row.api_url,
            description=row.description,
            state=self._ages.state(row.last_seen, self._clock()),
            created_at=row.created_at,
            last_seen=row.last_seen,
            files=row.entry_count,
            holdings=holdings,
            requests=tuple(json.loads(row.requests)),
            agent=read_report(json.loads(row.agent) if row.agent else None),
        )

    def _kept_folders(self, connection: Connection, row: Record) -> tuple[Folder, ...]:
        """Return what was found of this inventory before, else find it."""
        state = (int(row.digest), int(row.entry_count))
        with self._lock:
            before = self._folders.get(row.id)
        if before is not None and before[0] == state:
            return before[1]
        found = _folders(connection, row.id)
        with self._lock:
            self._folders[row.id] = (state, found)
        return found

    def _forget(self, but: set[str]) -> None:
        with self._lock:
            for gone in self._folders.keys() - but:
                del self._folders[gone]


def _folders(connection: Connection, server_id: str) -> tuple[Folder, ...]:
    query = select(placements.c.path, placements.c.type, placements.c.size_bytes)
    files, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for path, kind, size_bytes in connection.execute(query.where(placements.c.server_id == server_id)):
        folder = "/".join(path.split("/")[:-1][:_FOLDER_DEPTH])
        files[folder, kind] += 1
        sizes[folder, kind] += size_bytes
    found = [Folder(path, kind, count, sizes[path, kind]) for (path, kind), count in files.items()]
    return tuple(sorted(found, key=lambda each: (-each.size_bytes, each.path, each.type))[:MOST_FOLDERS])
