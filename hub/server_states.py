"""Notes when a server becomes present, stale or offline: an event, and an interval of ``server_states``.

What a server is at any moment follows from when it was last seen (``ages``), and needs no noting. A sync notes that a
server is back; that one fell silent nobody says, so a job looks for it. Only a sync notes the better, only the job the
worse: processes whose clocks differ a little cannot contradict each other to and fro.
"""

from sqlalchemy import Connection, and_, insert, or_, select, update

from .ages import OFFLINE, PRESENT, STALE, Ages
from .clock import Clock
from .database import Database, Record
from .events import tell
from .events.kinds import SERVER_STATE
from .schema import server_states, servers

LOOK_EVERY_SECONDS = 5.0


class ServerStates:
    """Looks for servers that fell silent; any number of processes may."""

    def __init__(self, database: Database, clock: Clock, ages: Ages) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        # A hub that did not run heard nobody: its agents get as long to come back as they may be silent.
        self._begins_at = clock() + ages.stale_after_seconds

    def look(self) -> bool:
        """Note the servers that fell silent; for ``Job``."""
        now = self._clock()
        if now < self._begins_at:
            return False
        for row in self._silent(now):
            self._database.write(lambda connection, row=row: self._sink(connection, row, now))  # type: ignore[misc]
        return False

    def _silent(self, now: float) -> list[Record]:
        here = servers.c
        silent = here.last_seen < now - self._ages.stale_after_seconds
        gone = here.last_seen < now - self._ages.offline_after_seconds
        worse = or_(and_(here.noted_state == PRESENT, silent), and_(here.noted_state == STALE, gone))
        query = select(here.id, here.last_seen, here.noted_state).where(worse).order_by(here.id)
        with self._database.read() as connection:
            return list(connection.execute(query))

    def _sink(self, connection: Connection, row: Record, now: float) -> None:
        """Note what a server became, unless it came back or another process noted it meanwhile."""
        state = self._ages.state(row.last_seen, now)
        here = servers.c
        mine = update(servers).where(
            here.id == row.id, here.noted_state == row.noted_state, here.last_seen == row.last_seen
        )
        if connection.execute(mine.values(noted_state=state)).rowcount != 1:
            return
        before = row.noted_state
        if before == PRESENT:
            note(connection, row.id, PRESENT, STALE, row.last_seen + self._ages.stale_after_seconds)
            before = STALE
        if state == OFFLINE:
            note(connection, row.id, before, OFFLINE, row.last_seen + self._ages.offline_after_seconds)


def note(connection: Connection, server_id: str, before: str, state: str, at: float) -> None:
    """Tell that a server is in another state than before, and keep since when."""
    close(connection, server_id, at)
    connection.execute(insert(server_states).values(server_id=server_id, state=state, since=at))
    tell(connection, SERVER_STATE, server_id, data={"state": state, "before": before})


def close(connection: Connection, server_id: str, at: float) -> None:
    """End the state that a server is in."""
    here = server_states.c
    connection.execute(update(server_states).where(here.server_id == server_id, here.until.is_(None)).values(until=at))
