"""Finds or makes the row of ``models`` that each inventory entry belongs to.

A model is its SHA-256. An entry that has only an AutoV2 belongs to the one model with that AutoV2 if exactly one is
known, otherwise to a row that has the AutoV2 alone; which of the two it is does not depend on who came first:

* the first SHA-256 with an AutoV2 that was known alone becomes that row's;
* a second SHA-256 with one AutoV2 takes the entries that were attached by AutoV2 away from the first, to a row that
  has the AutoV2 alone, because now nobody knows which of the two they are.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, or_, select, update

from ..hub_client.digest import path_key
from .database import Database, Record, among
from .entries import VERIFIED, Entry
from .hashes import AUTOV2_DIGITS, AUTOV3_DIGITS
from .jobs import changes
from .schema import BY_AUTOV2, job_need_models, job_requirements, models, placements
from .search import documents

_KNOWN = (
    models.c.id,
    models.c.hash_sha256,
    models.c.hash_autov2,
    models.c.name,
    models.c.type,
    models.c.size_bytes,
    models.c.hash_tensor,
    models.c.ecosystem,
    models.c.base_model,
    models.c.confidence,
    models.c.identification,
    models.c.metadata_digest,
    models.c.verified,
    models.c.found_at,
)


@dataclass(frozen=True)
class Witness:
    """Which server says something, and when (by the hub's clock)."""

    server_id: str
    at: float


def resolve(
    database: Database, connection: Connection, entries: list[Entry], witness: Witness
) -> tuple[list[int], set[int]]:
    """Return the model id of each entry, making the models that are new; those that are known learn from the entries.

    The second value has the ids of those that may have been known before.

    Must run in a write transaction.
    """
    now = witness.at
    by_sha = {entry.sha256: entry for entry in entries if entry.sha256 is not None}
    known = _by_sha256(connection, by_sha)
    new = by_sha.keys() - known.keys()
    if new and promote(database, connection, new, now):
        known.update(_by_sha256(connection, new))
    ids: dict[str, int] = {sha256: row.id for sha256, row in known.items()}
    before = set(ids.values())
    _learn(connection, [(row, by_sha[sha256]) for sha256, row in known.items()], witness)
    ids.update(add(database, connection, [by_sha[sha256] for sha256 in sorted(new - known.keys())], witness))
    by_autov2 = {entry.autov2: entry for entry in entries if entry.sha256 is None}
    alone = _attach(database, connection, by_autov2, witness) if by_autov2 else {}
    listed = [ids[entry.sha256] if entry.sha256 is not None else alone[entry.autov2] for entry in entries]
    return listed, before.union(alone.values())


def _by_sha256(connection: Connection, hashes: Iterable[str]) -> dict[str, Record]:
    query = select(*_KNOWN).where(among(connection, models.c.hash_sha256, hashes))
    return {row.hash_sha256: row for row in connection.execute(query)}


def new_row(entry: Entry, witness: Witness) -> dict[str, Any]:
    """Return the row of ``models`` that an entry begins."""
    tensor = entry.tensor_sha256
    return {
        "name": entry.name,
        "type": entry.type,
        "hash_autov2": entry.autov2,
        "hash_sha256": entry.sha256,
        "hash_tensor": tensor,
        "hash_autov3": tensor[:AUTOV3_DIGITS] if tensor else None,
        "size_bytes": entry.size_bytes,
        "ecosystem": entry.ecosystem,
        "base_model": entry.base_model,
        "confidence": entry.confidence,
        "identification": entry.identification,
        "metadata_digest": entry.metadata_digest,
        "created_at": witness.at,
        "found_by": witness.server_id,
        "found_at": witness.at,
        "verified": entry.hash_state == VERIFIED,
    }


def add(database: Database, connection: Connection, new: list[Entry], witness: Witness) -> dict[str, int]:
    """Add models with a SHA-256 that nobody stated before and return their ids by SHA-256."""
    if not new:
        return {}
    # Two servers may state the same new model at once; on PostgreSQL the second of them waits here for the first.
    insert = database.insert(models).on_conflict_do_nothing(index_elements=["hash_sha256"])
    database.execute_many(connection, insert, [new_row(entry, witness) for entry in new])
    stated = [entry.sha256 for entry in new if entry.sha256 is not None]
    query = select(models.c.hash_sha256, models.c.id).where(among(connection, models.c.hash_sha256, stated))
    return {row[0]: row[1] for row in connection.execute(query)}


def promote(database: Database, connection: Connection, new: Collection[str], now: float) -> bool:
    """Settle what was known by AutoV2 alone, before models with these SHA-256 values are added.

    Returns whether a row got one of them. Nearly always there is nothing to settle, which one look at each of two
    small indexes tells.
    """
    heads = Counter(sha256[:AUTOV2_DIGITS] for sha256 in new)
    if connection.scalar(select(select(placements.c.model_id).where(BY_AUTOV2).exists())):
        attached = (
            select(models.c.id)
            .join(placements, placements.c.model_id == models.c.id)
            .where(BY_AUTOV2, models.c.hash_sha256.is_not(None))
            .where(among(connection, models.c.hash_autov2, heads))
            .distinct()
        )
        for model_id in connection.scalars(attached).all():
            _set_apart(database, connection, model_id, now)
    if not connection.scalar(select(exists().where(models.c.hash_sha256.is_(None)))):
        return False
    sibling = models.alias()
    alone = (
        select(models.c.id, models.c.hash_autov2)
        .where(models.c.hash_sha256.is_(None), among(connection, models.c.hash_autov2, heads))
        .where(~exists().where(sibling.c.hash_autov2 == models.c.hash_autov2, sibling.c.hash_sha256.is_not(None)))
    )
    rows = {row.hash_autov2: row.id for row in connection.execute(alone) if heads[row.hash_autov2] == 1}
    given = {rows[sha256[:AUTOV2_DIGITS]]: sha256 for sha256 in new if sha256[:AUTOV2_DIGITS] in rows}
    for model_id, sha256 in sorted(given.items()):
        connection.execute(update(models).where(models.c.id == model_id).values(hash_sha256=sha256, to_index=True))
    return bool(given)


def _set_apart(database: Database, connection: Connection, model_id: int, now: float) -> None:
    """Move the entries that were attached to a model by AutoV2 to a row that has the AutoV2 alone."""
    said = (models.c.name, models.c.type, models.c.size_bytes, models.c.found_by, models.c.found_at)
    columns = (models.c.hash_autov2, *said)
    model = connection.execute(select(*columns).where(models.c.id == model_id)).one()
    alone = _autov2_row(database, connection, {**model._mapping, "created_at": now})
    moved = update(placements).where(placements.c.model_id == model_id, BY_AUTOV2)
    lacking = connection.scalars(moved.values(model_id=alone).returning(placements.c.server_id))
    for server_id in sorted(set(lacking)):
        changes.note(database, connection, server_id, [model_id, alone])
    documents.mark(connection, [model_id, alone])


def _autov2_row(database: Database, connection: Connection, row: Mapping[str, Any]) -> int:
    """Return the id of the row that has this AutoV2 alone, making it where it is not there."""
    query = select(models.c.id).where(models.c.hash_autov2 == row["hash_autov2"], models.c.hash_sha256.is_(None))
    found = connection.scalar(query)
    if found is None:  # on PostgreSQL another writer may make it in between
        connection.execute(database.insert(models).values(**row).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return int(found)


def _attach(
    database: Database, connection: Connection, entries: Mapping[str, Entry], witness: Witness
) -> dict[str, int]:
    """Return the model id for each AutoV2 that is stated without a SHA-256."""
    query = select(models.c.id, models.c.hash_autov2).where(models.c.hash_sha256.is_not(None))
    complete: dict[str, list[int]] = {}
    for row in connection.execute(query.where(among(connection, models.c.hash_autov2, entries))):
        complete.setdefault(row.hash_autov2, []).append(row.id)
    ids = {}
    for autov2, entry in sorted(entries.items()):
        candidates = complete.get(autov2, [])
        sole = candidates[0] if len(candidates) == 1 else None
        ids[autov2] = sole or _autov2_row(database, connection, new_row(entry, witness))
    return ids


def _learn(connection: Connection, pairs: list[tuple[Record, Entry]], witness: Witness) -> None:
    """Bring known models up to date with what was said of them last; silence on a field changes nothing.

    Who only repeats what is known is no new witness: a fleet of equal servers would rewrite every row for every server.
    """
    changed = []
    left: set[str] = set()
    for row, entry in sorted(pairs, key=lambda pair: pair[0].id):
        said = _said(row, entry)
        if row.hash_tensor is not None and said["hash_tensor"] != row.hash_tensor:
            left.add(row.hash_tensor)
        if row.found_at is None or any(getattr(row, name) != value for name, value in said.items()):
            said |= {"found_by": witness.server_id, "found_at": witness.at}
            said["hash_autov3"] = said["hash_tensor"][:AUTOV3_DIGITS] if said["hash_tensor"] else None
            said["to_index"] = True
            changed.append({**{f"new_{name}": value for name, value in said.items()}, "row_id": row.id})
    documents.mark_twins(connection, left)
    if changed:
        names = [name[4:] for name in changed[0] if name.startswith("new_")]
        statement = update(models).where(models.c.id == bindparam("row_id"))
        connection.execute(statement.values({name: bindparam(f"new_{name}") for name in names}), changed)


def _said(row: Record, entry: Entry) -> dict[str, Any]:
    """Return what a model's row should hold after an entry."""
    tensor = row.hash_tensor
    if entry.tensor_sha256 and (tensor is None or entry.hash_state == VERIFIED):
        tensor = entry.tensor_sha256
    identified = entry.ecosystem is not None or entry.base_model is not None
    source: Any = entry if identified else row
    return {
        "name": entry.name,
        "type": entry.type,
        "size_bytes": entry.size_bytes,
        "hash_tensor": tensor,
        "ecosystem": source.ecosystem,
        "base_model": source.base_model,
        "confidence": source.confidence,
        "identification": source.identification,
        "metadata_digest": entry.metadata_digest or row.metadata_digest,
        "verified": row.verified or entry.hash_state == VERIFIED,
    }


def refuted(connection: Connection, server_id: str, entries: Iterable[Entry]) -> set[int]:
    """Return the models that are only claimed to stand where these entries are verified to be something else.

    Must be asked before the entries take their place.
    """
    verified = {entry.path: entry.sha256 for entry in entries if entry.hash_state == VERIFIED}
    here = placements.c
    query = (
        select(here.path, here.model_id, models.c.hash_sha256)
        .join(models, models.c.id == here.model_id)
        .where(here.server_id == server_id, here.hash_state != VERIFIED, ~models.c.verified)
        .where(among(connection, here.path_key, {path_key(path) for path in verified}))
    )
    rows = connection.execute(query)
    return {row.model_id for row in rows if row.path in verified and verified[row.path] != row.hash_sha256}


def forget(connection: Connection, model_ids: Collection[int]) -> None:
    """Forget those of these models that nobody has, had, registered or imported: hashes that somebody got wrong.

    One that a job asks for stays, and with it what the job says of it.
    """
    unneeded = ~or_(
        exists().where(job_need_models.c.model_id == models.c.id),
        exists().where(job_requirements.c.model_id == models.c.id),
    )
    nowhere = ~exists().where(placements.c.model_id == models.c.id)
    unsaid = (models.c.registered_at.is_(None), models.c.imported_at.is_(None))
    wrong = (among(connection, models.c.id, model_ids), ~models.c.verified, *unsaid, nowhere, unneeded)
    gone = delete(models).where(*wrong).returning(models.c.hash_tensor)
    documents.mark_twins(connection, set(connection.scalars(gone)) - {None})
