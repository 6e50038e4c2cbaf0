"""Registers models by hand and shows what is known of one: a model, once known, is known forever."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from . import known_models
from .availability import SUMMARY, Availability, summary
from .clock import Clock
from .database import Database, Record
from .entries import claimed_autov3
from .errors import ConflictError, FieldError, NotFoundError
from .hashes import AUTOV2_DIGITS, parse_hash
from .limits import Limits
from .registration import check_tensor, read_registration
from .schema import model_metadata, models

ID_DIGITS = AUTOV2_DIGITS - 1
"""An id has fewer digits than the shortest hash, so that an all-digit AutoV2 is never read as one."""


class Registry:
    """All models of one hub."""

    def __init__(self, database: Database, clock: Clock, limits: Limits, availability: Availability) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._availability = availability

    # Registering

    def register(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Make a model known, or add to what is known of it; return the answer and whether it is new.

        Raises:
            FieldError: a field is missing or wrong.
            ConflictError: its hashes contradict each other, or what is known (``hash_conflict``).
        """
        stated = read_registration(body, self._limits)

        def work(connection: Connection) -> tuple[int, bool]:
            return self._register(connection, stated, self._clock())

        model_id, created = self._database.write(work)
        return {**self.get(str(model_id)), "created": created}, created

    def _register(self, connection: Connection, stated: dict[str, Any], now: float) -> tuple[int, bool]:
        content = stated.pop("content")
        if content is not None:
            statement = self._database.insert(model_metadata).values(
                digest=stated["registered_metadata_digest"],
                claimed_v3=claimed_autov3(json.loads(content)),
                content=content,
            )
            connection.execute(statement.on_conflict_do_nothing())
        known = self._known(connection, stated)
        if known is None and stated["hash_sha256"] is not None:
            known_models.promote(self._database, connection, [stated["hash_sha256"]], now)
            known = self._known(connection, stated)
        values = {name: value for name, value in stated.items() if value is not None}
        if known is None:
            row = {"name": stated["hash_autov2"], **values, "created_at": now, "registered_at": now}
            made = connection.execute(models.insert().values(**row)).inserted_primary_key
            assert made is not None
            return int(made[0]), True
        check_tensor(known, stated)
        connection.execute(
            update(models).where(models.c.id == known.id).values(**values, registered_at=now, to_index=True)
        )
        return int(known.id), False

    def _known(self, connection: Connection, stated: Mapping[str, Any]) -> Record | None:
        columns = (models.c.id, models.c.hash_sha256, models.c.hash_tensor)
        if stated["hash_sha256"] is not None:
            query = select(*columns).where(models.c.hash_sha256 == stated["hash_sha256"])
            return connection.execute(query).first()
        rows = connection.execute(select(*columns).where(models.c.hash_autov2 == stated["hash_autov2"])).all()
        complete = [row for row in rows if row.hash_sha256 is not None]
        if len(complete) == 1:
            return complete[0]
        return next((row for row in rows if row.hash_sha256 is None), None)

    # Reading

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
        contents = {row.digest: row.content for row in rows}
        identified = json.loads(more.identification or "{}")
        described = {}
        for digest in digests:  # what was registered by hand wins over what stands in the file
            described.update(json.loads(contents.get(digest, "{}")))
        model = {
            **summary(row),
            "evidence": identified.get("evidence", []),
            "conflicts": identified.get("conflicts", []),
            "metadata": described,
            "found": {name: getattr(more, name) for name in ("type", "ecosystem", "base_model", "confidence")},
            "registered": more.registered_at is not None,
        }
        return {"success": True, "model": model, **state}

    def one(self, connection: Connection, text: str) -> Record:
        """Return the row (``SUMMARY``) of one model by its id or any form of its hash; raises as ``get``."""
        if text.isascii() and text.isdigit() and len(text) <= ID_DIGITS:
            row = connection.execute(select(*SUMMARY).where(models.c.id == int(text))).first()
            if row is None:
                raise NotFoundError(f"no model has the id {text}", code="model_not_found")
            return row
        asked = parse_hash(text)
        if asked is None:
            raise FieldError("hash", f"must be an id of up to {ID_DIGITS} digits, or 10, 12 or 64 hex digits")
        rows = self._availability.find(connection, asked)
        if not rows:
            raise NotFoundError(f"no model with the hash {asked.digits} is known here", code="model_not_found")
        if len(rows) > 1:
            raise ConflictError(
                f"the hash {asked.digits} may mean {len(rows)} models; ask with the SHA-256 of one of them",
                {"candidates": [summary(row) for row in sorted(rows, key=lambda row: row.id)]},
                code="ambiguous_hash",
            )
        return rows[0]
