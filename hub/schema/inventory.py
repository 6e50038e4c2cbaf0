"""Servers, models, and which server has which model.

``models``, ``model_server_availability`` and ``model_aliases`` keep the names that StableQueue's users know. Hashes
are lower-case hex.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
    true,
)

from .base import RowId, explain, metadata

servers = Table(
    "servers",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("alias", Text, nullable=False, unique=True),
    Column("api_url", Text),
    Column("description", Text),
    Column("created_at", Double, nullable=False),
    Column("last_seen", Double),
    Column("agent_id", Text),
    Column("agent", Text),
    Column("digest", BigInteger, nullable=False, default=0),
    Column("entry_count", Integer, nullable=False, default=0),
    Column("requests", Text, nullable=False, default="[]"),
    Column("requests_handed_at", Double),
    Column("noted_state", String(10), nullable=False, default="offline"),
)
"""``digest`` is the inventory's, as a signed integer; it and ``entry_count`` change only together with the rows.
``noted_state`` is the state that was told last (``server_states``); what a server is now follows from ``last_seen``."""

explain(
    servers,
    id="the server's id, as its agent calls itself",
    alias="what a person calls it",
    api_url="where its web UI answers",
    last_seen="when it was heard of last",
    agent_id="which agent holds the server now",
    agent="JSON: what the agent says of itself; shown, never trusted",
    digest="of the whole inventory: the sum of its entries' digests, signed",
    entry_count="how many entries it has",
    requests="JSON: what the hub wants of the agent (`rescan`, `full`)",
    requests_handed_at="when the agent was told that last",
    noted_state="the state that was told last; what it is now follows from last_seen",
)

models = Table(
    "models",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("type", String(40), nullable=False),
    Column("hash_autov2", String(10), nullable=False),
    Column("hash_sha256", String(64), unique=True),
    Column("hash_tensor", String(64)),
    Column("hash_autov3", String(12)),
    Column("size_bytes", BigInteger),
    Column("ecosystem", Text),
    Column("base_model", Text),
    Column("confidence", Double),
    Column("identification", Text),
    Column("metadata_digest", String(16)),
    Column("registered_metadata_digest", String(16)),
    Column("civitai_id", Text),
    Column("civitai_version_id", Text),
    Column("sources", Text),
    Column("created_at", Double, nullable=False),
    Column("registered_at", Double),
    Column("verified", Boolean, nullable=False, default=False),
    Column("override_type", String(40)),
    Column("override_ecosystem", Text),
    Column("override_base_model", Text),
    Column("override_note", Text),
    Column("override_key", String(80)),
    Column("override_by", Text),
    Column("override_at", Double),
    Column("imported_at", Double),
    Column("found_by", String(100)),
    Column("found_at", Double),
    Column("registered_name", Text),
    Column("registered_type", String(40)),
    Column("registered_size_bytes", BigInteger),
    Column("registered_ecosystem", Text),
    Column("registered_base_model", Text),
    Column("registered_confidence", Double),
    Column("registered_key", String(80)),
    Column("registered_by", Text),
    Column("enriched_name", Text),
    Column("enriched_type", String(40)),
    Column("enriched_size_bytes", BigInteger),
    Column("enriched_ecosystem", Text),
    Column("enriched_base_model", Text),
    Column("enriched_civitai_id", Text),
    Column("enriched_civitai_version_id", Text),
    Column("enriched_words", Text),
    Column("enriched_sources", Text),
    Column("enriched_at", Double),
    Column("to_index", Boolean, nullable=False, server_default=true()),
    Column("news", BigInteger),
)
"""One row per file content. ``metadata_digest`` names what the file's metadata was last said to be, held or not;
``identification`` is JSON with ``evidence`` and ``conflicts``; ``sources`` is JSON, places to download from.
``verified``: some agent read these bytes once. A row is deleted only where that never was and a verified hash refuted
the claim. ``override_…``: what a person said instead (``overrides``), by which key, of what name, and when; a sync
never writes it. ``imported_at``: when a database of StableQueue told of it first (``stablequeue``). ``to_index``: the
search index does not show yet what is known now (``search.indexing``).

``name``, ``type``, ``size_bytes``, ``ecosystem``, ``base_model``, ``confidence`` and ``identification`` are what agents
found: the server ``found_by`` brought these values at ``found_at``; where that is null, no agent ever had the model,
and they stand for what an import brought. ``registered_…`` is what was registered by hand, by which key, and
``sources``, ``civitai_id`` and ``civitai_version_id`` belong to that; ``enriched_…`` is what the metadata service said
(``enrichments``). Which of them counts: ``effective``.

