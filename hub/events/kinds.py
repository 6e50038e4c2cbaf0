"""The kinds of events; ``docs/protocol.md`` says what each has in its ``data``, and a test holds the two together."""

INVENTORY_CHANGED = "inventory_changed"
SERVER_STATE = "server_state"
SERVER_ADDED = "server_added"
SERVER_CHANGED = "server_changed"
SERVER_REMOVED = "server_removed"
KEY_CHANGED = "key_changed"
OVERRIDE_CHANGED = "override_changed"
MODEL_REGISTERED = "model_registered"
ENRICHMENT = "enrichment"
JOB = "job"

KINDS = frozenset(
    {
        INVENTORY_CHANGED,
        SERVER_STATE,
        SERVER_ADDED,
        SERVER_CHANGED,
        SERVER_REMOVED,
        KEY_CHANGED,
        OVERRIDE_CHANGED,
        MODEL_REGISTERED,
        ENRICHMENT,
        JOB,
    }
)

FOR_ADMINS = frozenset({KEY_CHANGED})
"""Kinds that only an admin is told: who has keys is nobody else's matter."""
