"""What a model counts as, and who says so: the order of truth, in one place, as columns to select and to filter by.

A correction by hand comes before what was registered by hand, that before what agents found, that before what the
metadata service said, and that before what an import brought (``SOURCES``). Ecosystem, base model and confidence are
one statement: they are taken from one source, the first that says anything of them.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal_column, null, or_

from .ages import iso_time
from .database import Record
from .schema import models

OVERRIDE = "override"
REGISTERED = "registered"
AGENT = "agent"
CIVITAI = "civitai"
IMPORT = "import"
SOURCES = (OVERRIDE, REGISTERED, AGENT, CIVITAI, IMPORT)
"""Who may say something of a model, the one that counts most first."""

SERVICE_CONFIDENCE = 0.9
"""A person filled in the base model on the service: rarely wrong, but no proof."""

_columns = models.c
_found = _columns.found_at.is_not(None)


def _of_agents(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((_found, column), else_=null())


def _imported(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((_found, null()), else_=column)


@dataclass(frozen=True)
class Claims:
    """What each source says of one field: expressions by source, in the order of truth."""

    by_source: dict[str, ColumnElement[Any]]

    @property
    def value(self) -> ColumnElement[Any]:
        """The value that counts."""
        return func.coalesce(*self.by_source.values())


NAME_CLAIMS = Claims(
    {
        REGISTERED: _columns.registered_name,
        AGENT: _of_agents(_columns.name),
        CIVITAI: _columns.enriched_name,
        IMPORT: _columns.name,
    }
)
TYPE_CLAIMS = Claims(
    {
        OVERRIDE: _columns.override_type,
        REGISTERED: _columns.registered_type,
        AGENT: _of_agents(_columns.type),
        CIVITAI: _columns.enriched_type,
        IMPORT: _columns.type,
    }
)
SIZE_CLAIMS = Claims(
    {
        REGISTERED: _columns.registered_size_bytes,
        AGENT: _of_agents(_columns.size_bytes),
        CIVITAI: _columns.enriched_size_bytes,
        IMPORT: _columns.size_bytes,
    }
)
ECOSYSTEM_CLAIMS = Claims(
    {
        OVERRIDE: _columns.override_ecosystem,
        REGISTERED: _columns.registered_ecosystem,
        AGENT: _of_agents(_columns.ecosystem),
        CIVITAI: _columns.enriched_ecosystem,
        IMPORT: _imported(_columns.ecosystem),
    }
)
BASE_MODEL_CLAIMS = Claims(
    {
        OVERRIDE: _columns.override_base_model,
        REGISTERED: _columns.registered_base_model,
        AGENT: _of_agents(_columns.base_model),
        CIVITAI: _columns.enriched_base_model,
        IMPORT: _imported(_columns.base_model),
    }
)

_says = {
    source: or_(ECOSYSTEM_CLAIMS.by_source[source].is_not(None), BASE_MODEL_CLAIMS.by_source[source].is_not(None))
    for source in (REGISTERED, AGENT, CIVITAI, IMPORT)
}
_says[AGENT] = and_(_found, or_(_columns.ecosystem.is_not(None), _columns.base_model.is_not(None)))
_says = {OVERRIDE: _columns.override_ecosystem.is_not(None), **_says}


def _identity(values: dict[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """Return the value of the first source that says what a model is."""
    return case(*((_says[source], values[source]) for source in SOURCES), else_=null())


NAME = NAME_CLAIMS.value
TYPE = TYPE_CLAIMS.value
SIZE = SIZE_CLAIMS.value
ECOSYSTEM = _identity(ECOSYSTEM_CLAIMS.by_source)
BASE_MODEL = _identity(BASE_MODEL_CLAIMS.by_source)
CONFIDENCE = _identity(
    {
        OVERRIDE: literal_column("1.0"),
        REGISTERED: _columns.registered_confidence,
        AGENT: _columns.confidence,
        CIVITAI: literal_column(str(SERVICE_CONFIDENCE)),
        IMPORT: _columns.confidence,
    }
)
IDENTIFIED_BY = _identity({source: literal_column(f"'{source}'") for source in SOURCES})
"""Which source says what a model is; null where none does."""

_ids_by_hand = and_(
    _columns.registered_at.is_not(None),
    or_(_columns.civitai_id.is_not(None), _columns.civitai_version_id.is_not(None)),
)
_ids_of_service = _columns.enriched_civitai_version_id.is_not(None)
CIVITAI_ID = case(
    (_ids_by_hand, _columns.civitai_id), (_ids_of_service, _columns.enriched_civitai_id), else_=_columns.civitai_id
)
CIVITAI_VERSION_ID = case(
    (_ids_by_hand, _columns.civitai_version_id),
    (_ids_of_service, _columns.enriched_civitai_version_id),
    else_=_columns.civitai_version_id,
)
"""A version belongs to its model: both are of one source."""

HAS_SOURCES: ColumnElement[bool] = or_(_columns.sources.is_not(None), _columns.enriched_sources.is_not(None))
"""The model can be downloaded from somewhere."""

EFFECTIVE = (
    NAME.label("name"),
    TYPE.label("type"),
    SIZE.label("size_bytes"),
    ECOSYSTEM.label("ecosystem"),
    BASE_MODEL.label("base_model"),
    CONFIDENCE.label("confidence"),
    CIVITAI_ID.label("civitai_id"),
    CIVITAI_VERSION_ID.label("civitai_version_id"),
    _columns.sources,
    _columns.enriched_sources,
    _columns.override_type,
    _columns.override_ecosystem,
    _columns.override_base_model,
    _columns.override_note,
    _columns.override_by,
    _columns.override_at,
)
"""What ``shown_override`` and a model's summary need."""


def sources_of(row: Record) -> list[dict[str, Any]]:
    """Return where a model can be downloaded: what was registered, then what the service adds."""
    if row.sources is None and row.enriched_sources is None:
        return []
    listed: list[dict[str, Any]] = json.loads(row.sources or "[]")
    urls = {source.get("url") for source in listed}
    return listed + [source for source in json.loads(row.enriched_sources or "[]") if source.get("url") not in urls]


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
