"""The fleet as a person looks at it: every server with what it holds, and what the others have that it lacks.

Sums over an inventory cost a walk through its rows, so they are kept until the inventory's digest is another one.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from .ages import Ages
from .clock import Clock
from .database import Database, Record
from .schema import placements, servers
from .server_registry import find_server


@dataclass(frozen=True)
class Holding:
    """What a server holds of one model type: files, different models among them, and bytes."""

    type: str
    files: int
    models: int
    size_bytes: int


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
    agent: Mapping[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> int:
        """How many different models it holds; a file that lies there twice is one."""
        return sum(each.models for each in self.holdings)

    @property
    def size_bytes(self) -> int:
        """How much its model files take."""
        return sum(each.size_bytes for each in self.holdings)

    @property
    def version(self) -> str | None:
        """Which Quartermaster its agent is."""
        version = self.agent.get("version")
        return version if isinstance(version, str) else None


class Fleet:
    """All servers of one hub, as pages show them."""

    def __init__(self, database: Database, clock: Clock, ages: Ages) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._kept: dict[str, tuple[tuple[int, int], tuple[Holding, ...]]] = {}
        self._lock = threading.Lock()

    def servers(self) -> list[ServerView]:
        """Return every server, by alias."""
        with self._database.read() as connection:
            rows = connection.execute(select(servers).order_by(func.lower(servers.c.alias), servers.c.id)).all()
            return [self._view(connection, row) for row in rows]

    def server(self, name: str) -> ServerView:
        """Return one server by its id or alias.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.read() as connection:
            return self._view(connection, find_server(connection, name))

    def _view(self, connection: Connection, row: Record) -> ServerView:
        agent = json.loads(row.agent) if row.agent else {}
        return ServerView(
            id=row.id,
            alias=row.alias,
            api_url=row.api_url,
            description=row.description,
            state=self._ages.state(row.last_seen, self._clock()),
            created_at=row.created_at,
            last_seen=row.last_seen,
            files=row.entry_count,
            holdings=self._holdings(connection, row),
            requests=tuple(json.loads(row.requests)),
            agent=agent if isinstance(agent, dict) else {},
        )

    def _holdings(self, connection: Connection, row: Record) -> tuple[Holding, ...]:
        state = (int(row.digest), int(row.entry_count))
        with self._lock:
            kept = self._kept.get(row.id)
        if kept is not None and kept[0] == state:
            return kept[1]
        found = _sums(connection, row.id)
        with self._lock:
            self._kept[row.id] = (state, found)
        return found


def _sums(connection: Connection, server_id: str) -> tuple[Holding, ...]:
    files, held, size = func.count(), func.count(placements.c.model_id.distinct()), func.sum(placements.c.size_bytes)
    query = select(placements.c.type, files, held, size).where(placements.c.server_id == server_id)
    rows = connection.execute(query.group_by(placements.c.type).order_by(files.desc(), placements.c.type))
    return tuple(Holding(kind, int(count), int(models), int(size)) for kind, count, models, size in rows)
