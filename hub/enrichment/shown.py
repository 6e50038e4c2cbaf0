"""How it stands with the metadata service, for one model: what is shown beside its fields."""

import json
from typing import Any

from sqlalchemy import Connection, select

from ..ages import iso_time
from ..schema import enrichments


def shown_enrichment(connection: Connection, model_id: int) -> dict[str, Any] | None:
    """Return what the service said of a model beyond its fields, and when it is asked again; None: it is not."""
    row = connection.execute(select(enrichments).where(enrichments.c.model_id == model_id)).first()
    if row is None:
        return None
    return {
        "state": row.state,
        "asked_at": iso_time(row.asked_at),
        "next_at": iso_time(row.next_at),
        "gone_at": iso_time(row.gone_at),
        "error": row.error,
        "unknown_base_model": row.unknown_base_model,
        **json.loads(row.answer or "{}"),
    }
