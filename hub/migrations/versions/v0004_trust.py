"""Sessions of the web page, rotation and expiry of keys, and the audit log."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables, the columns of keys, and this hub's id."""
    op.add_column("api_keys", sa.Column("expires_at", sa.Double(), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.Double(), nullable=True))
    op.add_column("api_keys", sa.Column("rotated_at", sa.Double(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_secret_sha256", sa.String(length=64), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", sa.Double(), nullable=True))
    identity = op.create_table(
        "hub_identity",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("hub_id", sa.String(length=16), nullable=False),
        sa.Column("first_login_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("one"),
    )
    op.bulk_insert(identity, [{"one": 1, "hub_id": secrets.token_hex(4)}])
    op.create_table(
        "login_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["key"], ["api_keys.key"], ondelete="CASCADE"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("sessions_key", "sessions", ["key"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by_kind", sa.String(length=10), nullable=False),
        sa.Column("by_key", sa.String(length=80), nullable=True),
        sa.Column("by_session", sa.String(length=16), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_at", "audit", ["at"])
