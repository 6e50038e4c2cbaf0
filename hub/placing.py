"""The rows of ``model_server_availability``: what of them a body changes, and the change itself."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, or_, select
from sqlalchemy.sql.dml import Insert

from ..ecosystems.model_types import LORA_TYPES
from ..hub_client.digest import MAX_BUCKET_BITS, MODULUS, path_key
from . import known_models, past
from .database import Database, among, among_pairs
from .entries import Entry
from .jobs import changes
from .schema import metadata_wanted, model_metadata, placements
from .search import documents

Held = dict[str, int]
"""Path -> entry digest of what the hub holds."""

_KEY = ("server_id", "path_key", "path")
_RANGES = 200
"""Ranges of path keys in one statement; more are cheaper read as a whole."""


@dataclass(frozen=True)
class Plan:
    """What is to be done to a part of an inventory."""

    upserts: list[Entry]
    """Entries that are new or changed, and those that bring a description."""
    described: set[str]
    """Paths of those that only bring a description."""
    removed: list[str]
    added: int
    digest_change: int
    """What to add to the inventory's digest, modulo 2**64."""
    changed: list[str]
    """Paths of ``upserts`` whose entry was another before."""


def plan(held: Held, entries: list[Entry]) -> Plan:
    """Compare what the hub holds in a part of an inventory with what it should hold there."""
    upserts: list[Entry] = []
    changed: list[str] = []
    described: set[str] = set()
    added = digest_change = 0
    left = dict(held)
    for entry in entries:
        old = left.pop(entry.path, None)
        if old is None:
            added += 1
        elif old != entry.digest:
            changed.append(entry.path)
        elif entry.metadata is None:
            continue
        else:
            described.add(entry.path)
        digest_change += entry.digest - (old or 0)
        upserts.append(entry)
    digest_change -= sum(left.values())
    return Plan(upserts, described, list(left), added, digest_change % MODULUS, changed)


def execute(database: Database, connection: Connection, server_id: str, plan: Plan, now: float) -> None:
    """Carry out a plan; must run in the write transaction in which it was made."""
    removed = _remove(connection, server_id, plan.removed, now)
    documents.mark(connection, removed)
    if not plan.upserts:
        changes.note(database, connection, server_id, removed)
        return
    entries = sorted(plan.upserts, key=lambda entry: (entry.path_key, entry.path))
    refuted = known_models.refuted(connection, server_id, entries) if plan.changed else set()
    here = and_(placements.c.server_id == server_id, _at(connection, plan.changed))
    before = past.held(connection, here) if plan.changed else []
    ids, known = known_models.resolve(database, connection, entries, known_models.Witness(server_id, now))
    shown = {model_id for entry, model_id in zip(entries, ids, strict=True) if entry.path not in plan.described}
    if before:
        new = {entry.path: model_id for entry, model_id in zip(entries, ids, strict=True)}
        past.keep_replaced(database, connection, before, new, refuted, now)
    state(database, connection, server_id, list(zip(entries, ids, strict=True)), now)
    replaced = {row["model_id"] for row in before}
    named = {
        key for entry, key in zip(entries, ids, strict=True) if entry.path in plan.described and _says_a_name(entry)
    }
    documents.mark(connection, shown & known | replaced | named)
    changes.note(database, connection, server_id, removed | shown | replaced)
    if refuted:
        known_models.forget(connection, refuted)
    _keep_descriptions(database, connection, entries)
    _note_wanted(database, connection, server_id, entries)


def state(
    database: Database, connection: Connection, server_id: str, stated: Collection[tuple[Entry, int]], now: float
) -> None:
    """Put entries in place of which the models (ids) are known; these learn nothing from them.

    Must run in a write transaction that brings the server's digest and count up to date, and marks the models for the
    search index.
    """
    rows = [_row(server_id, entry, model_id, now) for entry, model_id in stated]
    if rows:
        database.execute_many(connection, _upsert(database, rows[0]), rows)


def _row(server_id: str, entry: Entry, model_id: int, now: float) -> dict[str, Any]:
    return {
        "server_id": server_id,
        "path_key": entry.path_key,
        "path": entry.path,
        "model_id": model_id,
        "entry_digest": to_signed(entry.digest),
        "type": entry.type,
        "size_bytes": entry.size_bytes,
        "mtime_ns": entry.mtime_ns,
        "hash_state": entry.hash_state,
        "state": entry.state,
        "by_autov2": entry.sha256 is None,
        "last_seen": now,
        "since": now,
    }


def _upsert(database: Database, row: Mapping[str, Any]) -> Insert:
    """Return the insert of such rows that replaces what a path held; what holds the same model does so since then."""
    statement = database.insert(placements)
    new = statement.excluded
    values: dict[str, Any] = {name: new[name] for name in row if name not in _KEY}
    values["since"] = case((placements.c.model_id == new.model_id, placements.c.since), else_=new.since)
    return statement.on_conflict_do_update(index_elements=list(_KEY), set_=values)


