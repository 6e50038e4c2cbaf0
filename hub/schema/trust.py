"""Who may do what: keys, and the codes that are exchanged for them."""

from sqlalchemy import Boolean, Column, Double, String, Table, Text

from .base import explain, metadata

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
"""The keys that callers prove who they are with. A secret is never kept, only its hash."""

explain(
    api_keys,
    key="what the caller shows beside the secret",
    secret_sha256="SHA-256 of the secret (256 random bits, so that no salt and no slow hash is needed)",  # noqa: S106 (none)
    name="what a person calls it",
    scope="`agent`, `client` or `admin`",
    server_id="the one server of an agent's key",
    revoked_at="since then it is refused",
    by_pairing="made in exchange for a pairing code",
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

explain(
    pairing_codes,
    code_hash="a hash of the code that is dear to compute",
    server_id="the server of the key that it is exchanged for",
    name="what that key will be called",
    used_at="since then it is void",
)
