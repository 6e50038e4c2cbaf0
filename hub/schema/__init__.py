"""The tables of the hub's database, as the newest migration leaves them."""

from .base import RowId, metadata
from .enrichment import enrichments, metadata_services
from .events import event_log, events
from .history import growth, past_placements, server_states
from .inventory import (
    BY_AUTOV2,
    TO_INDEX,
    metadata_wanted,
    model_aliases,
    model_metadata,
    models,
    news_counter,
    placements,
    servers,
)
from .job_files import job_image_parts, job_images, job_inputs, job_previews
from .job_needs import job_changes, job_need_models, job_need_servers, job_needs, job_takers
from .jobs import (
    IS_PENDING,
    IS_PROCESSING,
    IS_UNRESOLVED,
    job_attempts,
    job_requirements,
    job_submitters,
    job_turns,
    jobs,
)
from .search import FTS5_TABLE, hub_statistics, search_documents, server_statistics
from .trust import api_keys, audit, hub_identity, login_codes, pairing_codes, sessions

__all__ = [
    "BY_AUTOV2",
    "FTS5_TABLE",
    "IS_PENDING",
    "IS_PROCESSING",
    "IS_UNRESOLVED",
    "TO_INDEX",
    "RowId",
    "api_keys",
    "audit",
    "enrichments",
    "event_log",
    "events",
    "growth",
    "hub_identity",
    "hub_statistics",
    "job_attempts",
    "job_changes",
    "job_image_parts",
    "job_images",
    "job_inputs",
    "job_need_models",
    "job_need_servers",
    "job_needs",
    "job_previews",
    "job_requirements",
    "job_submitters",
    "job_takers",
    "job_turns",
    "jobs",
    "login_codes",
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
    "search_documents",
    "server_states",
    "server_statistics",
    "servers",
    "sessions",
]
