"""Who says each field of a model, and when: what counts, and what the others said instead.

Which source comes before which is ``effective``'s to say; here stands only what each of them said.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from . import effective
from .ages import iso_time
from .database import Record
from .effective import AGENT, CIVITAI, IMPORT, OVERRIDE, REGISTERED, SOURCES
from .entries import name_of_path
from .fields import trigger_words
from .schema import enrichments, models, placements

SERVICE = "civitai.com"
STABLEQUEUE = "StableQueue"
MOST_PLACES = 50
"""How many places of a model are looked at for what other servers call it."""
_WORDS_IN_REGISTRATION = "trainedWords"
_WORDS_IN_FILE = "modelspec.trigger_phrase"  # of the model metadata standard that trainers write, ModelSpec 1.0


@dataclass(frozen=True)
class Statement:
    """What one source says of a field; ``who`` is a server, or the name of a key, or of a service."""

    by: str
    value: Any
    who: str | None
    at: float | None

    def shown(self) -> dict[str, Any]:
        """Return it as answers show it."""
        return {"value": self.value, "by": self.by, "who": self.who, "at": iso_time(self.at)}


def provenance(
    connection: Connection, model_id: int, file_metadata: Mapping[str, Any], registered_metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``fields`` of a model: by name ``{"value", "by", "who", "at", "others": [statement…]}``.

    ``by`` is None where nobody says anything of a field.
    """
    names = ("name", "type", "size", "ecosystem", "base_model")
    claims = dict(zip(names, _CLAIMS, strict=True))
    labelled = [
        claim.label(f"{name}_{source}") for name, each in claims.items() for source, claim in each.by_source.items()
    ]
    query = select(models, effective.IDENTIFIED_BY.label("identified_by"), *labelled).where(models.c.id == model_id)
    row = connection.execute(query).one()
    said = {
        name: [_statement(row, source, getattr(row, f"{name}_{source}")) for source in each.by_source]
        for name, each in claims.items()
    }
    for name, others in _elsewhere(connection, row).items():
        said[name] += others
    shown = {name: _shown(said[name]) for name in ("name", "type", "size")}
    for name in ("ecosystem", "base_model"):
        shown[name] = _shown(said[name], row.identified_by)
    answer = connection.scalar(select(enrichments.c.answer).where(enrichments.c.model_id == model_id))
    told = json.loads(answer or "{}")
    shown["hashes"] = _shown(_hashes(row, told))
    shown["sources"] = _sources(row)
    shown["trigger_words"] = _shown(_words(row, file_metadata, registered_metadata))
    shown["nsfw"] = _shown([_statement(row, CIVITAI, told.get("nsfw"))])
    return shown


_CLAIMS = (
    effective.NAME_CLAIMS,
    effective.TYPE_CLAIMS,
    effective.SIZE_CLAIMS,
    effective.ECOSYSTEM_CLAIMS,
    effective.BASE_MODEL_CLAIMS,
)


def _statement(row: Record, source: str, value: Any) -> Statement:
    """Return what a source says, with its witness; a model that nobody brought but a person has no import."""
    if source == IMPORT and (row.found_at is not None or row.registered_at is not None):
        value = None
    witness: tuple[str | None, float | None] = {
        OVERRIDE: (row.override_by, row.override_at),
        REGISTERED: (row.registered_by, row.registered_at),
        AGENT: (row.found_by, row.found_at),
        CIVITAI: (SERVICE, row.enriched_at),
        IMPORT: (STABLEQUEUE if row.imported_at is not None else None, row.imported_at or row.created_at),
    }[source]
    return Statement(source, value, *witness)


def _shown(said: list[Statement], first: str | None = None) -> dict[str, Any]:
    """Return a field: the first statement that says anything, or that of the source ``first``, and the others."""
    counting = next((each for each in said if (each.by == first if first else each.value is not None)), None)
    others = [each.shown() for each in said if each is not counting and each.value is not None]
    if counting is None:
        return {"value": None, "by": None, "who": None, "at": None, "others": others}
    return {**counting.shown(), "others": others}


def _elsewhere(connection: Connection, row: Record) -> dict[str, list[Statement]]:
    """Return what the servers that have the model call it, where that is not what the row remembers."""
    here = placements.c
    query = select(here.server_id, here.path, here.type, here.last_seen).where(here.model_id == row.id)
    names: dict[str, Statement] = {}
    types: dict[str, Statement] = {}
    for place in connection.execute(query.order_by(here.server_id, here.path).limit(MOST_PLACES)):
        name = name_of_path(place.path)
        if name != row.name:
            names.setdefault(name, Statement(AGENT, name, place.server_id, place.last_seen))
        if place.type != row.type:
            types.setdefault(place.type, Statement(AGENT, place.type, place.server_id, place.last_seen))
    return {"name": list(names.values()), "type": list(types.values())}


def _hashes(row: Record, told: Mapping[str, Any]) -> list[Statement]:
    known = {
        "sha256": row.hash_sha256,
        "autov2": row.hash_autov2,
        "tensor_sha256": row.hash_tensor,
        "autov3": row.hash_autov3,
        "verified": row.verified,
    }
    source = AGENT if row.found_at is not None else REGISTERED if row.registered_at is not None else IMPORT
    return [_statement(row, source, known), _statement(row, CIVITAI, told.get("hashes") or None)]


def _sources(row: Record) -> dict[str, Any]:
    """Return the field whose values add up instead of one replacing the others: all places, each with who names it."""
    said = [] if row.sources is None else [_beside(row, json.loads(row.sources))]
    if row.enriched_sources is not None:
        said.append(_statement(row, CIVITAI, json.loads(row.enriched_sources)))
    shown = _shown(said)
    value = effective.sources_of(row)
    return {**shown, "value": value or None}


def service_words(row: Record) -> list[str] | None:
    """Return the trigger words that the metadata service told."""
    words: list[str] | None = json.loads(row.enriched_words or "null")
    return words


def _words(row: Record, file_metadata: Mapping[str, Any], registered: Mapping[str, Any]) -> list[Statement]:
    phrase = file_metadata.get(_WORDS_IN_FILE)
    written = phrase.split(",") if isinstance(phrase, str) else None
    said = [
        _beside(row, trigger_words(registered.get(_WORDS_IN_REGISTRATION))),
        _statement(row, AGENT, trigger_words(written)),
        _statement(row, CIVITAI, service_words(row)),
    ]
    return sorted(said, key=lambda each: SOURCES.index(each.by))


def _beside(row: Record, value: Any) -> Statement:
    """Return who says what stands in the columns of a registration: an import fills them where nobody registered."""
    if row.imported_at is None or row.registered_at is not None:
        return _statement(row, REGISTERED, value)
    return Statement(IMPORT, value, STABLEQUEUE, row.imported_at)
