"""``tell``: writes an event in the transaction that makes it true, so that there is never the one without the other."""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from ..database import CLOCK, note_told
from ..schema import event_log, events
from .kinds import KINDS

CHANNEL = "quartermaster_events"
"""Of PostgreSQL's NOTIFY: a hint that there is something to read, without content."""

_NONCES = (1 << 31) - 1

MAX_DATA_BYTES = 16 * 1024


def tell(
    connection: Connection,
    kind: str,
    server_id: str | None = None,
    model_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write an event; must run in a write transaction, which the hub's listeners hear of when it commits.

    ``kind`` is one of ``kinds``; ``data`` is what a listener may want to show, small: never an inventory or a secret.

    Raises:
        ValueError: there is no such kind, or ``data`` is too large.
    """
    text = json.dumps(data or {}, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if kind not in KINDS or len(text) > MAX_DATA_BYTES:
        raise ValueError(f"an event {kind!r} with {len(text)} bytes of data cannot be told")
    clock = connection.get_execution_options().get(CLOCK, time.time)
    row: dict[str, Any] = {"kind": kind, "server_id": server_id, "model_id": model_id, "data": text}
    row |= {"at": clock(), "nonce": 1 + secrets.randbelow(_NONCES)}
    if connection.dialect.name == "sqlite":
        # There is one writer: what has its number first is committed first.
        connection.execute(update(event_log).values(last=event_log.c.last + 1))
        row["seq"] = select(event_log.c.last).scalar_subquery()
    connection.execute(events.insert().values(**row))
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
    note_told(connection)
