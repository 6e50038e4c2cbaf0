"""Makes the documents of the search index: for each model the words under which it is found, and its order in lists."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select, update

from .. import effective
from ..ages import STALE
from ..database import Database, Record, among
from ..hashes import AUTOV3_DIGITS
from ..schema import TO_INDEX, model_aliases, model_metadata, models, placements, search_documents
from . import words

TYPE, ECOSYSTEM, BASE_MODEL, SERVER, STATE, HASH_STATE, EXTRA = "t", "e", "b", "s", "x", "h", "d"
"""Kinds of facts that documents hold as words, see ``words.of_fact``."""
PLACED, UNPLACED = "placed", "unplaced"
TWINS, COPIES = "twins", "copies"

MAX_WORDS = 5_000
"""Words of one document; a model with more has thousands of different paths."""
_NAME_KEY_CHARACTERS = 200
_TRAINED_WORDS = "trainedWords"

_MODEL = (
    models.c.id,
    effective.NAME.label("name"),
    models.c.name.label("said_name"),
    models.c.enriched_name,
    models.c.enriched_words,
    models.c.hash_sha256,
    models.c.hash_autov2,
    models.c.hash_tensor,
    models.c.hash_autov3,
    effective.SIZE.label("size_bytes"),
    models.c.registered_metadata_digest,
    effective.TYPE.label("type"),
    effective.ECOSYSTEM.label("ecosystem"),
    effective.BASE_MODEL.label("base_model"),
)

Grouped = Mapping[int, list[Record]]
"""Rows by model id."""


def make(database: Database, connection: Connection, model_ids: Collection[int]) -> None:
    """Write the documents of these models as they are now; must run in the write transaction that locked them."""
    listed = connection.execute(select(*_MODEL).where(among(connection, models.c.id, model_ids))).all()
    placed = _grouped(connection.execute(_placed().where(among(connection, placements.c.model_id, model_ids))).all())
    named = _grouped(connection.execute(_named().where(among(connection, model_aliases.c.model_id, model_ids))).all())
    described = _descriptions(connection, listed)
    twins = _twins(connection, listed)
    rows = []
    for model in listed:
        here = placed.get(model.id, [])
        found = words_of(model, here, [row.alias_path for row in named.get(model.id, [])], twins.get(model.id, 0))
        found |= words.of_text(" ".join(described.get(model.registered_metadata_digest, ())))
        rows.append(
            {
                "model_id": model.id,
                "words": _spelled(database, found),
                "name_key": name_key(model.name),
                "size_bytes": model.size_bytes or 0,
                "servers": len({row.server_id for row in here}),
                "places": len(here),
                "twins": twins.get(model.id, 0),
            }
        )
    if rows:
        changing = [name for name in rows[0] if name != "model_id"]
        database.execute_many(connection, database.upsert(search_documents, ["model_id"], changing), rows)


def name_key(name: str) -> str:
    """Return what orders a model's name: its case does not count."""
    return name.casefold()[:_NAME_KEY_CHARACTERS].replace("\x00", "")


def words_of(model: Record, here: Collection[Record], aliases: Iterable[str], twins: int) -> set[str]:
    """Return the words of a model, those of facts included."""
    found = words.of_text(" ".join(filter(None, (model.name, model.said_name, model.enriched_name))))
    found |= words.of_text(" ".join(json.loads(model.enriched_words or "[]")))
    found.add(words.of_fact(TYPE, model.type))
    found.update(
        words.of_hash(digits) for digits in (model.hash_sha256 or model.hash_autov2, model.hash_tensor) if digits
    )
    for kind, value in ((ECOSYSTEM, model.ecosystem), (BASE_MODEL, model.base_model)):
        if value is not None:
            found.add(words.of_fact(kind, value))
    for alias in aliases:
        found |= words.of_path(alias.replace("\\", "/"))
    for path in {row.path for row in here}:
        found |= words.of_path(path)
    servers = {row.server_id for row in here}
    found.update(words.of_fact(SERVER, server_id) for server_id in servers)
    found.update(words.of_fact(HASH_STATE, hash_state) for hash_state in {row.hash_state for row in here})
    if any(row.state == STALE for row in here):
        found.add(words.of_fact(STATE, STALE))
    found.add(words.of_fact(EXTRA, PLACED if servers else UNPLACED))
    if twins:
        found.add(words.of_fact(EXTRA, TWINS))
    if len(here) > len(servers):
        found.add(words.of_fact(EXTRA, COPIES))
    return found if len(found) <= MAX_WORDS else set(sorted(found)[:MAX_WORDS])


