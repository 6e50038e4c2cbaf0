"""The tables of the hub's database, as the newest migration leaves them."""

from .base import RowId, metadata
from .inventory import metadata_wanted, model_aliases, model_metadata, models, placements, servers
from .search import FTS5_TABLE, search_documents
from .trust import api_keys, pairing_codes

__all__ = [
    "FTS5_TABLE",
    "RowId",
    "api_keys",
    "metadata",
    "metadata_wanted",
    "model_aliases",
    "model_metadata",
    "models",
    "pairing_codes",
    "placements",
    "search_documents",
    "servers",
]
