"""How fast servers got files, and from where: decaying means of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ..database import Database
from ..schema import transfer_rates

LEAST_BYTES = 1 << 20
"""Less says more of the time to begin than of the way."""
_WEIGHT = 0.3


@dataclass(frozen=True)
class Measured:
    """So many bytes of a source in so many seconds; ``of`` is as ``Source.of``."""

    of: str
    size_bytes: int
    seconds: float


def measure(database: Database, connection: Connection, server_id: str, rates: Sequence[Measured], now: float) -> None:
    """Keep how fast a server got files from these sources."""
    here = transfer_rates.c
    for each in rates:
        if each.size_bytes < LEAST_BYTES or each.seconds <= 0:
            continue
        rate = each.size_bytes / each.seconds
        query = select(transfer_rates).where(here.source == each.of, here.server_id == server_id)
        known = connection.execute(query.with_for_update()).first()
        count = 1 if known is None else known.measured + 1
        if known is not None:
            rate = known.bytes_per_second + max(_WEIGHT, 1 / count) * (rate - known.bytes_per_second)
        values = {"bytes_per_second": rate, "measured": count, "measured_at": now}
        upsert = database.upsert(transfer_rates, ("source", "server_id"), values)
        connection.execute(upsert.values(source=each.of, server_id=server_id, **values))


def rates_to(connection: Connection, server_id: str) -> dict[str, float]:
    """Return the bytes a second that a server got of each source so far."""
    here = transfer_rates.c
    query = select(here.source, here.bytes_per_second).where(here.server_id == server_id)
    return {row.source: row.bytes_per_second for row in connection.execute(query)}