def _spelled(database: Database, found: Iterable[str]) -> str:
    """Return words as the column takes them; none holds a blank, a quote or a backslash."""
    return f" {' '.join(sorted(found))} " if database.is_sqlite else "'" + "' '".join(found) + "'"


def _placed() -> Any:
    here = placements.c
    return select(here.model_id, here.server_id, here.path, here.state, here.hash_state)


def _named() -> Any:
    return select(model_aliases.c.model_id, model_aliases.c.alias_path)


def _grouped(rows: Iterable[Record]) -> Grouped:
    found: dict[int, list[Record]] = {}
    for row in rows:
        found.setdefault(row.model_id, []).append(row)
    return found


def _descriptions(connection: Connection, listed: Iterable[Record]) -> dict[str, list[str]]:
    """Return the trigger words that were registered by hand, by the digest of the metadata that holds them."""
    digests = {row.registered_metadata_digest for row in listed} - {None}
    if not digests:
        return {}
    query = select(model_metadata.c.digest, model_metadata.c.content)
    rows = connection.execute(query.where(among(connection, model_metadata.c.digest, digests)))
    trained = {row.digest: json.loads(row.content).get(_TRAINED_WORDS) for row in rows}
    return {
        digest: [word for word in listed if isinstance(word, str)]
        for digest, listed in trained.items()
        if isinstance(listed, list)
    }


def _twins(connection: Connection, listed: Collection[Record]) -> dict[int, int]:
    """Return how many other models have a model's tensors, by its id; marks those whose documents say otherwise."""
    tensors = {row.hash_tensor: row.hash_autov3 for row in listed if row.hash_tensor is not None}
    if not tensors:
        return {}
    query = (
        select(models.c.id, models.c.hash_tensor, search_documents.c.twins)
        .outerjoin(search_documents, search_documents.c.model_id == models.c.id)
        .where(among(connection, models.c.hash_autov3, set(tensors.values())))
    )
    groups: dict[str, list[Record]] = {}
    for row in connection.execute(query).all():
        if row.hash_tensor in tensors:
            groups.setdefault(row.hash_tensor, []).append(row)
    counted = {row.id: len(group) - 1 for group in groups.values() for row in group}
    being_made = {row.id for row in listed}
    others = (row for group in groups.values() for row in group if row.id not in being_made)
    mark(connection, [row.id for row in others if row.twins is not None and row.twins != counted[row.id]])
    return counted


def mark(connection: Connection, model_ids: Collection[int]) -> None:
    """Have the documents of these models made anew: to be called after the change that they are to show.

    A row that is marked already is marked again, because its document may be in the making: this waits for that.
    """
    if model_ids:
        connection.execute(update(models).where(among(connection, models.c.id, model_ids)).values(to_index=True))


def mark_twins(connection: Connection, tensors: Collection[str]) -> None:
    """Have the documents of all models with these tensors made anew: one of them is to be no longer among them."""
    if tensors:
        heads = {tensor[:AUTOV3_DIGITS] for tensor in tensors}
        alike = update(models).where(among(connection, models.c.hash_autov3, heads))
        connection.execute(alike.values(to_index=True))


def count_pending(connection: Connection, bound: int) -> int:
    """Return how many models are marked, ``bound`` where it is that many or more."""
    few = select(models.c.id).where(TO_INDEX).limit(bound).subquery()
    return int(connection.scalar(select(func.count()).select_from(few)) or 0)
