"""What happened, in the order in which it became true."""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, String, Table, Text, text

from .base import RowId, explain, metadata

events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("seq", BigInteger, unique=True),
    Column("nonce", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("server_id", String(100)),
    Column("model_id", RowId, ForeignKey("models.id", ondelete="SET NULL")),
    Column("data", Text, nullable=False),
)
"""``seq`` is an event's place in the order, from 1 without gaps; null until it has one (``events.log``). ``nonce`` is
random: with ``seq`` it makes a cursor that fits this log and no other. A server's id stays when the server is gone."""

explain(
    events,
    seq="the event's place in the order, from 1 without gaps; null until it has one",
    nonce="random; with seq it makes a cursor that fits this log and no other",
    at="when it was told",
    kind="see docs/protocol.md",
    server_id="stays when the server is gone",
    data="JSON, what a listener may want to show",
)

_unnumbered = text("seq IS NULL")
Index("events_unnumbered", events.c.id, sqlite_where=_unnumbered, postgresql_where=_unnumbered)
_of_a_model = text("model_id IS NOT NULL")
Index("events_model_id", events.c.model_id, sqlite_where=_of_a_model, postgresql_where=_of_a_model)
Index("events_server_id", events.c.server_id, events.c.seq)
Index("events_kind", events.c.kind, events.c.seq)

event_log = Table(
    "event_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
"""One row: the last ``seq`` that was given. Whoever gives one locks it."""
explain(event_log, last="the last seq that was given; whoever gives one locks this row")
