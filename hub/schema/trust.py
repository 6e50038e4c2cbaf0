"""Who may do what: keys, the codes that are exchanged for them, sessions of the web page, and what was done by whom.

Times in here are by the machine's wall clock, because several processes and people set and read them.
"""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from .base import RowId, explain, metadata

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
    Column("expires_at", Double),
    Column("last_used_at", Double),
    Column("rotated_at", Double),
    Column("previous_secret_sha256", String(64)),
    Column("previous_until", Double),
)
"""The keys that callers prove who they are with. A secret is never kept, only its hash; the one before the last
rotation still works until ``previous_until``."""

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
"""One-time codes; ``name`` is what the key will be called. The server may be one that is not known yet: it becomes
known by its key."""

hub_identity = Table(
    "hub_identity",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("hub_id", String(16), nullable=False),
    Column("first_login_at", Double),
)
"""One row: a random id that tells this database's hub from others (its cookie is named after it), and when somebody
first logged in to its web page."""

login_codes = Table(
    "login_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)
"""The codes of one-time links to the web page."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("key", String(80), ForeignKey("api_keys.key", ondelete="CASCADE")),
    Column("created_at", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("address", Text, nullable=False),
    Column("browser", Text, nullable=False),
)
"""Who is logged in to the web page. ``id`` names a session for people, ``token_hash`` is of what the cookie holds;
``key`` is the API key that was logged in with, null for a one-time link."""

Index("sessions_key", sessions.c.key)

audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("by_kind", String(10), nullable=False),
    Column("by_key", String(80)),
    Column("by_session", String(16)),
    Column("by_name", Text, nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", Text),
    Column("details", Text, nullable=False),
)
"""What was changed, by whom; rows are added, and deleted when they are too old, never changed.

``by_kind`` is ``key``, ``session`` or ``console``; ``by_name`` is the key's name, or user and machine; ``details`` is
JSON."""

Index("audit_at", audit.c.at)
explain(
    pairing_codes,
    code_hash="a hash of the code that is dear to compute",
    server_id="the server of the key that it is exchanged for",
    name="what that key will be called",
    used_at="since then it is void",
)
