"""Shows and lists what is known: a model, once known, is known forever."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from .availability import SUMMARY, Availability, summary
from .clock import Clock
from .database import Database, Record, among
from .enrichment.shown import shown_enrichment
from .errors import ConflictError, FieldError, NotFoundError, RequestError
from .hashes import AUTOV2_DIGITS, ModelHash, is_id, parse_hash
from .provenance import provenance
from .schema import model_metadata, models

ID_DIGITS = AUTOV2_DIGITS - 1
"""An id has fewer digits than the shortest hash, so that an all-digit AutoV2 is never read as one."""


class Registry:
    """All models of one hub."""

    def __init__(self, database: Database, clock: Clock, availability: Availability) -> None:
        self._database = database
        self._clock = clock
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
