"""Who may do what: keys, and the codes that are exchanged for them."""

from sqlalchemy import Boolean, Column, Double, String, Table, Text

from .base import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", String(10), nullable=False),
    Column("server_id", String(100)),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("by_pairing", Boolean, nullable=False, default=False),
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("server_id", String(100), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)
"""One-time codes; ``name`` is what the key will be called. Times by the machine's wall clock, see ``pairing``. The
server may be one that is not known yet: it becomes known by its key."""
