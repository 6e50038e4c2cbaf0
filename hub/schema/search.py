"""The search index: a document per model, and in SQLite the FTS5 table over them."""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from .base import RowId, metadata

search_documents = Table(
    "search_documents",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    Column("name_key", Text().with_variant(Text(collation="C"), "postgresql"), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("servers", Integer, nullable=False),
    Column("places", Integer, nullable=False),
    Column("twins", Integer, nullable=False),
)
"""What the index knows of a model, as of when ``models.to_index`` was last cleared. ``words`` (see ``search.words``)
are a ``tsvector`` on PostgreSQL, on SQLite text with a blank before and after each; ``name_key`` is the name's order;
``size_bytes`` is 0 where it is not known. ``servers`` that have it, ``places`` it has on them, and ``twins``: other
models with the same tensors."""

Index("search_documents_name", search_documents.c.name_key, search_documents.c.model_id)
Index("search_documents_size", search_documents.c.size_bytes, search_documents.c.model_id)
Index("search_documents_servers", search_documents.c.servers, search_documents.c.model_id)

server_statistics = Table(
    "server_statistics",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", BigInteger, nullable=False),
    Column("computed_at", Double, nullable=False),
    Column("content", Text, nullable=False),
)
"""What a server had when its inventory's digest was this one, counted; JSON, see ``search.statistics``."""

hub_statistics = Table(
    "hub_statistics",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("content", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("computed_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
)
"""Counts over the whole hub as JSON, the ``state`` that they are of, and how long they took."""

FTS5_TABLE = "search_words"
"""On SQLite alone: an FTS5 table over ``search_documents.words``, kept by triggers; with it come tables of FTS5's own
whose names begin so. On PostgreSQL a GIN index named ``search_documents_words`` does its work."""
