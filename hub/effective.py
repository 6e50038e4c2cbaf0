"""What a model counts as: what a person said of it, else what agents found. Columns to select and to filter by."""

from typing import Any

from sqlalchemy import ColumnElement, case, func

from .ages import iso_time
from .database import Record
from .schema import models

_identified_by_hand = models.c.override_ecosystem.is_not(None)

TYPE: ColumnElement[Any] = func.coalesce(models.c.override_type, models.c.type)
ECOSYSTEM: ColumnElement[Any] = func.coalesce(models.c.override_ecosystem, models.c.ecosystem)
BASE_MODEL: ColumnElement[Any] = case((_identified_by_hand, models.c.override_base_model), else_=models.c.base_model)
CONFIDENCE: ColumnElement[Any] = case((_identified_by_hand, 1.0), else_=models.c.confidence)

EFFECTIVE = (
    TYPE.label("type"),
    ECOSYSTEM.label("ecosystem"),
    BASE_MODEL.label("base_model"),
    CONFIDENCE.label("confidence"),
    models.c.override_type,
    models.c.override_ecosystem,
    models.c.override_base_model,
    models.c.override_note,
    models.c.override_by,
    models.c.override_at,
)
"""What ``shown_override`` and a model's summary need."""


def shown_override(row: Record) -> dict[str, Any] | None:
    """Return the correction by hand of a model as answers show it, or None."""
    if row.override_at is None:
        return None
    return {
        "base_model": row.override_base_model or row.override_ecosystem,
        "ecosystem": row.override_ecosystem,
        "type": row.override_type,
        "note": row.override_note,
        "by": row.override_by,
        "at": iso_time(row.override_at),
    }
