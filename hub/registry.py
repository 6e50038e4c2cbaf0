"""Shows and lists what is known: a model, once known, is known forever."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select

from ..ecosystems.model_types import canonical_type
from . import effective
from .ages import OFFLINE, PRESENT, STALE, Ages
from .availability import AVAILABLE, DOWNLOADABLE, STATUSES, SUMMARY, UNAVAILABLE, Availability, summary
from .clock import Clock
from .database import Database, Record, among
from .enrichment.shown import shown_enrichment
from .errors import ConflictError, FieldError, NotFoundError, RequestError
from .hashes import AUTOV2_DIGITS, ModelHash, is_id, parse_hash
from .provenance import provenance
from .schema import model_metadata, models, placements, servers

ID_DIGITS = AUTOV2_DIGITS - 1
"""An id has fewer digits than the shortest hash, so that an all-digit AutoV2 is never read as one."""


@dataclass(frozen=True)
class Search:
    """What a list of models is narrowed to; None is "any"."""

    words: str | None = None
    type: str | None = None
    ecosystem: str | None = None
    server_id: str | None = None
    status: str | None = None
    limit: int = 100
    cursor: str | None = None


class Registry:
    """All models of one hub."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, availability: Availability) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._availability = availability

    def get(self, text: str) -> dict[str, Any]:
        """Return one model, by its id or any form of its hash, with its metadata and where it is.

        Raises:
            FieldError: it is neither an id nor a hash.
            NotFoundError: it is not known.
            ConflictError: the hash may mean several models (``ambiguous_hash``).
        """
        with self._database.read() as connection:
            row = self.one(connection, text)
            columns = (
                models.c.identification,
                models.c.metadata_digest,
                models.c.registered_metadata_digest,
                models.c.registered_at,
                models.c.type,
                models.c.ecosystem,
                models.c.base_model,
                models.c.confidence,
            )
            more = connection.execute(select(*columns).where(models.c.id == row.id)).one()
            state = self._availability.of_models(connection, [row])[row.id]
            digests = [more.metadata_digest, more.registered_metadata_digest]
            query = select(model_metadata.c.digest, model_metadata.c.content)
            rows = connection.execute(query.where(model_metadata.c.digest.in_(digests))).all()
            contents = {row.digest: json.loads(row.content) for row in rows}
            in_file, registered = (contents.get(digest, {}) for digest in digests)
            said = provenance(connection, row.id, in_file, registered)
            asked = shown_enrichment(connection, row.id)
        identified = json.loads(more.identification or "{}")
        model = {
            **summary(row),
            "evidence": identified.get("evidence", []),
            "conflicts": identified.get("conflicts", []),
            "metadata": {**in_file, **registered},  # what was registered by hand wins over what stands in the file
            "found": {name: getattr(more, name) for name in ("type", "ecosystem", "base_model", "confidence")},
            "registered": more.registered_at is not None,
            "fields": said,
            "civitai": asked,
        }
        return {"success": True, "model": model, **state}

    def one(self, connection: Connection, text: str) -> Record:
        """Return the row (``SUMMARY``) of one model by its id or any form of its hash; raises as ``get``."""
        found = self.several(connection, [text])[0]
        if isinstance(found, RequestError):
            raise found
        return found

    def several(self, connection: Connection, texts: Iterable[str]) -> list[Record | RequestError]:
        """Return for each of these ids or hashes its model's row, or why there is none; costs the same for many."""
        asked = [(text, text if is_id(text) else parse_hash(text)) for text in texts]
        hashes = [each for _, each in asked if isinstance(each, ModelHash)]
        ids = {int(each) for _, each in asked if isinstance(each, str)}
        found = self._availability.find_many(connection, hashes) if hashes else {}
        query = select(*SUMMARY).where(among(connection, models.c.id, ids))
        by_id = {row.id: row for row in connection.execute(query)} if ids else {}
        listed: list[Record | RequestError] = []
        for text, each in asked:
            if isinstance(each, ModelHash):
                listed.append(_sole(each, found[each.digits]))
            elif each is None:
                listed.append(
                    FieldError("hash", f"must be an id of up to {ID_DIGITS} digits, or 10, 12 or 64 hex digits")
                )
            else:
                listed.append(by_id.get(int(each)) or _unknown(f"no model has the id {text}"))
        return listed

    def search(self, search: Search) -> dict[str, Any]:
        """Return one page of the models that a search finds, oldest first, each with where it is.

        Raises:
            FieldError: a filter or the cursor is wrong.
        """
        conditions = self._conditions(search)
        query = select(*SUMMARY).where(*conditions).order_by(models.c.id).limit(search.limit + 1)
        with self._database.read() as connection:
            rows = list(connection.execute(query))
            page = rows[: search.limit]
            states = self._availability.of_models(connection, page)
        more = len(rows) > search.limit
        return {
            "success": True,
            "count": len(page),
            "models": [{**summary(row), **states[row.id]} for row in page],
            "next_cursor": _write_cursor(page[-1].id) if more else None,
        }

    def _conditions(self, search: Search) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if search.cursor is not None:
            conditions.append(models.c.id > _read_cursor(search.cursor))
        if search.type is not None:
            kind = canonical_type(search.type)
            if kind is None:
                raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
            conditions.append(effective.TYPE == kind)  # noqa: SIM300 (a column, not a constant)
        if search.ecosystem is not None:
            conditions.append(func.lower(effective.ECOSYSTEM) == search.ecosystem.lower())
        here = placements.c.model_id == models.c.id
        if search.server_id is not None:
            conditions.append(exists().where(here, placements.c.server_id == search.server_id))
        if search.status is not None:
            conditions.append(self._has_status(search.status))
        for word in (search.words or "").lower().split():
            conditions.append(
                or_(
                    func.lower(effective.NAME).contains(word, autoescape=True),
                    exists().where(here, func.lower(placements.c.path).contains(word, autoescape=True)),
                    *_hash_begins(word),
                )
            )
        return conditions

    def _has_status(self, status: str) -> ColumnElement[bool]:
        """Return the condition that ``Availability`` answers this status, in SQL."""
        if status not in STATUSES:
            raise FieldError("status", f"must be one of {', '.join(STATUSES)}")
        now = self._clock()
        anywhere = exists().where(placements.c.model_id == models.c.id)
        seen = anywhere.where(placements.c.server_id == servers.c.id)
        alive = seen.where(servers.c.last_seen >= now - self._ages.offline_after_seconds)
        present = seen.where(servers.c.last_seen >= now - self._ages.stale_after_seconds, placements.c.state == PRESENT)
        sourced = effective.HAS_SOURCES
        conditions = {
            AVAILABLE: present,
            STALE: and_(alive, not_(present)),
            OFFLINE: and_(anywhere, not_(alive)),
            DOWNLOADABLE: and_(not_(anywhere), sourced),
            UNAVAILABLE: and_(not_(anywhere), not_(sourced)),
        }
        return conditions[status]


def _unknown(message: str) -> RequestError:
    return NotFoundError(message, code="model_not_found")


def _sole(asked: ModelHash, rows: list[Record]) -> Record | RequestError:
    if not rows:
        return _unknown(f"no model with the hash {asked.digits} is known here")
    if len(rows) == 1:
        return rows[0]
    return ConflictError(
        f"the hash {asked.digits} may mean {len(rows)} models; ask with the SHA-256 of one of them",
        {"candidates": [summary(row) for row in sorted(rows, key=lambda row: row.id)]},
        code="ambiguous_hash",
    )


def _hash_begins(word: str) -> list[ColumnElement[bool]]:
    parsed = parse_hash(word)
    if parsed is None:
        return []
    columns = {"autov2": models.c.hash_autov2, "autov3": models.c.hash_autov3, "sha256": models.c.hash_sha256}
    return [columns[parsed.form] == parsed.digits]


def _write_cursor(model_id: int) -> str:
    return base64.urlsafe_b64encode(f"after:{model_id}".encode()).decode("ascii").rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        word, _, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(":")
        if word == "after" and number.isdigit() and len(number) < 19:
            return int(number)
    except (ValueError, UnicodeError):
        pass
    raise FieldError("cursor", "must be the next_cursor of an earlier answer")
