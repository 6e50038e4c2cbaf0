"""What a person who runs many servers asks: which has how much of what, what each lacks, what stands twice."""

from typing import Any

from sqlalchemy import func, select

from ..ages import Ages, iso_time
from ..availability import SUMMARY, Availability, summary
from ..clock import Clock
from ..database import Database, among
from ..schema import models, servers
from .statistics import Holding, Statistics


class Coverage:
    """All servers of one hub, side by side."""

    def __init__(
        self, database: Database, clock: Clock, ages: Ages, availability: Availability, statistics: Statistics
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._availability = availability
        self._statistics = statistics

    def of_servers(self) -> dict[str, Any]:
        """Return how many models of which type each server has, and how many it lacks that another has.

        The counts may be some minutes old on a big hub: ``as_of`` says when they were made.
        """
        per_server = self._statistics.per_server()
        whole = self._statistics.whole()
        now = self._clock()
        with self._database.read() as connection:
            columns = (servers.c.id, servers.c.alias, servers.c.last_seen)
            rows = connection.execute(select(*columns).order_by(servers.c.id)).all()
        listed = [
            {
                "server_id": row.id,
                "alias": row.alias,
                "state": self._ages.state(row.last_seen, now),
                **(counted := _counted(per_server.get(row.id, ()))),
                "lacks": max(0, whole.counts["placed"] - counted["models"]),
            }
            for row in rows
        ]
        return {
            "success": True,
            "as_of": iso_time(whole.at),
            "models": whole.counts["models"],
            "placed": whole.counts["placed"],
            "single": whole.counts["single"],
            "types": sorted({kind for each in listed for kind in each["types"]}),
            "servers": listed,
        }

    def twins(self, limit: int, after: str | None = None) -> dict[str, Any]:
        """Return groups of models with the same tensors; ``after`` is the last group's ``tensor_sha256``, if any."""
        tensor = models.c.hash_tensor
        groups = (
            select(func.min(tensor).label("tensor"))
            .where(models.c.hash_autov3.is_not(None))
            .group_by(models.c.hash_autov3)
            .having(func.count() > 1)
            .order_by(models.c.hash_autov3)
            .limit(limit + 1)
        )
        if after is not None:
            groups = groups.where(models.c.hash_autov3 > after[:12])
        with self._database.read() as connection:
            found = list(connection.scalars(groups))
            page = found[:limit]
            heads = [each[:12] for each in page]
            query = select(*SUMMARY).where(among(connection, models.c.hash_autov3, heads)).order_by(models.c.id)
            rows = connection.execute(query).all()
            states = self._availability.of_models(connection, rows)
        by_tensor: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_tensor.setdefault(row.hash_tensor, []).append({**summary(row), **states[row.id]})
        listed = [
            {"tensor_sha256": each, "models": alike} for each, alike in sorted(by_tensor.items()) if len(alike) > 1
        ]
        more = len(found) > limit
        return {"success": True, "groups": listed, "next_after": page[-1] if more else None}


def _counted(holdings: tuple[Holding, ...]) -> dict[str, Any]:
    return {
        "models": sum(each.models for each in holdings),
        "size": sum(each.size_bytes for each in holdings),
        "types": {each.type: {"models": each.models, "size": each.size_bytes} for each in holdings},
    }
