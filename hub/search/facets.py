"""Counts what a search finds by type, ecosystem, base model, server and status, at a bounded cost.

Where more than ``COUNTED`` models are found, the first so many are counted, ``exact`` is false, and each count is one
that is reached at least.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, distinct, func, select

from .. import effective
from ..ages import OFFLINE, PRESENT, STALE, Ages
from ..availability import AVAILABLE, DOWNLOADABLE, UNAVAILABLE
from ..database import among
from ..schema import models, placements, servers

COUNTED = 10_000

_STATUS_OF_RANK = (AVAILABLE, STALE, OFFLINE)


def count(connection: Connection, found: Select[Any], ages: Ages, now: float) -> dict[str, Any]:
    """Return the counts of the models that a query on ``models`` finds (its columns and order are replaced)."""
    columns = (models.c.id, effective.TYPE, effective.ECOSYSTEM, effective.BASE_MODEL, effective.HAS_SOURCES)
    rows = connection.execute(found.with_only_columns(*columns).order_by(None).limit(COUNTED + 1)).all()
    exact = len(rows) <= COUNTED
    rows = rows[:COUNTED]
    ids = [row[0] for row in rows]
    ranked = {row[0]: row[1] for row in connection.execute(rank_of_models(ages, now, ids_of(connection, ids)))}
    statuses = Counter(
        _STATUS_OF_RANK[ranked[row[0]]] if row[0] in ranked else (DOWNLOADABLE if row[4] else UNAVAILABLE)
        for row in rows
    )
    per_server = (
        select(placements.c.server_id, func.count(distinct(placements.c.model_id)))
        .where(ids_of(connection, ids))
        .group_by(placements.c.server_id)
    )
    return {
        "total": {"count": len(rows), "exact": exact},
        "type": listed(Counter(row[1] for row in rows).items()),
        "ecosystem": listed(Counter(row[2] for row in rows).items()),
        "base_model": listed(Counter(row[3] for row in rows).items()),
        "server": listed((row[0], row[1]) for row in connection.execute(per_server)),
        "status": listed(statuses.items()),
    }


def ids_of(connection: Connection, ids: list[int]) -> ColumnElement[bool]:
    """Return the condition that a placement is of one of these models."""
    return among(connection, placements.c.model_id, ids)


def rank_of_models(ages: Ages, now: float, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query of (model id, the best state of it anywhere: 0 available, 1 stale, 2 offline)."""
    fresh = servers.c.last_seen >= now - ages.stale_after_seconds
    alive = servers.c.last_seen >= now - ages.offline_after_seconds
    rank = func.min(case((fresh & (placements.c.state == PRESENT), 0), (alive, 1), else_=2))
    query = select(placements.c.model_id, rank.label("rank")).join(servers, servers.c.id == placements.c.server_id)
    return query.where(*conditions).group_by(placements.c.model_id)


def listed(counted: Iterable[tuple[str | None, int]]) -> list[dict[str, Any]]:
    """Return counts as answers show them, the largest first; null stands for models of which it is not known."""
    ordered = sorted(counted, key=lambda pair: (-pair[1], pair[0] or ""))
    return [{"value": value, "count": count} for value, count in ordered]
