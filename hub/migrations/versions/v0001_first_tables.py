"""The first tables: servers and keys, models, and which server has which model."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "api_keys",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "model_metadata",
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("claimed_v3", sa.String(length=12), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(
        "model_metadata_claimed_v3",
        "model_metadata",
        ["claimed_v3"],
        unique=False,
        sqlite_where=sa.text("claimed_v3 IS NOT NULL"),
        postgresql_where=sa.text("claimed_v3 IS NOT NULL"),
    )
    op.create_table(
        "models",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("hash_autov2", sa.String(length=10), nullable=False),
        sa.Column("hash_sha256", sa.String(length=64), nullable=True),
        sa.Column("hash_tensor", sa.String(length=64), nullable=True),
        sa.Column("hash_autov3", sa.String(length=12), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("ecosystem", sa.Text(), nullable=True),
        sa.Column("base_model", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("identification", sa.Text(), nullable=True),
        sa.Column("metadata_digest", sa.String(length=16), nullable=True),
        sa.Column("registered_metadata_digest", sa.String(length=16), nullable=True),
        sa.Column("civitai_id", sa.Text(), nullable=True),
        sa.Column("civitai_version_id", sa.Text(), nullable=True),
        sa.Column("sources", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("registered_at", sa.Double(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash_sha256"),
    )
    op.create_index(
        "models_autov2_only",
        "models",
        ["hash_autov2"],
        unique=True,
        sqlite_where=sa.text("hash_sha256 IS NULL"),
        postgresql_where=sa.text("hash_sha256 IS NULL"),
    )
    op.create_index("models_hash_autov2", "models", ["hash_autov2"], unique=False)
    op.create_index(
        "models_hash_autov3",
        "models",
        ["hash_autov3"],
        unique=False,
        sqlite_where=sa.text("hash_autov3 IS NOT NULL"),
        postgresql_where=sa.text("hash_autov3 IS NOT NULL"),
    )
    op.create_index(
        "models_metadata_digest",
        "models",
        ["metadata_digest"],
        unique=False,
        sqlite_where=sa.text("metadata_digest IS NOT NULL"),
        postgresql_where=sa.text("metadata_digest IS NOT NULL"),
    )
    op.create_table(
        "servers",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=True),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Text(), nullable=False),
        sa.Column("requests_handed_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alias"),
    )
    op.create_table(
        "metadata_wanted",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("hash_sha256", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id", "path"),
    )
    op.create_index("metadata_wanted_digest", "metadata_wanted", ["digest"], unique=False)
    op.create_table(
        "model_aliases",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("model_id", ROW_ID, nullable=False),
        sa.Column("alias_path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alias_path", "model_id"),
    )
    op.create_table(
        "model_server_availability",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("path_key", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("model_id", ROW_ID, nullable=False),
        sa.Column("entry_digest", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("hash_state", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by_autov2", sa.Boolean(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
        ),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id", "path_key", "path"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "model_server_availability_by_autov2",
        "model_server_availability",
        ["model_id"],
        unique=False,
        sqlite_where=sa.text("by_autov2"),
        postgresql_where=sa.text("by_autov2"),
    )
    op.create_index("model_server_availability_model_id", "model_server_availability", ["model_id"], unique=False)
