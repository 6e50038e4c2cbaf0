"""Corrections by hand: they win over every other source, and no sync touches them.

A correction belongs to the model, not to a server's file of it: it holds wherever the model is, and stays while the
model is nowhere.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, exists, select, update

from . import fields
from .availability import summary
from .bulk import Done, Item, address_of, carry_out, read_bulk
from .catalogues import Catalogues
from .clock import Clock
from .database import Database, Record
from .effective import shown_override
from .errors import FieldError, ForbiddenError
from .events import tell
from .events.kinds import OVERRIDE_CHANGED
from .keys import ADMIN, AGENT, Caller
from .limits import Limits
from .news import announce
from .registration import model_type
from .registry import Registry
from .schema import models, placements
from .trust.audit import note

_COLUMNS = (
    "override_type",
    "override_ecosystem",
    "override_base_model",
    "override_note",
    "override_key",
    "override_by",
    "override_at",
)


class Overrides:
    """The corrections of all models of one hub."""

    def __init__(
        self, database: Database, clock: Clock, limits: Limits, registry: Registry, catalogues: Catalogues
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._registry = registry
        self._catalogues = catalogues

    def get(self, text: str) -> dict[str, Any]:
        """Return the correction of one model (null where there is none), and what the model counts as.

        Raises:
            FieldError, NotFoundError, ConflictError: as ``Registry.get``.
        """
        with self._database.read() as connection:
            return _answer(self._registry.one(connection, text))

    def put(self, text: str, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Replace a model's correction by ``{"base_model", "type", "note"}`` and answer as ``get``.

        Raises:
            ForbiddenError: the key may not correct this model.
            FieldError: a field is wrong, or nothing is corrected.
            NotFoundError, ConflictError: as ``get``.
        """
        stated = self._stated(body)
        if stated is None:
            raise FieldError("base_model", "name a base model or a type; to take a correction back, send DELETE")
        return self._change(text, stated, caller)

    def clear(self, text: str, caller: Caller) -> dict[str, Any]:
        """Take a model's correction back, if there is one, and answer as ``get``.

        Raises:
            ForbiddenError, FieldError, NotFoundError, ConflictError: as ``put``.
        """
        return self._change(text, None, caller)

    def put_many(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Correct many models, see ``bulk``: each item is a ``hash`` and what ``put`` takes.

        An item without base model and type takes the correction back, as the items of an ``undo`` may have to.

        Raises:
            ForbiddenError: the key may not correct any model.
            FieldError, TooLargeError, BulkRefusedError: as ``read_bulk`` and ``carry_out``.
        """
        _must_correct(caller)
        bulk = read_bulk(body, self._limits.batch_items)

        def change(connection: Connection, row: Record, item: Item) -> Done:
            after = self._change_one(connection, row, self._stated(item), caller)
            undo = {"hash": address_of(row), **_restated(row)}
            return Done({"override": shown_override(after), "model": summary(after)}, undo)

        return carry_out(self._database, self._registry, bulk, change)

    def _change(self, text: str, stated: dict[str, Any] | None, caller: Caller) -> dict[str, Any]:
        _must_correct(caller)

        def work(connection: Connection) -> dict[str, Any]:
            return _answer(self._change_one(connection, self._registry.one(connection, text), stated, caller))

        return self._database.write(work)

    def _change_one(
        self, connection: Connection, model: Record, stated: dict[str, Any] | None, caller: Caller
    ) -> Record:
        """Write a correction, or take it back, and return the model's row as it is then."""
        check_place(connection, caller, model)
        values: dict[str, Any] = dict.fromkeys(_COLUMNS)
        if stated is not None:
            who = {"override_key": caller.key, "override_by": caller.name}
            values |= {**stated, **who, "override_at": self._clock()}
        connection.execute(update(models).where(models.c.id == model.id).values(**values, to_index=True))
        told = {name: values[f"override_{name}"] for name in ("type", "ecosystem", "base_model", "by")}
        announce(connection, [model.id])
        tell(connection, OVERRIDE_CHANGED, model_id=model.id, data=told)
        action = "override_cleared" if stated is None else "override_set"
        note(connection, caller, action, address_of(model), stated or {})
        return self._registry.one(connection, str(model.id))

    def _stated(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the columns that a body states, names as the catalogue has them; None where it corrects nothing."""
        limit = self._limits.text_characters
        name, kind = fields.text(body, "base_model", limit), model_type(body, self._limits)
        remark = fields.text(body, "note", limit)
        if name is None and kind is None:
            return None
        ecosystem, base_model = (None, None) if name is None else self._catalogues.named(name)
        return {
            "override_type": kind,
            "override_ecosystem": ecosystem,
            "override_base_model": base_model,
            "override_note": remark,
        }


def _must_correct(caller: Caller) -> None:
    if caller.scope not in {AGENT, ADMIN}:
        raise ForbiddenError(f"a key of scope {caller.scope} may not correct models")


def _restated(row: Record) -> dict[str, Any]:
    """Return the body that states a model's correction as it is."""
    name = row.override_base_model or row.override_ecosystem
    return {"base_model": name, "type": row.override_type, "note": row.override_note}


def check_place(connection: Connection, caller: Caller, model: Record) -> None:
    """Raise ForbiddenError where an agent's key would correct a model that its server does not have."""
    if caller.scope == ADMIN:
        return
    here = exists().where(placements.c.model_id == model.id, placements.c.server_id == caller.server_id)
    if not connection.scalar(select(here)):
        raise ForbiddenError(
            f"this key belongs to the server {caller.server_id!r}, which does not have this model: an agent corrects "
            "the models of its own server"
        )


def _answer(row: Record) -> dict[str, Any]:
    return {"success": True, "override": shown_override(row), "model": summary(row)}
