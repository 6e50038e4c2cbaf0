"""Names under which a model is known beside its hash: said by hand, imported, a file's at an agent, or a LoRA's own."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from ..ecosystems.model_types import LORA_TYPES
from . import fields
from .ages import iso_time
from .availability import SUMMARY, summary
from .bulk import address_of
from .clock import Clock
from .database import Database, Record, among
from .errors import ConflictError, FieldError, ForbiddenError
from .keys import CLIENT, Caller
from .limits import Limits
from .names import FileName, file_name_of, fold, name_key, read_file_name
from .overrides import check_place
from .registry import Registry
from .schema import model_aliases, model_metadata, models, placements
from .search import documents
from .trust.audit import note

HAND = "hand"
IMPORT = "import"
SEEN = "seen"
OWN = "own"
"""The name that a LoRA's training gave it, in the file: A1111 and Forge take it in prompts, and write it there."""

ALIASES_LIMIT = 100
"""Names by hand of one model."""


@dataclass(frozen=True)
class Alias:
    """A name that can be kept: the text as it was said, and how it compares."""

    text: str
    file: FileName

    def row(self, model_id: int, source: str, now: float, said_by: str | None = None) -> dict[str, Any]:
        """Return the row of ``model_aliases`` for this name of a model."""
        return {
            "model_id": model_id,
            "alias_path": self.text,
            "name_key": name_key(self.file),
            "source": source,
            "said_by": said_by,
            "created_at": now,
        }


def read_alias(text: object, limits: Limits) -> Alias | None:
    """Return a name or a path that can be an alias, None for what cannot be one."""
    if not isinstance(text, str) or not fields.is_clean(text) or len(text.encode()) > limits.path_bytes:
        return None
    file = read_file_name(text)
    return None if file is None else Alias(text.strip(), file)


