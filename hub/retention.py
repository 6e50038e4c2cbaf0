"""Forgets events and past intervals after as long as the settings say, a batch at a time."""

from sqlalchemy import Connection, Table, delete, select

from .clock import Clock
from .database import Database, among
from .schema import event_log, events, past_placements, server_states

BATCH = 2_000
"""Rows that one transaction deletes, so that no writer waits long for it."""

_DAY_SECONDS = 86_400.0


class Retention:
    """What is kept how long; any number of processes may see to it."""

    def __init__(self, database: Database, clock: Clock, events_days: float, history_days: float) -> None:
        self._database = database
        self._clock = clock
        self._events_seconds = events_days * _DAY_SECONDS
        self._history_seconds = history_days * _DAY_SECONDS

    def prune(self) -> bool:
        """Forget one batch of each kind; return whether there is more. For ``Job``."""
        now = self._clock()
        deleted = [self._database.write(lambda connection: _prune_events(connection, now - self._events_seconds))]
        for table in (past_placements, server_states):
            deleted.append(self._prune_closed(table, now - self._history_seconds))
        return BATCH in deleted

    def _prune_closed(self, table: Table, before: float) -> int:
        old = select(table.c.id).where(table.c.until < before).order_by(table.c.until).limit(BATCH)
        return self._database.write(
            lambda connection: connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
        )


def _prune_events(connection: Connection, before: float) -> int:
    """Forget the oldest events, never the newest one: by it a listener that heard all knows that it did."""
    last = select(event_log.c.last).scalar_subquery()
    query = select(events.c.seq, events.c.at).where(events.c.seq < last).order_by(events.c.seq).limit(BATCH)
    old: list[int] = []
    for seq, at in connection.execute(query):
        if at >= before:
            break
        old.append(seq)
    if old:
        connection.execute(delete(events).where(among(connection, events.c.seq, old)))
    return len(old)