``news`` numbers what the hub knows of a model and agents do not, see ``news``."""

_to_index = text("to_index")
Index("models_to_index", models.c.id, sqlite_where=_to_index, postgresql_where=_to_index)
TO_INDEX: ColumnElement[bool] = literal_column("models.to_index")
"""``models.to_index`` as a condition: SQLAlchemy spells the column ``to_index = 1``, and SQLite then scans the table,
because it does not see that this is what the index is of."""
explain(
    models,
    name="as agents found it: a file's name without its ending",
    type="the model type as agents found it (`LORA`, `Checkpoint`, …)",
    hash_autov2="first 10 digits of the SHA-256",
    hash_sha256="of the whole file; null where only the AutoV2 is known",
    hash_tensor="SHA-256 of a safetensors file without its header",
    hash_autov3="first 12 digits of `hash_tensor`",
    ecosystem="of the catalogue, as agents found it",
    base_model="of the catalogue, as agents found it",
    confidence="of the two, 0 to 1",
    identification="JSON: `evidence` and `conflicts`",
    metadata_digest="of `model_metadata`: what the file's metadata was said to be last",
    registered_metadata_digest="of `model_metadata`: what was registered by hand",
    civitai_id="of the model at Civitai",
    civitai_version_id="of this file's version at Civitai",
    sources="JSON: places to download it from, as registered",
    registered_at="when it was registered by hand",
    verified="an agent read these bytes once",
    override_type="the type that a person says it has",
    override_ecosystem="follows from `override_base_model`",
    override_base_model="the base model that a person says it has",
    override_note="why",
    override_key="the key that the correction was made with",
    override_by="that key's name",
    found_by="the server whose agent said so last",
    enriched_words="JSON: trigger words",
    enriched_sources="JSON: places to download it from",
)

Index("models_hash_autov2", models.c.hash_autov2)
_with_tensor = text("hash_autov3 IS NOT NULL")
Index("models_hash_autov3", models.c.hash_autov3, sqlite_where=_with_tensor, postgresql_where=_with_tensor)
_with_news = text("news IS NOT NULL")
Index("models_news", models.c.news, sqlite_where=_with_news, postgresql_where=_with_news)
_with_metadata = text("metadata_digest IS NOT NULL")
Index("models_metadata_digest", models.c.metadata_digest, sqlite_where=_with_metadata, postgresql_where=_with_metadata)
for _column in (models.c.civitai_version_id, models.c.enriched_civitai_version_id):
    _with_version = text(f"{_column.name} IS NOT NULL")
    Index(f"models_{_column.name}", _column, sqlite_where=_with_version, postgresql_where=_with_version)
_without_sha256 = text("hash_sha256 IS NULL")
Index(
    "models_autov2_only",
    models.c.hash_autov2,
    unique=True,
    sqlite_where=_without_sha256,
    postgresql_where=_without_sha256,
)

placements = Table(
    "model_server_availability",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), nullable=False),
    Column("path_key", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("model_id", RowId, ForeignKey("models.id"), nullable=False),
    Column("entry_digest", BigInteger, nullable=False),
    Column("type", String(40), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger),
    Column("hash_state", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("by_autov2", Boolean, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("since", Double, nullable=False),
    PrimaryKeyConstraint("server_id", "path_key", "path"),
    sqlite_with_rowid=False,
)
"""One row per server and path. ``path_key`` is a function of the path (16 bits of its SHA-256) and stands before it in
the key, so that a bucket is one range of it. ``last_seen`` is when the agent last stated this row, ``since`` when it
first stated this model at this path."""

explain(
    placements,
    path_key="16 bits of the path's SHA-256",
    path="root label and relative path, with `/`",
    entry_digest="of the entry as it was sent, signed",
    type="the model type that this entry states",
    mtime_ns="the file's change time, nanoseconds since the epoch",
    hash_state="`verified` or `claimed`",
    state="`present`, or `stale` where its folder is gone",
    by_autov2="the entry stated an AutoV2 alone",
    last_seen="when the agent stated this row last",
    since="when it first stated this model at this path",
)

Index("model_server_availability_model_id", placements.c.model_id)
_by_autov2 = text("by_autov2")
Index(
    "model_server_availability_by_autov2",
    placements.c.model_id,
    sqlite_where=_by_autov2,
    postgresql_where=_by_autov2,
)
BY_AUTOV2: ColumnElement[bool] = literal_column("model_server_availability.by_autov2")
"""``by_autov2`` as a condition, see ``TO_INDEX``."""

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    Column("alias_path", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("source", String(10), nullable=False),
    Column("said_by", Text),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("alias_path", "model_id"),
)
"""Names and paths under which a model is found. ``name_key`` is the folded name without folder and extension (see
``names``): a look-up is one probe for it, and narrows the few rows that it finds. ``source`` is ``hand``, ``import``,
``seen`` (the name of an agent's file, kept when the file is gone) or ``own`` (a LoRA's, in its own metadata);
``said_by`` is the name of the key that said it."""

Index("model_aliases_name_key", model_aliases.c.name_key)
Index("model_aliases_model_id", model_aliases.c.model_id)

model_metadata = Table(
    "model_metadata",
    metadata,
    Column("digest", String(16), primary_key=True),
    Column("claimed_v3", String(12)),
    Column("content", Text, nullable=False),
)
"""Metadata objects by their own digest: one that many servers hold is kept once. ``claimed_v3`` is the head of the
``sshs_model_hash`` in it: a file's own claim of its tensor hash."""

explain(
    model_metadata,
    digest="BLAKE2b-64 of the content, canonical",
    claimed_v3="first 12 digits of the tensor hash that the file claims",
    content="JSON: the file's own metadata",
)

_with_claim = text("claimed_v3 IS NOT NULL")
Index("model_metadata_claimed_v3", model_metadata.c.claimed_v3, sqlite_where=_with_claim, postgresql_where=_with_claim)

metadata_wanted = Table(
    "metadata_wanted",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("hash_sha256", String(64), nullable=False),
    Column("digest", String(16), nullable=False),
    PrimaryKeyConstraint("server_id", "path"),
)
"""Entries that stated a metadata digest which the hub does not hold."""

explain(metadata_wanted, path="of the entry", hash_sha256="of the file", digest="of the metadata that is wanted")

Index("metadata_wanted_digest", metadata_wanted.c.digest)

news_counter = Table(
    "news_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
"""One row: the last number that was given to news. Whoever gives one holds it until the transaction ends, so that
whoever reads a number sees all that have a lower one."""
