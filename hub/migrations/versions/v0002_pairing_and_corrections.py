"""One-time codes for pairing, and corrections by hand that stand above what agents say of a model."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of codes and the columns."""
    op.create_table(
        "pairing_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.add_column("api_keys", sa.Column("by_pairing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("models", sa.Column("override_type", sa.String(length=40), nullable=True))
    op.add_column("models", sa.Column("override_ecosystem", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("override_base_model", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("override_note", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("override_key", sa.String(length=80), nullable=True))
    op.add_column("models", sa.Column("override_by", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("override_at", sa.Double(), nullable=True))
