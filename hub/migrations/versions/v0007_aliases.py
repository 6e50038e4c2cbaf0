"""Names under which models are found, and which models an import told of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the columns and their indexes. No hub before this one wrote an alias."""
    op.drop_table("model_aliases")
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "model_aliases",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("model_id", row_id, nullable=False),
        sa.Column("alias_path", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alias_path", "model_id"),
    )
    op.create_index("model_aliases_name_key", "model_aliases", ["name_key"], unique=False)
    op.create_index("model_aliases_model_id", "model_aliases", ["model_id"], unique=False)
    op.add_column("models", sa.Column("imported_at", sa.Double(), nullable=True))
