"""What was where when: closed intervals, the states of servers, and a sample of each day.

Ids of servers stay when a server is gone, so they refer to no row.
"""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from .base import RowId, explain, metadata

past_placements = Table(
    "past_placements",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("server_id", String(100), nullable=False),
    Column("path", Text, nullable=False),
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
)
"""A path of a server held this model from ``since`` to ``until``; what it holds now is in ``placements``."""

Index("past_placements_model_id", past_placements.c.model_id, past_placements.c.until)
Index("past_placements_until", past_placements.c.until)

server_states = Table(
    "server_states",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("server_id", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double),
)
"""A server was in this state from ``since`` to ``until``, or is in it now; the first one begins when it is seen."""

Index("server_states_server_id", server_states.c.server_id, server_states.c.since)
Index("server_states_until", server_states.c.until)

growth = Table(
    "growth",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("at", Double, nullable=False),
    Column("models", BigInteger, nullable=False),
    Column("placements", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("servers", Integer, nullable=False),
)
"""How much the hub knew at the end of each day (UTC, ``2026-11-21``); today's row is brought up to date now and then.
``bytes`` is what the files of all servers take together."""

explain(past_placements, since="since when the path held the model", until="when it was gone or held another one")
explain(server_states, state="present, stale or offline", since="when it began", until="when it ended; null: it lasts")
explain(
    growth,
    day="UTC, as 2026-11-21",
    at="when it was counted last",
    placements="files of all servers",
    bytes="what they take together",
)
