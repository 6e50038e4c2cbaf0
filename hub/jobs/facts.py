"""What is known of the models and servers that some jobs are about, read with a fixed number of queries."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from ..ages import OFFLINE, Ages
from ..availability import rows_by
from ..database import Record
from ..places import Placed, placed
from ..schema import IS_PROCESSING, job_takers, jobs, servers

TAKING_SECONDS = 90.0
"""A server that asked for a job so long ago, or runs one, takes jobs."""


@dataclass(frozen=True)
class Server:
    """A server as jobs see it: ``taking`` says whether it asks for jobs, ``runtime`` what its web UI is."""

    id: str
    alias: str
    state: str
    taking: bool = False
    runtime: str | None = None
    roots: tuple[str, ...] = ()
    windows: bool = False


@dataclass(frozen=True)
class Facts:
    """Models by id, where they are, and every server by id, at one time."""

    models: Mapping[int, Record]
    here: Placed
    servers: Mapping[str, Server]
    cache: dict[Any, Any] = field(default_factory=dict, compare=False)
    """What was worked out from these facts already."""


def load(connection: Connection, model_ids: Iterable[int], ages: Ages, now: float) -> Facts:
    """Read what is known of these models, and of all servers."""
    ids = set(model_ids)
    rows = {int(row.id): row for row in rows_by(connection, "id", ids)}
    return Facts(rows, placed(connection, rows) if rows else {}, _servers(connection, ages, now))


def _servers(connection: Connection, ages: Ages, now: float) -> dict[str, Server]:
    running = set(connection.scalars(select(jobs.c.server_id).where(IS_PROCESSING).distinct()))
    takers = job_takers.c
    query = select(servers.c.id, servers.c.alias, servers.c.last_seen, servers.c.agent, takers.asked_at, takers.runtime)
    joined = query.outerjoin(job_takers, takers.server_id == servers.c.id)
    found = {}
    for row in connection.execute(joined):
        asks = row.asked_at is not None and now - row.asked_at <= TAKING_SECONDS
        state = ages.state(row.last_seen, now)
        roots, windows = _said(row.agent)
        taking = (asks or row.id in running) and state != OFFLINE
        found[row.id] = Server(row.id, row.alias, state, taking, row.runtime, roots, windows)
    return found


def _said(agent: str | None) -> tuple[tuple[str, ...], bool]:
    """Return the labels of a server's roots and whether it runs Windows, as far as its agent said so."""
    said = json.loads(agent) if agent else {}
    listed = said.get("roots") if isinstance(said, dict) else None
    roots = [root.get("label") for root in listed if isinstance(root, dict)] if isinstance(listed, list) else []
    system = said.get("platform") if isinstance(said, dict) else None
    labels = tuple(label for label in roots if isinstance(label, str))
    return labels, isinstance(system, str) and system.lower().startswith("win")
