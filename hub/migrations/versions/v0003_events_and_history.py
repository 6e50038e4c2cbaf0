"""Events, and what was where when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and the columns."""
    _events()
    _history()
    op.add_column(
        "servers", sa.Column("noted_state", sa.String(length=10), nullable=False, server_default=sa.text("'offline'"))
    )
    op.add_column("model_server_availability", sa.Column("since", sa.Double(), nullable=False, server_default="0"))
    op.execute("UPDATE model_server_availability SET since = last_seen")  # the earliest moment that is known


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=True),
        sa.Column("model_id", ROW_ID, nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("seq"),
    )
    for name, column, condition in (
        ("events_unnumbered", "id", "seq IS NULL"),
        ("events_model_id", "model_id", "model_id IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "events", [column], unique=False, sqlite_where=where, postgresql_where=where)
    op.create_index("events_server_id", "events", ["server_id", "seq"], unique=False)
    op.create_index("events_kind", "events", ["kind", "seq"], unique=False)
    log = op.create_table(
        "event_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(log, [{"id": 1, "last": 0}])


def _history() -> None:
    op.create_table(
        "past_placements",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("model_id", ROW_ID, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("past_placements_model_id", "past_placements", ["model_id", "until"], unique=False)
    op.create_index("past_placements_until", "past_placements", ["until"], unique=False)
    op.create_table(
        "server_states",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("server_states_server_id", "server_states", ["server_id", "since"], unique=False)
    op.create_index("server_states_until", "server_states", ["until"], unique=False)
    op.create_table(
        "growth",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("models", sa.BigInteger(), nullable=False),
        sa.Column("placements", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("servers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