def _remove(connection: Connection, server_id: str, paths: list[str], now: float) -> set[int]:
    """Remove what is at these paths; return the models that it was."""
    if not paths:
        return set()
    here = and_(placements.c.server_id == server_id, _at(connection, paths))
    past.keep(connection, here, now)
    ids = set(connection.scalars(delete(placements).where(here).returning(placements.c.model_id)))
    _want_no_more(connection, server_id, paths)
    return ids


def _want_no_more(connection: Connection, server_id: str, paths: Iterable[str]) -> None:
    wanted = metadata_wanted.c
    here = (wanted.server_id == server_id, among(connection, wanted.path, paths))
    connection.execute(delete(metadata_wanted).where(*here))


def _at(connection: Connection, paths: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a row is at one of these paths, in terms of the table's key."""
    key = (placements.c.path_key, placements.c.path)
    return among_pairs(connection, key, ((path_key(path), path) for path in paths))


def _says_a_name(entry: Entry) -> bool:
    """Say whether a description holds a LoRA's own name, under which it is found (``aliases``)."""
    return entry.type in LORA_TYPES and entry.metadata is not None and '"output_name":' in entry.metadata


def _keep_descriptions(database: Database, connection: Connection, entries: list[Entry]) -> None:
    described = {entry.metadata_digest: entry for entry in entries if entry.metadata is not None}
    if not described:
        return
    rows = [
        {"digest": digest, "claimed_v3": entry.claimed_v3, "content": entry.metadata}
        for digest, entry in sorted(described.items())
    ]
    database.execute_many(connection, database.insert(model_metadata).on_conflict_do_nothing(), rows)
    digests = [str(row["digest"]) for row in rows]
    connection.execute(delete(metadata_wanted).where(among(connection, metadata_wanted.c.digest, digests)))


def _note_wanted(database: Database, connection: Connection, server_id: str, entries: list[Entry]) -> None:
    """Remember which entries have metadata that nobody described yet; forget what an earlier entry wanted."""
    undescribed = [entry for entry in entries if entry.metadata_digest is not None and entry.metadata is None]
    stated = {entry.metadata_digest for entry in undescribed if entry.metadata_digest is not None}
    query = select(model_metadata.c.digest).where(among(connection, model_metadata.c.digest, stated))
    held = set(connection.scalars(query)) if stated else set()
    rows = [
        {"server_id": server_id, "path": entry.path, "hash_sha256": entry.sha256, "digest": entry.metadata_digest}
        for entry in undescribed
        if entry.sha256 is not None and entry.metadata_digest not in held
    ]
    wanting = {row["path"] for row in rows}
    if connection.scalar(select(exists().where(metadata_wanted.c.server_id == server_id))):
        _want_no_more(connection, server_id, [entry.path for entry in entries if entry.path not in wanting])
    if rows:
        statement = database.upsert(metadata_wanted, ("server_id", "path"), ("hash_sha256", "digest"))
        database.execute_many(connection, statement, rows)


# Reading


def held(connection: Connection, server_id: str) -> Held:
    """Return all that the hub holds of a server."""
    here = placements.c
    query = select(here.path, here.entry_digest).where(here.server_id == server_id)
    return {path: from_signed(digest) for path, digest in connection.execute(query)}


def held_at(connection: Connection, server_id: str, paths: Collection[str]) -> Held:
    """Return what the hub holds at these paths; reads no other rows than those of the same path keys."""
    here = placements.c
    query = select(here.path, here.entry_digest).where(here.server_id == server_id, _at(connection, paths))
    return {path: from_signed(digest) for path, digest in connection.execute(query)}


def held_in_buckets(connection: Connection, server_id: str, bits: int, numbers: Collection[int]) -> Held:
    """Return what the hub holds in these buckets."""
    here, shift = placements.c, MAX_BUCKET_BITS - bits
    query = select(here.path, here.path_key, here.entry_digest).where(here.server_id == server_id)
    if len(numbers) <= _RANGES:
        ranges = [and_(here.path_key >= n << shift, here.path_key < (n + 1) << shift) for n in sorted(numbers)]
        query = query.where(or_(*ranges)) if ranges else query.where(here.path_key < 0)
    return {
        row.path: from_signed(row.entry_digest) for row in connection.execute(query) if row.path_key >> shift in numbers
    }


def keyed_digests(connection: Connection, server_id: str) -> list[tuple[int, int]]:
    """Return (path key, entry digest) of every row of a server."""
    here = placements.c
    query = select(here.path_key, here.entry_digest).where(here.server_id == server_id)
    return [(key, from_signed(digest)) for key, digest in connection.execute(query)]


def to_signed(digest: int) -> int:
    """Return a digest below 2**64 as the signed integer that both databases hold."""
    return digest - MODULUS if digest >> 63 else digest


def from_signed(stored: int) -> int:
    """Return the digest that ``to_signed`` stored."""
    return stored % MODULUS
