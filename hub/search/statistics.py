"""Counts over the whole hub and per server, kept in the database: at a million models they take seconds to make.

What a server has is counted anew when its inventory's digest is another; the whole hub when any digest is, when a
server's state is, or after ``MAX_AGE_SECONDS`` (a correction by hand changes no digest). Whoever reads counts that are
out of date makes them anew, if that was quick the last time; else he counts as many of the servers that changed as is
quick, and the rest is left to a job, which rests for ``REST`` times as long as it took.
"""

import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, distinct, func, select

from .. import effective
from ..ages import OFFLINE, STALE, Ages
from ..availability import AVAILABLE, DOWNLOADABLE, UNAVAILABLE
from ..background import Job
from ..clock import Clock
from ..database import Database, Record
from ..schema import hub_statistics, models, placements, search_documents, server_statistics, servers
from .facets import listed, rank_of_models

MAX_AGE_SECONDS = 900.0
QUICK_SECONDS = 1.0
REST = 20
_EVERY_SECONDS = 60.0
_WHOLE = "hub"
_WHOLE_IS_OURS = hub_statistics.c.content.contains('"held"')
_SERVER_IS_OURS = server_statistics.c.content.startswith("[")
"""What an older hub counted is of another shape, and as good as not counted."""


@dataclass(frozen=True)
class Holding:
    """What a server holds of one model type: files, different models among them, and bytes."""

    type: str
    files: int
    models: int
    size_bytes: int


@dataclass(frozen=True)
class Whole:
    """Counts over the whole hub; JSON values, and when they were made, by the hub's clock.

    ``held``: of how many models of each type some server has a file.
    """

    counts: dict[str, Any]
    at: float


