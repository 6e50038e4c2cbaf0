"""What was asked of a metadata service, what it answered, and when to ask again.

What counts of the answers stands in ``models`` as ``enriched_…``, beside what others say.
"""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text, text

from .base import RowId, metadata

enrichments = Table(
    "enrichments",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("state", String(10), nullable=False, default="waiting"),
    Column("rank", Integer, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("lease", String(32)),
    Column("leased_until", Double),
    Column("batch_limit", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("asked_at", Double),
    Column("gone_at", Double),
    Column("error", Text),
    Column("unknown_base_model", Text),
    Column("answer", Text),
)
"""One row per model that is asked for. ``state`` is ``waiting`` (never answered), ``found``, ``not_found`` or
``error``; ``next_at`` is when to ask again, those of a lower ``rank`` first. ``lease`` names who asks just now, until
``leased_until`` at the latest. ``batch_limit`` is with how many at most it is asked: it is halved when a batch fails,
so that a hash on which the service stumbles ends up alone. ``attempts`` counts errors, or answers "not found", in a
row. ``answer`` is JSON, what is shown beside the model's fields; ``gone_at``: the service knew it once and no more."""

Index("enrichments_next", enrichments.c.rank, enrichments.c.next_at, enrichments.c.model_id)
Index("enrichments_state", enrichments.c.state)
_with_unknown = text("unknown_base_model IS NOT NULL")
Index(
    "enrichments_unknown_base_model",
    enrichments.c.unknown_base_model,
    sqlite_where=_with_unknown,
    postgresql_where=_with_unknown,
)

metadata_services = Table(
    "metadata_services",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("enabled", Boolean),
    Column("paused_until", Double, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("trouble", String(20)),
    Column("trouble_since", Double),
    Column("last_error", Text),
    Column("last_error_at", Double),
    Column("last_answer_at", Double),
)
"""How it stands with a service, for all processes of a hub: nobody asks before ``paused_until``. ``failures`` counts
those in a row; ``trouble`` is why it cannot be asked at all. ``enabled`` is the page's switch; null: as the settings
say."""
