"""Puts imported models beside what the hub knows: a new model is added, a known one gets what it lacks.

An import is the weakest source (``effective``): agents, the metadata service and what was registered by hand all come
before it, so nothing of theirs is replaced. What an earlier import brought is brought up to date.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from .. import known_models
from ..aliases import IMPORT, Aliases
from ..database import Database, Record, among
from ..schema import model_metadata, models
from ..search import documents
from .report import Report
from .rows import TheirModel
from .tables import MODELS

_FILLED = ("civitai_id", "civitai_version_id", "sources", "registered_metadata_digest")
"""Columns that belong to what was registered by hand, where that was done, and to the import otherwise."""
_FOUND = ("name", "type", "ecosystem", "base_model")
"""Columns that belong to the agents, where one has found the model, and to the import otherwise."""
_KNOWN = (
    models.c.id,
    models.c.hash_sha256,
    models.c.hash_autov2,
    models.c.found_at,
    models.c.registered_at,
    models.c.imported_at,
    *(models.c[name] for name in (*_FILLED, *_FOUND)),
)


class Keeping:
    """The models of one import, as they are kept, a part at a time in one write transaction."""

    def __init__(self, database: Database, aliases: Aliases, report: Report, now: float) -> None:
        self._database = database
        self._aliases = aliases
        self._report = report
        self._now = now
        self._first_rows: dict[int, object] = {}
        self.ids: dict[int | None, int] = {}
        """Their row -> our model."""

    def keep(self, connection: Connection, listed: Sequence[TheirModel]) -> None:
        """Keep some models and their names."""
        self._keep_metadata(connection, listed)
        known = self._known(connection, listed)
        new: dict[str, TheirModel] = {}
        for model in listed:
            if _key(model) not in known:
                new.setdefault(_key(model), model)
        if new:
            self._add(connection, list(new.values()))
            known.update(self._known(connection, list(new.values())))
        names = []
        for model in listed:
            row = known[_key(model)]
            self._settle(connection, model, row, is_new=new.get(_key(model)) is model)
            if isinstance(model.row, int):
                self.ids[model.row] = row.id
            names += [alias.row(row.id, IMPORT, self._now) for alias in model.aliases]
        if new_names := self._aliases.keep(connection, names):
            self._report.count("names", "new", new_names)
            documents.mark(connection, {row["model_id"] for row in names})

    def _keep_metadata(self, connection: Connection, listed: Sequence[TheirModel]) -> None:
        rows = {model.digest: {"digest": model.digest, "content": model.content} for model in listed if model.digest}
        if rows:
            statement = self._database.insert(model_metadata).on_conflict_do_nothing()
            self._database.execute_many(connection, statement, list(rows.values()))

    def _known(self, connection: Connection, listed: Sequence[TheirModel]) -> dict[str, Record]:
        """Return the rows of the models that the hub knows, by ``_key``; a short hash must be of one model alone."""
        hashes = [model.sha256 for model in listed if model.sha256 is not None]
        query = select(*_KNOWN).where(among(connection, models.c.hash_sha256, hashes))
        found = {row.hash_sha256: row for row in connection.execute(query)}
        short = {model.autov2 for model in listed if model.sha256 is None}
        if short:
            query = select(*_KNOWN).where(among(connection, models.c.hash_autov2, short))
            rows = list(connection.execute(query))
            for autov2 in short:
                whole = [row for row in rows if row.hash_autov2 == autov2 and row.hash_sha256 is not None]
                alone = [row for row in rows if row.hash_autov2 == autov2 and row.hash_sha256 is None]
                if len(whole) == 1 or alone:
                    found[autov2] = whole[0] if len(whole) == 1 else alone[0]
        return found

    def _add(self, connection: Connection, new: Sequence[TheirModel]) -> None:
        hashes = [model.sha256 for model in new if model.sha256 is not None]
        if hashes:
            known_models.promote(self._database, connection, hashes, self._now)
        rows = [
            {
                "hash_sha256": model.sha256,
                "hash_autov2": model.autov2,
                "created_at": self._now,
                "imported_at": self._now,
                "verified": False,
                **_stated(model),
            }
            for model in new
        ]
        self._database.execute_many(connection, self._database.insert(models).on_conflict_do_nothing(), rows)

    def _settle(self, connection: Connection, model: TheirModel, row: Record, *, is_new: bool) -> None:
        """Give a known model what it lacks; of several rows for one file, the first one counts."""
        if row.id in self._first_rows:
            self._report.count(MODELS, "same_file")
            first = str(self._first_rows[row.id])[:60]
            self._report.note(
                MODELS, model.row, "hash_sha256", f"the same file as row {first}: only its names are taken"
            )
            return
        self._first_rows[row.id] = model.row
        if is_new:
            self._report.count(MODELS, "new")
            return
        values = _lacking(_stated(model), row)
        if row.imported_at is None:
            values["imported_at"] = self._now
        self._report.count(MODELS, "updated" if values else "unchanged")
        if values:
            connection.execute(update(models).where(models.c.id == row.id).values(**values, to_index=True))


def _key(model: TheirModel) -> str:
    return model.sha256 or model.autov2


def _stated(model: TheirModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "type": model.type,
        "ecosystem": model.ecosystem,
        "base_model": model.base_model,
        "civitai_id": model.civitai_id,
        "civitai_version_id": model.civitai_version_id,
        "sources": model.sources,
        "registered_metadata_digest": model.digest,
    }


def _lacking(stated: Mapping[str, Any], row: Record) -> dict[str, Any]:
    """Return the columns that an import changes of a known model."""
    values: dict[str, Any] = {}
    by_import = row.imported_at is not None
    for name in _FILLED:
        may = getattr(row, name) is None or (by_import and row.registered_at is None)
        if may and stated[name] not in (None, getattr(row, name)):
            values[name] = stated[name]
    if row.found_at is None and row.registered_at is None and by_import:
        values |= {name: stated[name] for name in _FOUND if stated[name] != getattr(row, name)}
    return values
