"""The tables of the hub's database, as the newest migration leaves them."""

from .base import RowId, metadata
from .enrichment import enrichments, metadata_services
from .inventory import metadata_wanted, model_aliases, model_metadata, models, placements, servers
from .trust import api_keys, pairing_codes

__all__ = [
    "RowId",
    "api_keys",
    "enrichments",
    "metadata",
    "metadata_services",
    "metadata_wanted",
    "model_aliases",
    "model_metadata",
    "models",
    "pairing_codes",
    "placements",
    "servers",
]
