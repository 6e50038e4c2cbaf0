"""The tables of the hub's database, as the newest migration leaves them."""

from .base import RowId, metadata
from .inventory import metadata_wanted, model_aliases, model_metadata, models, placements, servers
from .trust import api_keys, audit, hub_identity, login_codes, pairing_codes, sessions

__all__ = [
    "RowId",
    "api_keys",
    "audit",
    "hub_identity",
    "login_codes",
    "metadata",
    "metadata_wanted",
    "model_aliases",
    "model_metadata",
    "models",
    "pairing_codes",
    "placements",
    "servers",
    "sessions",
]
