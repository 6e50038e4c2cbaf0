"""Transfers, the pieces of files that go through the hub, placement rules and removals."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "placement_rules",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("servers", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "removals",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("trashed_at", sa.Double(), nullable=True),
        sa.Column("trash_path", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "removals_lasting",
        "removals",
        ["sha256", "server_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'trashed', 'restoring')"),
        postgresql_where=sa.text("state IN ('waiting', 'trashed', 'restoring')"),
    )
    op.create_index("removals_server_id", "removals", ["server_id", "state"], unique=False)
    op.create_table(
        "transfer_rates",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("bytes_per_second", sa.Double(), nullable=False),
        sa.Column("measured", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("source", "server_id"),
    )
    op.create_table(
        "transfers",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_type", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("root", sa.Text(), nullable=True),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("asked_source", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("origin_id", sa.String(length=80), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("last_lease", sa.String(length=40), nullable=True),
        sa.Column("done_bytes", sa.BigInteger(), nullable=False),
        sa.Column("bytes_per_second", sa.Double(), nullable=True),
        sa.Column("phase", sa.String(length=12), nullable=True),
        sa.Column("using", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "transfers_active",
        "transfers",
        ["server_id", "sha256"],
        unique=True,
        sqlite_where=sa.text("state IN ('asking', 'waiting', 'running', 'paused')"),
        postgresql_where=sa.text("state IN ('asking', 'waiting', 'running', 'paused')"),
    )
    op.create_index(
        "transfers_finished_at",
        "transfers",
        ["finished_at"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "transfers_leases",
        "transfers",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index("transfers_origin", "transfers", ["origin", "origin_id", "id"], unique=False)
    op.create_index("transfers_sha256", "transfers", ["sha256"], unique=False)
    op.create_index("transfers_state", "transfers", ["state", "id"], unique=False)
    op.create_table(
        "relay_segments",
        sa.Column("transfer_id", row_id, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.Double(), nullable=False),
        sa.Column("given_to", sa.String(length=100), nullable=True),
        sa.Column("given_until", sa.Double(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("transfer_id", "offset"),
    )
    op.create_index("relay_segments_given_to", "relay_segments", ["given_to"], unique=False)
    op.create_table(
        "transfer_servers",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("ticket_key", sa.String(length=64), nullable=True),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id"),
    )