class Aliases:
    """The names of all models of one hub."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: Limits,
        registry: Registry,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        """``changed()`` is called after names were said by hand, or taken back."""
        self._changed = changed
        self._database = database
        self._clock = clock
        self._limits = limits
        self._registry = registry

    def get(self, text: str) -> dict[str, Any]:
        """Return the names of one model, each with who said it and when.

        Raises:
            FieldError, NotFoundError, ConflictError: as ``Registry.get``.
        """
        with self._database.read() as connection:
            return _answer(connection, self._registry.one(connection, text))

    def put(self, text: str, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Replace the names by hand of a model by ``{"aliases": […]}`` and answer as ``get``.

        Raises:
            ForbiddenError: the key may not correct this model.
            FieldError: a name is none, or there are too many.
            ConflictError: another model has one of the names by hand (``alias_taken``), or as ``get``.
            NotFoundError: as ``get``.
        """
        _must_correct(caller)
        stated = self._stated(body)

        def work(connection: Connection) -> dict[str, Any]:
            model = self._registry.one(connection, text)
            check_place(connection, caller, model)
            for alias in stated:
                _check_free(connection, alias, model)
            _forget(connection, model.id, HAND)
            now = self._clock()
            rows = [alias.row(model.id, HAND, now, caller.name) for alias in stated]
            if rows:
                key = ("alias_path", "model_id")
                replaced = self._database.upsert(model_aliases, key, ("source", "said_by", "created_at"))
                self._database.execute_many(connection, replaced, rows)
            note(connection, caller, "aliases_set", address_of(model), {"aliases": len(rows)})
            self.learn(connection, [model.id])
            documents.mark(connection, [model.id])
            return _answer(connection, model)

        answer = self._database.write(work)
        self._changed()
        return answer

    def remove(self, text: str, alias: str, caller: Caller) -> dict[str, Any]:
        """Take back one name that was said by hand or imported; answer as ``get``.

        A name that a file bears now is found again the next time that somebody looks.

        Raises:
            ForbiddenError, FieldError, NotFoundError, ConflictError: as ``put``.
        """
        _must_correct(caller)

        def work(connection: Connection) -> dict[str, Any]:
            model = self._registry.one(connection, text)
            check_place(connection, caller, model)
            here = (model_aliases.c.model_id == model.id, model_aliases.c.alias_path == alias.strip())
            connection.execute(delete(model_aliases).where(*here))
            note(connection, caller, "aliases_removed", address_of(model), {"alias": alias})
            self.learn(connection, [model.id])
            documents.mark(connection, [model.id])
            return _answer(connection, model)

        answer = self._database.write(work)
        self._changed()
        return answer

    def learn(self, connection: Connection, model_ids: Collection[int]) -> int:
        """Keep the file names under which servers have these models now, and LoRAs' own; return how many are new.

        For a job beside the sync, in a write transaction. A name is kept when its file is gone.
        """
        if not model_ids:
            return 0
        here = placements.c
        query = select(here.model_id, here.path).where(among(connection, here.model_id, model_ids)).distinct()
        seen = {(model_id, fold(file_name_of(path)), SEEN) for model_id, path in connection.execute(query)}
        own = {(model_id, fold(name), OWN) for model_id, name in _own_names(connection, model_ids)}
        now = self._clock()
        rows = []
        for model_id, name, source in sorted(seen | own):
            alias = read_alias(name, self._limits)
            if alias is not None:
                rows.append(alias.row(model_id, source, now))
        return self.keep(connection, rows)

    def keep(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add names (``Alias.row``) that their models do not have yet, and return how many those are."""
        if not rows:
            return 0
        columns = (model_aliases.c.model_id, model_aliases.c.alias_path)
        ids = {row["model_id"] for row in rows}
        known = {tuple(row) for row in connection.execute(select(*columns).where(among(connection, columns[0], ids)))}
        new = {(row["model_id"], row["alias_path"]): row for row in rows}
        added = [row for key, row in new.items() if key not in known]
        if added:
            statement = self._database.insert(model_aliases).on_conflict_do_nothing()
            self._database.execute_many(connection, statement, added)
        return len(added)

    def _stated(self, body: Mapping[str, Any]) -> list[Alias]:
        listed = fields.required(body, "aliases")
        if not isinstance(listed, list):
            raise FieldError("aliases", "must be a list of names or paths")
        if len(listed) > ALIASES_LIMIT:
            raise FieldError("aliases", f"must be at most {ALIASES_LIMIT} names")
        stated: dict[str, Alias] = {}
        for number, text in enumerate(listed):
            alias = read_alias(text, self._limits)
            if alias is None:
                raise FieldError(f"aliases[{number}]", alias_rule(self._limits))
            stated[alias.text] = alias
        return list(stated.values())


def alias_rule(limits: Limits) -> str:
    """Return what an alias must be, to follow the field's name."""
    return f"must be the name or path of a file, of at most {limits.path_bytes} bytes, without control characters"


def _own_names(connection: Connection, model_ids: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yield the names that the files of those of these models say themselves which are LoRAs."""
    described = select(models.c.id, model_metadata.c.content).join(
        model_metadata, model_metadata.c.digest == models.c.metadata_digest
    )
    named = (models.c.type.in_(sorted(LORA_TYPES)), model_metadata.c.content.contains('"output_name":'))
    for row in connection.execute(described.where(among(connection, models.c.id, model_ids), *named)):
        name = json.loads(row.content).get("output_name")
        if isinstance(name, str):
            yield row.id, name


def _must_correct(caller: Caller) -> None:
    if caller.scope == CLIENT:
        raise ForbiddenError(f"a key of scope {caller.scope} may not name models")


def _forget(connection: Connection, model_id: int, source: str) -> None:
    here = (model_aliases.c.model_id == model_id, model_aliases.c.source == source)
    connection.execute(delete(model_aliases).where(*here))


def _check_free(connection: Connection, alias: Alias, model: Record) -> None:
    """Raise ConflictError where another model has this name by hand: it could mean both."""
    query = (
        select(model_aliases.c.alias_path, *SUMMARY)
        .join(models, models.c.id == model_aliases.c.model_id)
        .where(model_aliases.c.name_key == name_key(alias.file), model_aliases.c.source == HAND)
        .where(model_aliases.c.model_id != model.id)
    )
    for row in connection.execute(query):
        other = read_file_name(row.alias_path)
        if other is not None and other.folders == alias.file.folders and other.agrees_with(alias.file):
            raise ConflictError(
                f"{alias.text[:100]!r} is the name of another model; take it from that one first, or add a folder",
                {"alias": alias.text, "candidates": [summary(row), summary(model)]},
                code="alias_taken",
            )


def _answer(connection: Connection, model: Record) -> dict[str, Any]:
    named = model_aliases.c
    query = select(named.alias_path, named.source, named.said_by, named.created_at).where(named.model_id == model.id)
    rows = connection.execute(query.order_by(named.source, named.alias_path)).all()
    return {
        "success": True,
        "aliases": [
            {"alias": row.alias_path, "source": row.source, "by": row.said_by, "at": iso_time(row.created_at)}
            for row in rows
        ],
        "model": summary(model),
    }