class Statistics:
    """The counts of one hub."""

    def __init__(self, database: Database, clock: Clock, ages: Ages) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._rest_until = 0.0
        self.job = Job("statistics", _EVERY_SECONDS, self.step)

    def step(self) -> bool:
        """Count what is out of date, if it is time."""
        if time.monotonic() < self._rest_until:
            return False
        started = time.monotonic()
        self._count()
        self._rest_until = time.monotonic() + REST * (time.monotonic() - started)
        return False

    def whole(self) -> Whole:
        """Return the counts over the whole hub, as new as they can quickly be."""
        with self._database.read() as connection:
            kept = _kept(connection)
            is_new = kept is not None and kept.state == self._state(connection)
        if kept is not None and not is_new and kept.seconds > QUICK_SECONDS:
            self.job.call()  # as soon as it has rested
        if kept is not None and (is_new or kept.seconds > QUICK_SECONDS):
            return Whole(json.loads(kept.content), kept.computed_at)
        self._count()
        with self._database.read() as connection:
            kept = _kept(connection)
        assert kept is not None
        return Whole(json.loads(kept.content), kept.computed_at)

    def per_server(self) -> dict[str, tuple[Holding, ...]]:
        """Return what each server holds of each type, most files first; a server that was never counted is missing."""
        self.whole()
        now, until = self._clock(), time.monotonic() + QUICK_SECONDS
        with self._database.read() as connection:
            changed = _count_servers(connection, now, -math.inf, until)
        if changed:
            self._database.write(lambda connection: self._keep_servers(connection, changed))
        with self._database.read() as connection:
            query = select(server_statistics.c.server_id, server_statistics.c.content).where(_SERVER_IS_OURS)
            rows = connection.execute(query).all()
        return {row.server_id: tuple(Holding(**each) for each in json.loads(row.content)) for row in rows}

    def facets(self) -> dict[str, Any]:
        """Return the counts over the whole hub as ``facets.count`` gives those of a search."""
        whole = self.whole().counts
        per_server = listed(
            (server_id, sum(each.models for each in holdings)) for server_id, holdings in self.per_server().items()
        )
        names = ("type", "ecosystem", "base_model", "status")
        total = {"count": whole["models"], "exact": True}
        return {"total": total, **{name: whole[name] for name in names}, "server": per_server}

    def _state(self, connection: Connection) -> str:
        """Return what all counts depend on, as text: inventories, states, corrections, models that came or went."""
        now = self._clock()
        rows = connection.execute(select(servers.c.id, servers.c.digest, servers.c.last_seen)).all()
        known = connection.scalar(select(func.max(models.c.id)))
        facts = sorted((row.id, row.digest, self._ages.state(row.last_seen, now)) for row in rows)
        return json.dumps([known, int(now // MAX_AGE_SECONDS), facts])

    def _count(self) -> None:
        started = time.monotonic()
        now = self._clock()
        with self._database.read() as connection:
            state = self._state(connection)
            kept = _kept(connection)
            if kept is not None and kept.state == state:
                return
            changed = _count_servers(connection, now, now - MAX_AGE_SECONDS, math.inf)
            counts = _count_whole(connection, self._ages, now)
        row = {"name": _WHOLE, "content": json.dumps(counts), "state": state, "computed_at": now}
        row["seconds"] = time.monotonic() - started

        def work(connection: Connection) -> None:
            self._keep_servers(connection, changed)
            upsert = self._database.upsert(hub_statistics, ["name"], ("content", "state", "computed_at", "seconds"))
            self._database.execute_many(connection, upsert, [row])

        self._database.write(work)

    def _keep_servers(self, connection: Connection, counted: list[dict[str, Any]]) -> None:
        known = set(connection.scalars(select(servers.c.id)))
        rows = [each for each in counted if each["server_id"] in known]
        if rows:
            upsert = self._database.upsert(server_statistics, ["server_id"], ("digest", "computed_at", "content"))
            self._database.execute_many(connection, upsert, rows)


def _kept(connection: Connection) -> Record | None:
    return connection.execute(select(hub_statistics).where(hub_statistics.c.name == _WHOLE, _WHOLE_IS_OURS)).first()


def _count_servers(connection: Connection, now: float, oldest: float, until: float) -> list[dict[str, Any]]:
    """Return the new rows of the servers of which there is no count, or one of another inventory or before ``oldest``.

    It ends ``until`` then (monotonic seconds), whether all are counted or not.
    """
    kept = server_statistics.c
    query = select(servers.c.id, servers.c.digest, kept.digest.label("counted"), kept.computed_at)
    query = query.outerjoin(server_statistics, and_(kept.server_id == servers.c.id, _SERVER_IS_OURS))
    counted = []
    for row in connection.execute(query).all():
        if row.counted == row.digest and row.computed_at >= oldest:
            continue
        if time.monotonic() >= until:
            break
        content = json.dumps(holdings_of(connection, row.id))
        counted.append({"server_id": row.id, "digest": row.digest, "computed_at": now, "content": content})
    return counted


def holdings_of(connection: Connection, server_id: str) -> list[dict[str, Any]]:
    """Return the fields of each ``Holding`` of a server; a model that it has twice is one, and fills the disk twice."""
    files = func.count().label("files")
    query = (
        select(
            effective.TYPE.label("type"),
            files,
            func.count(distinct(placements.c.model_id)).label("models"),
            cast(func.sum(placements.c.size_bytes), BigInteger).label("size_bytes"),
        )
        .join(models, models.c.id == placements.c.model_id)
        .where(placements.c.server_id == server_id)
        .group_by(effective.TYPE)
        .order_by(files.desc(), effective.TYPE)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _count_whole(connection: Connection, ages: Ages, now: float) -> dict[str, Any]:
    def by(column: Any) -> list[dict[str, Any]]:
        query = select(column, func.count()).select_from(models).group_by(column)
        return listed((row[0], row[1]) for row in connection.execute(query))

    ranked = rank_of_models(ages, now).subquery()
    placed_models = select(ranked.c.rank, effective.TYPE, func.count()).join(models, models.c.id == ranked.c.model_id)
    ranks, held = Counter[int](), Counter[str]()
    for rank, kind, count in connection.execute(placed_models.group_by(ranked.c.rank, effective.TYPE)):
        ranks[rank] += count
        held[kind] += count
    placed = held.total()
    total = connection.scalar(select(func.count()).select_from(models)) or 0
    nowhere = ~select(placements.c.model_id).where(placements.c.model_id == models.c.id).exists()
    sourced = connection.scalar(select(func.count()).where(effective.HAS_SOURCES, nowhere)) or 0
    statuses = {AVAILABLE: ranks[0], STALE: ranks[1], OFFLINE: ranks[2]}
    statuses |= {DOWNLOADABLE: sourced, UNAVAILABLE: total - placed - sourced}
    return {
        "models": total,
        "placed": placed,
        "held": listed(held.items()),
        "type": by(effective.TYPE),
        "ecosystem": by(effective.ECOSYSTEM),
        "base_model": by(effective.BASE_MODEL),
        "status": listed((status, count) for status, count in statuses.items() if count),
        **dict(connection.execute(_of_documents()).one()._mapping),
    }


def _of_documents() -> Select[Any]:
    document = search_documents.c

    def amount(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    return select(
        amount(document.servers == 1).label("single"),
        amount(document.twins > 0).label("twins"),
        amount(document.places > document.servers).label("copies"),
    )
