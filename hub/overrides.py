"""Corrections by hand: they win over every other source, and no sync touches them.

A correction belongs to the model, not to a server's file of it: it holds wherever the model is, and stays while the
model is nowhere.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, exists, select, update

from ..ecosystems.model_types import canonical_type
from . import fields
from .availability import summary
from .catalogues import Catalogues
from .clock import Clock
from .database import Database, Record
from .effective import shown_override
from .errors import FieldError, ForbiddenError
from .keys import ADMIN, AGENT, Caller
from .limits import Limits
from .registry import Registry
from .schema import api_keys, models, placements

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
        return self._change(text, self._stated(body), caller)

    def clear(self, text: str, caller: Caller) -> dict[str, Any]:
        """Take a model's correction back, if there is one, and answer as ``get``.

        Raises:
            ForbiddenError, FieldError, NotFoundError, ConflictError: as ``put``.
        """
        return self._change(text, None, caller)

    def _change(self, text: str, stated: dict[str, Any] | None, caller: Caller) -> dict[str, Any]:
        if caller.scope not in {AGENT, ADMIN}:
            raise ForbiddenError(f"a key of scope {caller.scope} may not correct models")

        def work(connection: Connection) -> dict[str, Any]:
            model = self._registry.one(connection, text)
            _check_place(connection, caller, model)
            values: dict[str, Any] = dict.fromkeys(_COLUMNS)
            if stated is not None:
                name = connection.scalar(select(api_keys.c.name).where(api_keys.c.key == caller.key))
                values |= {**stated, "override_key": caller.key, "override_by": name, "override_at": self._clock()}
            connection.execute(update(models).where(models.c.id == model.id).values(**values, to_index=True))
            return _answer(self._registry.one(connection, str(model.id)))

        return self._database.write(work)

    def _stated(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that a body states, with names as the catalogue has them."""
        limit = self._limits.text_characters
        name, kind = fields.text(body, "base_model", limit), fields.text(body, "type", limit)
        if name is None and kind is None:
            raise FieldError("base_model", "name a base model or a type; to take a correction back, send DELETE")
        canonical = None if kind is None else canonical_type(kind.strip())
        if kind is not None and canonical is None:
            raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
        ecosystem, base_model = (None, None) if name is None else self._subject(name)
        return {
            "override_type": canonical,
            "override_ecosystem": ecosystem,
            "override_base_model": base_model,
            "override_note": fields.text(body, "note", limit),
        }

    def _subject(self, name: str) -> tuple[str, str | None]:
        """Return the ecosystem that a name stands for, and the base model where it stands for one."""
        catalogue = self._catalogues.current
        subject = catalogue.find(name)
        if subject is None:
            alike = catalogue.similar(name)
            advice = f"; did you mean {', '.join(alike)}?" if alike else ""
            raise FieldError("base_model", f"{name[:80]!r} is no base model or ecosystem that this hub knows{advice}")
        return subject.ecosystem.name, subject.base_model.name if subject.base_model else None


def _check_place(connection: Connection, caller: Caller, model: Record) -> None:
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
