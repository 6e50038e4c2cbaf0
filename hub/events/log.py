"""The events in their order, and a place in it: the cursor.

An order that readers can follow must be the order of commits: who reads "all after 7" and then commits late as 6 is
never seen. On SQLite there is one writer, and an event has its number before it is committed. On PostgreSQL an event
is written without a number; who wants to read gives numbers first, to all that is committed, under the lock of one
row. ``docs/hub.md`` has the design not taken.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, text, update

from ..ages import iso_time
from ..database import Database, Record
from ..errors import FieldError, GoneError
from ..schema import event_log, events, models
from .kinds import FOR_ADMINS, KINDS

_NUMBERING = text(
    "UPDATE events SET seq = :last + found.place "
    "FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM events WHERE seq IS NULL) AS found "
    "WHERE events.id = found.id"
)
_LOCKED_AT_MOST = "SET LOCAL idle_in_transaction_session_timeout = 10000"
"""PostgreSQL ends a process's transaction that stands still with the lock, and others give the numbers."""

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9a-f]{1,8})")


@dataclass(frozen=True)
class Cursor:
    """A place in the order: after the event ``seq``, which has this ``nonce``; 0: before the oldest that is kept."""

    seq: int
    nonce: int

    def __str__(self) -> str:
        return f"{self.seq}.{self.nonce:x}"


BEGIN = Cursor(0, 0)


def read_cursor(text: str) -> Cursor:
    """Read what ``str(cursor)`` wrote.

    Raises:
        FieldError: it is something else.
    """
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise FieldError("after", "must be a cursor as this hub gave it, such as the id of an event")
    return Cursor(int(found[1]), int(found[2], 16))


@dataclass(frozen=True)
class Event:
    """Something that happened; ``at`` in seconds since the epoch, ``model`` what it was about, if anything."""

    cursor: Cursor
    at: float
    kind: str
    server_id: str | None
    model: dict[str, Any] | None = field(hash=False)
    data: dict[str, Any] = field(hash=False)

    def to_wire(self) -> dict[str, Any]:
        """Return it as it is answered."""
        return {
            "cursor": str(self.cursor),
            "at": iso_time(self.at),
            "kind": self.kind,
            "server_id": self.server_id,
            "model": self.model,
            "data": self.data,
        }

    @cached_property
    def block(self) -> bytes:
        """It as a block of ``text/event-stream``; made once for all who listen."""
        content = json.dumps(self.to_wire(), ensure_ascii=True, separators=(",", ":"))
        return f"id: {self.cursor}\nevent: {self.kind}\ndata: {content}\n\n".encode("ascii")


