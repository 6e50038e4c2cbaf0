"""What is registered of models by hand: made, changed one by one or many at once, taken back."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, exists, select, update

from . import known_models
from .availability import summary
from .bulk import Done, Item, address_of, carry_out, read_bulk
from .catalogues import Catalogues
from .clock import Clock
from .database import Database, Record
from .entries import claimed_autov3
from .errors import FieldError
from .events import tell
from .events.kinds import MODEL_REGISTERED
from .keys import Caller
from .limits import Limits
from .news import announce
from .registration import Change, check_tensor, civitai_sources, read_change, read_registration
from .registry import Registry
from .schema import model_metadata, models
from .trust.audit import note

_BEFORE = (
    models.c.registered_name,
    models.c.registered_type,
    models.c.registered_size_bytes,
    models.c.registered_ecosystem,
    models.c.registered_base_model,
    models.c.registered_confidence,
    models.c.registered_metadata_digest,
    models.c.civitai_id,
    models.c.civitai_version_id,
    models.c.sources,
)


class Registrations:
    """The registered part of all models of one hub."""

    def __init__(
        self, database: Database, clock: Clock, limits: Limits, registry: Registry, catalogues: Catalogues
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._registry = registry
        self._catalogues = catalogues

    # Registering

    def register(self, body: Mapping[str, Any], caller: Caller) -> tuple[dict[str, Any], bool]:
        """Make a model known, or add to what is known of it; return the answer and whether it is new.

        Raises:
            FieldError: a field is missing or wrong.
            ConflictError: its hashes contradict each other, or what is known (``hash_conflict``).
        """
        stated = read_registration(body, self._limits)
        content = stated.pop("content")

        def work(connection: Connection) -> tuple[int, bool]:
            now = self._clock()
            self._keep(connection, stated["registered_metadata_digest"], content)
            said = {**stated, **_by(caller, now)}
            model_id, created = self._register(connection, said, now)
            announce(connection, [model_id])
            told = {"type": stated["registered_type"], "created": created}
            tell(connection, MODEL_REGISTERED, model_id=model_id, data=told)
            note(connection, caller, "model_registered", stated["hash_sha256"] or stated["hash_autov2"], told)
            return model_id, created

        model_id, created = self._database.write(work)
        return {**self._registry.get(str(model_id)), "created": created}, created

    def _keep(self, connection: Connection, digest: str | None, content: str | None) -> None:
        if content is None:
            return
        values = {"digest": digest, "claimed_v3": claimed_autov3(json.loads(content)), "content": content}
        connection.execute(self._database.insert(model_metadata).values(**values).on_conflict_do_nothing())

    def _register(self, connection: Connection, stated: dict[str, Any], now: float) -> tuple[int, bool]:
        known = self._known(connection, stated)
        if known is None and stated["hash_sha256"] is not None:
            known_models.promote(self._database, connection, [stated["hash_sha256"]], now)
            known = self._known(connection, stated)
        values = {name: value for name, value in stated.items() if value is not None}
        if known is None:
            name = stated["registered_name"] or stated["hash_autov2"]
            row = {**values, "name": name, "type": stated["registered_type"], "created_at": now}
            made = connection.execute(models.insert().values(**row)).inserted_primary_key
            assert made is not None
            return int(made[0]), True
        check_tensor(known, stated)
        connection.execute(update(models).where(models.c.id == known.id).values(**values, to_index=True))
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

    # Changing

    def change(self, text: str, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Change what is registered of one model; return it as ``Registry.get`` does, with the body that undoes it.

        Raises:
            ForbiddenError: this is no admin's key.
            FieldError, NotFoundError, ConflictError: as ``read_change`` and ``Registry.get``.
        """
        caller.must_administer()

        def work(connection: Connection) -> tuple[str, dict[str, Any]]:
            row = self._registry.one(connection, text)
            done = self._change_one(connection, row, body, caller)
            return str(row.id), done.undo

        model_id, undo = self._database.write(work)
        return {**self._registry.get(model_id), "undo": undo}

    def change_many(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Change what is registered of many models, see ``bulk``: each item is a ``hash`` and what ``change`` takes.

        Raises:
            ForbiddenError: this is no admin's key.
            FieldError, TooLargeError, BulkRefusedError: as ``read_bulk`` and ``carry_out``.
        """
        caller.must_administer()
        bulk = read_bulk(body, self._limits.batch_items)

        def change(connection: Connection, row: Record, item: Item) -> Done:
            return self._change_one(connection, row, item, caller)

        return carry_out(self._database, self._registry, bulk, change)

    def _change_one(self, connection: Connection, row: Record, body: Item, caller: Caller) -> Done:
        change = read_change(body, self._limits, self._catalogues.named)
        digest = change.columns.get("registered_metadata_digest")
        if digest is not None and change.content is None:
            held = exists().where(model_metadata.c.digest == digest)
            if not connection.scalar(select(held)):
                raise FieldError("metadata", f"no metadata with the digest {digest} is kept here: send the object")
        before = connection.execute(select(*_BEFORE).where(models.c.id == row.id)).one()
        self._keep(connection, digest, change.content)
        values = {**change.columns, **_by(caller, self._clock()), "sources": _sources_after(before, change)}
        connection.execute(update(models).where(models.c.id == row.id).values(**values, to_index=True))
        announce(connection, [row.id])
        told = {"type": values.get("registered_type"), "created": False}
        tell(connection, MODEL_REGISTERED, model_id=row.id, data=told)
        said = {name: value for name, value in change.columns.items() if name != "registered_metadata_digest"}
        note(connection, caller, "model_changed", address_of(row), said)
        now = self._registry.several(connection, [str(row.id)])[0]
        return Done({"model": summary(now)}, {"hash": address_of(row), **_undo(before, body)})


def _by(caller: Caller, now: float) -> dict[str, Any]:
    return {"registered_key": caller.key, "registered_by": caller.name, "registered_at": now}


def _sources_after(before: Record, change: Change) -> str | None:
    held = json.loads(before.sources or "[]")
    urls = [source for source in held if source["kind"] == "url"] if change.urls is None else change.urls
    ids = [change.columns.get(name, getattr(before, name)) for name in ("civitai_id", "civitai_version_id")]
    listed = civitai_sources(*ids) + urls
    return json.dumps(listed) if listed else None


def _undo(before: Record, body: Item) -> dict[str, Any]:
    """Return what brings back what a change replaced: its own fields, as they were."""
    urls = [source["url"] for source in json.loads(before.sources or "[]") if source["kind"] == "url"]
    was: dict[str, dict[str, Any]] = {
        "name": {"name": before.registered_name},
        "type": {"type": before.registered_type},
        "size": {"size": before.registered_size_bytes},
        "base_model": {
            "base_model": before.registered_base_model,
            "ecosystem": before.registered_ecosystem,
            "confidence": before.registered_confidence,
            "as_written": True,
        },
        "civitai_id": {"civitai_id": before.civitai_id},
        "civitai_version_id": {"civitai_version_id": before.civitai_version_id},
        "download_urls": {"download_urls": urls or None},
        "metadata": {"metadata": before.registered_metadata_digest},
    }
    return {key: value for name, part in was.items() if name in body for key, value in part.items()}
