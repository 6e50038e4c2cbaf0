"""The tables of the hub's database, as the newest migration leaves them."""

from .base import RowId, metadata
from .enrichment import enrichments, metadata_services
from .events import event_log, events
from .history import growth, past_placements, server_states
from .inventory import metadata_wanted, model_aliases, model_metadata, models, news_counter, placements, servers
from .trust import api_keys, pairing_codes

__all__ = [
    "RowId",
    "api_keys",
    "enrichments",
    "event_log",
    "events",
    "growth",
    "metadata",
    "metadata_services",
    "metadata_wanted",
    "model_aliases",
    "model_metadata",
    "models",
    "news_counter",
    "pairing_codes",
    "past_placements",
    "placements",
    "server_states",
    "servers",
]
