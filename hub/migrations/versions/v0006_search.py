"""The search index, and which models it lacks: at first all of them, which the job in ``search.indexing`` fills."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0006"
down_revision = "0005"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Words come without blanks and quotes; each is one token. Prefixes of one to five characters have lists of their own:
# a longer one has so few words that they are put together when it is asked for.
FTS5 = (
    (
        "CREATE VIRTUAL TABLE search_words USING fts5(words, content='search_documents', content_rowid='model_id',"
        " detail=none, columnsize=0, prefix='1 2 3 4 5', tokenize=\"ascii tokenchars '!#$%&*+<=>?@^|~'\")"
    ),
    (
        "CREATE TRIGGER search_documents_added AFTER INSERT ON search_documents BEGIN"
        " INSERT INTO search_words (rowid, words) VALUES (new.model_id, new.words); END"
    ),
    (
        "CREATE TRIGGER search_documents_removed AFTER DELETE ON search_documents BEGIN"
        " INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.model_id, old.words); END"
    ),
    (
        "CREATE TRIGGER search_documents_changed AFTER UPDATE OF words ON search_documents"
        " WHEN old.words <> new.words BEGIN"
        " INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.model_id, old.words);"
        " INSERT INTO search_words (rowid, words) VALUES (new.model_id, new.words); END"
    ),
)


def upgrade() -> None:
    """Make the index and mark every model."""
    op.add_column("models", sa.Column("to_index", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_index(
        "models_to_index",
        "models",
        ["id"],
        sqlite_where=sa.text("to_index"),
        postgresql_where=sa.text("to_index"),
    )
    op.create_table(
        "search_documents",
        sa.Column("model_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("servers", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("twins", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id"),
    )
    op.create_index("search_documents_name", "search_documents", ["name_key", "model_id"])
    op.create_index("search_documents_size", "search_documents", ["size_bytes", "model_id"])
    op.create_index("search_documents_servers", "search_documents", ["servers", "model_id"])
    op.create_table(
        "server_statistics",
        sa.Column("server_id", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id"),
    )
    op.create_table(
        "hub_statistics",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in FTS5:
            op.get_bind().exec_driver_sql(statement)
    else:
        op.execute("CREATE INDEX search_documents_words ON search_documents USING gin (words)")
