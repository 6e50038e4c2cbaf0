"""Transfers: which file goes to which server, where from, how far it is; and what is asked of folders that run full."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from .base import RowId, explain, metadata

transfers = Table(
    "transfers",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("public_id", String(36), nullable=False, unique=True),
    Column("state", String(12), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("name", Text, nullable=False),
    Column("model_type", String(40), nullable=False),
    Column("size_bytes", BigInteger),
    Column("root", Text),
    Column("folder", Text),
    Column("asked_source", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("origin", String(12), nullable=False),
    Column("origin_id", String(80), nullable=False, default=""),
    Column("requested_by", Text, nullable=False, default=""),
    Column("priority", Integer, nullable=False, default=0),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("not_before", Double, nullable=False, default=0.0),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("attempts", Integer, nullable=False, default=0),
    Column("max_attempts", Integer, nullable=False),
    Column("lease", String(40)),
    Column("lease_until", Double),
    Column("last_lease", String(40)),
    Column("done_bytes", BigInteger, nullable=False, default=0),
    Column("bytes_per_second", Double),
    Column("phase", String(12)),
    Column("using", Text),
    Column("path", Text),
    Column("error_code", String(60)),
    Column("error_message", Text),
)
"""One row per transfer; of those that are not over, one for a file and a server. ``lease`` is there while the server is
at it: what it says with another lease changes nothing."""

explain(
    transfers,
    public_id="the id that everybody is told, a UUID",
    state="`asking`, `waiting`, `running`, `paused`, `completed`, `failed` or `cancelled`",
    sha256="what the file must have",
    server_id="where it goes",
    name="of the file, as proposed; the server makes it safe and free",
    size_bytes="null: nobody knows it yet",
    root="label of the root that it goes to; null: the server chooses",
    folder="below the root; null: the server chooses",
    asked_source="`auto`, `server:ID`, `civitai`, `huggingface` or an address",
    sources="JSON: where it can be had, the best first",
    plan="JSON: what was said before it began",
    origin="`person`, `job` or `rule`",
    origin_id="of that job or rule",
    requested_by="the name of the key",
    priority="the greatest is the next",
    not_before="after a failure it rests until then",
    lease="random; the server that is at it shows it",
    last_lease="of the attempt that ended: a report that comes twice is recognised by it",
    phase="`fetching`, `checking` or `placing`",
    using="JSON: the bytes that came of each source",
    path="where the server put it: root label and relative path",
)

_active = text("state IN ('asking', 'waiting', 'running', 'paused')")
IS_ACTIVE: ColumnElement[bool] = literal_column("transfers.state IN ('asking', 'waiting', 'running', 'paused')")
"""A condition that says to both databases that the partial index serves it; a parameter would not."""
Index(
    "transfers_active",
    transfers.c.server_id,
    transfers.c.sha256,
    unique=True,
    sqlite_where=_active,
    postgresql_where=_active,
)
_leased = text("lease_until IS NOT NULL")
Index("transfers_leases", transfers.c.lease_until, sqlite_where=_leased, postgresql_where=_leased)
Index("transfers_state", transfers.c.state, transfers.c.id)
Index("transfers_origin", transfers.c.origin, transfers.c.origin_id, transfers.c.id)
Index("transfers_sha256", transfers.c.sha256)
_over = text("finished_at IS NOT NULL")
Index("transfers_finished_at", transfers.c.finished_at, sqlite_where=_over, postgresql_where=_over)

transfer_rates = Table(
    "transfer_rates",
    metadata,
    Column("source", String(200), nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("bytes_per_second", Double, nullable=False),
    Column("measured", Integer, nullable=False),
    Column("measured_at", Double, nullable=False),
    PrimaryKeyConstraint("source", "server_id"),
)
"""How fast a server got files from a source."""

explain(
    transfer_rates,
    source="`direct:SERVER`, `relay:SERVER` or the name of a host",
    server_id="which got them",
    bytes_per_second="decaying mean",
    measured="over how many transfers",
)

relay_segments = Table(
    "relay_segments",
    metadata,
    Column("transfer_id", RowId, ForeignKey("transfers.id", ondelete="CASCADE"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("wanted_at", Double, nullable=False),
    Column("given_to", String(100)),
    Column("given_until", Double),
    Column("content", LargeBinary),
    PrimaryKeyConstraint("transfer_id", "offset"),
)
"""The pieces of files that go through the hub: wanted by a target, sent by a source, deleted once the target has asked
for what lies behind. A transfer has a few at a time: no whole file is ever here."""

explain(
    relay_segments,
    given_to="the source that was asked for it",
    given_until="so long it has time; then another is asked",
    content="null: it did not come yet",
)
Index("relay_segments_given_to", relay_segments.c.given_to)

transfer_servers = Table(
    "transfer_servers",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True),
    Column("asked_at", Double, nullable=False, default=0.0),
    Column("address", Text),
    Column("ticket_key", String(64)),
    Column("told_at", Double),
)
"""Servers that take or give files. ``ticket_key`` signs tickets for this server alone; its agent draws a new one at
each start."""

explain(
    transfer_servers,
    asked_at="when it asked for a transfer last",
    address="where its agent hands out files itself; null: through the hub only",
)

placement_rules = Table(
    "placement_rules",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),
    Column("selection", Text, nullable=False),
    Column("servers", Text, nullable=False, default="[]"),
    Column("copies", Integer),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", Text, nullable=False, default=""),
    Column("looked_at", Double),
    Column("outcome", Text),
)
"""What is to be where without being asked for each time."""

explain(
    placement_rules,
    kind="`everywhere` or `copies`",
    selection="JSON: which models: hashes, types, ecosystems, tags",
    servers="JSON: on which servers; empty: all",
    copies="how many of each",
    outcome="JSON: what the last look found",
)

removals = Table(
    "removals",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("public_id", String(36), nullable=False, unique=True),
    Column("state", String(12), nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("trashed_at", Double),
    Column("trash_path", Text),
    Column("error_message", Text),
)
"""Files that a person wants gone from a server: moved to its trash folder, and back where it was a mistake."""

explain(
    removals,
    state="`waiting`, `trashed`, `restoring`, `restored`, `emptying`, `emptied` or `failed`",
    path="where it is, or was: root label and relative path",
    trash_path="where it lies now, as the server says",
)
_lasting = text("state IN ('waiting', 'trashed', 'restoring')")
Index(
    "removals_lasting",
    removals.c.sha256,
    removals.c.server_id,
    sqlite_where=_lasting,
    postgresql_where=_lasting,
)
Index("removals_server_id", removals.c.server_id, removals.c.state)
