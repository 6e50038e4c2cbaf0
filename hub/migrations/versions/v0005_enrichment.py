"""What a metadata service said, and who said each field."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "found_by": sa.String(length=100),
    "found_at": sa.Double(),
    "registered_name": sa.Text(),
    "registered_type": sa.String(length=40),
    "registered_size_bytes": sa.BigInteger(),
    "registered_ecosystem": sa.Text(),
    "registered_base_model": sa.Text(),
    "registered_confidence": sa.Double(),
    "registered_key": sa.String(length=80),
    "registered_by": sa.Text(),
    "enriched_name": sa.Text(),
    "enriched_type": sa.String(length=40),
    "enriched_size_bytes": sa.BigInteger(),
    "enriched_ecosystem": sa.Text(),
    "enriched_base_model": sa.Text(),
    "enriched_civitai_id": sa.Text(),
    "enriched_civitai_version_id": sa.Text(),
    "enriched_words": sa.Text(),
    "enriched_sources": sa.Text(),
    "enriched_at": sa.Double(),
    "news": sa.BigInteger(),
}


def upgrade() -> None:
    """Make the tables and the columns; tell apart what was registered by hand and what agents found."""
    for name, kind in _COLUMNS.items():
        op.add_column("models", sa.Column(name, kind, nullable=True))
    # Before this, a registration wrote its name, type and size over an agent's, which a sync then left alone; the
    # ecosystem was whoever's spoke last, so it is the registration's for certain only where no server has the model.
    here = "EXISTS (SELECT 1 FROM model_server_availability here WHERE here.model_id = models.id)"
    op.execute(
        "UPDATE models SET registered_name = name, registered_type = type, registered_size_bytes = size_bytes"
        " WHERE registered_at IS NOT NULL"
    )
    op.execute(
        "UPDATE models SET registered_ecosystem = ecosystem, registered_base_model = base_model,"  # noqa: S608 (ours)
        f" registered_confidence = confidence WHERE registered_at IS NOT NULL AND NOT {here}"
    )
    op.execute(
        f"UPDATE models SET found_at = created_at WHERE registered_at IS NULL OR {here}"  # noqa: S608 (our own words)
    )
    _tables()
    # What was corrected or registered by an older hub is news to agents, which never heard of it.
    op.execute("UPDATE models SET news = id WHERE override_at IS NOT NULL OR registered_at IS NOT NULL")
    op.execute("UPDATE news_counter SET last = coalesce((SELECT max(news) FROM models), 0)")


def _tables() -> None:
    told = sa.text("news IS NOT NULL")
    op.create_index("models_news", "models", ["news"], sqlite_where=told, postgresql_where=told)
    counter = op.create_table(
        "news_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(counter, [{"id": 1, "last": 0}])
    op.create_table(
        "enrichments",
        sa.Column("model_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("leased_until", sa.Double(), nullable=True),
        sa.Column("batch_limit", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("gone_at", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("unknown_base_model", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id"),
    )
    op.create_index("enrichments_next", "enrichments", ["rank", "next_at", "model_id"])
    op.create_index("enrichments_state", "enrichments", ["state"])
    unknown = sa.text("unknown_base_model IS NOT NULL")
    op.create_index(
        "enrichments_unknown_base_model",
        "enrichments",
        ["unknown_base_model"],
        sqlite_where=unknown,
        postgresql_where=unknown,
    )
    op.create_table(
        "metadata_services",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("paused_until", sa.Double(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=20), nullable=True),
        sa.Column("trouble_since", sa.Double(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", sa.Double(), nullable=True),
        sa.Column("last_answer_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
