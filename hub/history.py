"""What was where when: of a model, of a server, and of the whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Double, null, or_, select, union_all

from .ages import STATES, iso_time
from .availability import summary
from .clock import Clock
from .database import Database
from .errors import NotFoundError
from .fields import is_clean
from .growth import day_of
from .registry import Registry
from .schema import growth, past_placements, placements, server_states, servers

MOST_INTERVALS = 1_000
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Interval:
    """A state that lasted from ``since`` to ``until`` (None: it lasts), in seconds since the epoch."""

    state: str
    since: float
    until: float | None


class History:
    """The history of one hub."""

    def __init__(self, database: Database, clock: Clock, registry: Registry) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry

    def of_model(self, text: str) -> dict[str, Any]:
        """Return which servers had a model from when till when, the latest first (``until`` null: it has it).

        Raises:
            FieldError, NotFoundError, ConflictError: as ``Registry.get``.
        """
        here, past = placements.c, past_placements.c
        with self._database.read() as connection:
            model = self._registry.one(connection, text)
            now_held = select(here.server_id, here.path, here.since, null().cast(Double).label("until"))
            once_held = select(past.server_id, past.path, past.since, past.until)
            both = union_all(now_held.where(here.model_id == model.id), once_held.where(past.model_id == model.id))
            listed = both.subquery()
            order = (listed.c.since.desc(), listed.c.server_id, listed.c.path)
            rows = connection.execute(select(listed).order_by(*order).limit(MOST_INTERVALS + 1)).all()
            shown = summary(model)
        return {
            "success": True,
            "model": shown,
            "intervals": [
                {
                    "server_id": row.server_id,
                    "path": row.path,
                    "since": iso_time(row.since),
                    "until": iso_time(row.until),
                }
                for row in rows[:MOST_INTERVALS]
            ],
            "complete": len(rows) <= MOST_INTERVALS,
        }

    def of_server(self, name: str, days: int) -> dict[str, Any]:
        """Return a server's states in the last ``days`` days, and which part of each day (UTC) it spent in which.

        A server that was removed is found by its id for as long as its history is kept.

        Raises:
            NotFoundError: there is and was no such server.
        """
        now = self._clock()
        begin = now - now % DAY_SECONDS - (days - 1) * DAY_SECONDS
        with self._database.read() as connection:
            server_id = _server_id(connection, name)
            here = server_states.c
            recent = or_(here.until.is_(None), here.until > begin)
            query = select(here.state, here.since, here.until).where(here.server_id == server_id, recent)
            listed = [Interval(*row) for row in connection.execute(query.order_by(here.since, here.id))]
        return {
            "success": True,
            "server_id": server_id,
            "states": [
                {"state": one.state, "since": iso_time(one.since), "until": iso_time(one.until)} for one in listed
            ],
            "days": [
                {"day": day_of(start), **fractions(listed, start, min(start + DAY_SECONDS, now))}
                for start in (begin + number * DAY_SECONDS for number in range(days))
            ],
        }

    def states_since(self, begin: float, server_id: str | None = None) -> dict[str, list[Interval]]:
        """Return the states of every server (or of one) that lasted beyond a moment, the oldest first, by server."""
        here = server_states.c
        query = select(here.server_id, here.state, here.since, here.until)
        query = query.where(or_(here.until.is_(None), here.until > begin))
        if server_id is not None:
            query = query.where(here.server_id == server_id)
        found: dict[str, list[Interval]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query.order_by(here.since, here.id)):
                found.setdefault(row.server_id, []).append(Interval(row.state, row.since, row.until))
        return found

    def growth(self, days: int) -> dict[str, Any]:
        """Return how many models, files, bytes and servers the hub knew on each of the last ``days`` days."""
        first = day_of(self._clock() - (days - 1) * DAY_SECONDS)
        with self._database.read() as connection:
            rows = connection.execute(select(growth).where(growth.c.day >= first).order_by(growth.c.day)).all()
        return {"success": True, "days": [{**row._mapping, "at": iso_time(row.at)} for row in rows]}


def fractions(intervals: Iterable[Interval], begin: float, end: float) -> dict[str, float]:
    """Return which part of the time from ``begin`` to ``end`` was spent in each state; ``unknown`` is the rest."""
    spent = dict.fromkeys(STATES, 0.0)
    for one in intervals:
        until = end if one.until is None else min(one.until, end)
        spent[one.state] += max(0.0, until - max(one.since, begin))
    whole = end - begin
    parts = {state: round(seconds / whole, 6) if whole > 0 else 0.0 for state, seconds in spent.items()}
    return {**parts, "unknown": round(max(0.0, 1 - sum(parts.values())), 6)}


def _server_id(connection: Connection, name: str) -> str:
    if is_clean(name):
        known = select(servers.c.id).where(or_(servers.c.id == name, servers.c.alias == name))
        removed = select(server_states.c.server_id).where(server_states.c.server_id == name).limit(1)
        found = connection.scalars(known).all() or connection.scalars(removed).all()
        if found:
            return name if name in found else str(found[0])
    raise NotFoundError(f"there is and was no server {name[:100]!r}", code="server_not_found")