@dataclass(frozen=True)
class Filter:
    """Which events somebody wants, and may have; an empty set is "any"."""

    kinds: frozenset[str] = frozenset()
    server_ids: frozenset[str] = frozenset()
    as_admin: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(self.kinds - KINDS)
        if unknown:
            raise FieldError("kind", f"{unknown[0][:40]!a} is none of {', '.join(sorted(KINDS))}")

    def takes(self, event: Event) -> bool:
        """Say whether an event is one of those."""
        return (
            (not self.kinds or event.kind in self.kinds)
            and (not self.server_ids or event.server_id in self.server_ids)
            and (self.as_admin or event.kind not in FOR_ADMINS)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the same in SQL."""
        conditions: list[ColumnElement[bool]] = []
        if self.kinds:
            conditions.append(events.c.kind.in_(self.kinds))
        if self.server_ids:
            conditions.append(events.c.server_id.in_(self.server_ids))
        if not self.as_admin:
            conditions.append(events.c.kind.not_in(FOR_ADMINS))
        return conditions


@dataclass(frozen=True)
class Page:
    """Events in their order, and where to go on."""

    events: list[Event]
    cursor: Cursor


class EventLog:
    """The events of one hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def end(self) -> Cursor:
        """Return the place after all that is committed now."""
        self.number()
        with self._database.read() as connection:
            return _end(connection)

    def page(self, after: Cursor, wanted: Filter, limit: int) -> Page:
        """Return the first events after a cursor, at most ``limit`` (fewer: there are no more now).

        Raises:
            GoneError: the cursor's place is not there: what followed it is forgotten, or the database is another.
        """
        self.number()
        with self._database.read() as connection:
            end = _end(connection)
            query = _select(wanted).where(events.c.seq > after.seq, events.c.seq <= end.seq)
            rows = connection.execute(query.order_by(events.c.seq).limit(limit)).all()
            # Asked last: events are forgotten from the oldest on, so while this one is there, none after it is missing.
            if not _holds(connection, after):
                raise GoneError(
                    "what happened after this cursor is not known any more; begin anew, with what the other routes say "
                    "now and with the cursor in details",
                    {"cursor": str(end)},
                    code="cursor_gone",
                )
        listed = [_event(row) for row in rows]
        return Page(listed, listed[-1].cursor if len(listed) == limit else end)

    def before_last(self, wanted: Filter, count: int) -> Cursor:
        """Return the place before the last ``count`` events; where there are fewer, before the first that is kept."""
        self.number()
        with self._database.read() as connection:
            end = _end(connection)
            query = select(events.c.seq).where(events.c.seq <= end.seq, *wanted.conditions())
            seqs = connection.scalars(query.order_by(events.c.seq.desc()).limit(count)).all()
            if not seqs:
                return end
            before = select(events.c.seq, events.c.nonce).where(events.c.seq == seqs[-1] - 1)
            row = connection.execute(before).first()
            return Cursor(seqs[-1] - 1, 0) if row is None else Cursor(row.seq, row.nonce)

    def older(self, before: int | None, wanted: Filter, limit: int) -> list[Event]:
        """Return the last events before a number (None: the newest there are), the newest first, at most ``limit``."""
        self.number()
        numbered = events.c.seq.is_not(None) if before is None else events.c.seq < before
        query = _select(wanted).where(numbered).order_by(events.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def following(self, seq: int, limit: int) -> list[Event]:
        """Return all events after a number, whoever may have them, at most ``limit``."""
        query = _select(Filter(as_admin=True)).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def number(self) -> None:
        """Give numbers to all events that are committed and have none; on SQLite each has one."""
        if self._database.is_sqlite:
            return
        with self._database.read() as connection:
            if not connection.scalar(select(exists().where(events.c.seq.is_(None)))):
                return
        self._database.write(_number)


def _number(connection: Connection) -> None:
    connection.exec_driver_sql(_LOCKED_AT_MOST)
    last = connection.execute(select(event_log.c.last).with_for_update()).scalar_one()
    # This statement begins after the lock was had: it sees all that was committed and numbered before.
    given = connection.execute(_NUMBERING, {"last": last}).rowcount
    if given:
        connection.execute(update(event_log).values(last=last + given))


def _end(connection: Connection) -> Cursor:
    newest = select(events.c.seq, events.c.nonce).where(events.c.seq.is_not(None)).order_by(events.c.seq.desc())
    row = connection.execute(newest.limit(1)).first()
    return BEGIN if row is None else Cursor(row.seq, row.nonce)


def _holds(connection: Connection, cursor: Cursor) -> bool:
    if cursor.nonce == 0:
        oldest = connection.scalar(select(func.min(events.c.seq)))
        return cursor.seq + 1 == (oldest or 1)
    here = exists().where(events.c.seq == cursor.seq, events.c.nonce == cursor.nonce)
    return bool(connection.scalar(select(here)))


def _select(wanted: Filter) -> Select[Any]:
    columns: Sequence[ColumnElement[Any]] = (
        *(events.c.seq, events.c.nonce, events.c.at, events.c.kind, events.c.server_id, events.c.model_id),
        *(events.c.data, models.c.name, models.c.hash_sha256, models.c.hash_autov2),
    )
    joined = events.outerjoin(models, models.c.id == events.c.model_id)
    return select(*columns).select_from(joined).where(*wanted.conditions())


def _event(row: Record) -> Event:
    model = None
    if row.name is not None:
        model = {"id": row.model_id, "name": row.name, "hash": row.hash_sha256 or row.hash_autov2}
    return Event(Cursor(row.seq, row.nonce), row.at, row.kind, row.server_id, model, json.loads(row.data))
