"""Statements by hand that a server has a model, or has it no more, for servers that no agent speaks for just now.

A statement is an entry of the server's inventory like those of an agent: claimed, and counted in its digest. So a
look-up needs no second place to look at, and an agent that comes (back) finds a digest that is not its own, sends what
differs, and has the last word. While an agent is there, nobody else is asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from ..hub_client.digest import MODULUS
from . import fields, placing
from .ages import PRESENT, Ages
from .availability import Availability
from .bulk import address_of
from .clock import Clock
from .database import Database, Record, among
from .entries import CLAIMED, Entry, is_path, path_rule, read_entry
from .errors import ConflictError, FieldError
from .jobs import changes
from .keys import Caller
from .limits import Limits
from .names import file_name_of
from .placing import from_signed, to_signed
from .registry import Registry
from .schema import model_aliases, placements, servers
from .search import documents
from .server_registry import find_server
from .trust.audit import note


@dataclass(frozen=True)
class Statement:
    """A model that a server is said to have; ``path`` is where, None where nobody said."""

    model: Record
    path: str | None


class Statements:
    """What people say that servers have."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ages: Ages,
        limits: Limits,
        registry: Registry,
        availability: Availability,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._limits = limits
        self._registry = registry
        self._availability = availability

    def put(self, text: str, server: str, path: str | None, caller: Caller) -> dict[str, Any]:
        """State that a server has a model, and answer where it is; a server that has it already stays as it is.

        Without a path the model's file name stands for it.

        Raises:
            ForbiddenError: the key may not write this server's inventory.
            FieldError: the path is none.
            NotFoundError, ConflictError: as ``Registry.get``; the server is not known, has another model at that path
                (``path_taken``), or an agent speaks for it (``server_has_agent``).
        """
        if path is not None and not is_path(path, self._limits):
            raise FieldError("path", path_rule(self._limits))

        def work(connection: Connection) -> dict[str, Any]:
            model, holder = self._both(connection, text, server, caller)
            self.place(connection, holder, [Statement(model, path)], self._clock())
            note(connection, caller, "availability_stated", address_of(model), {"server_id": holder.id, "path": path})
            return self._answer(connection, model)

        return self._database.write(work)

    def remove(self, text: str, server: str, path: str | None, caller: Caller) -> dict[str, Any]:
        """State that a server has a model no more, at a path or anywhere, and answer where it is.

        Raises:
            ForbiddenError, NotFoundError, ConflictError: as ``put``.
        """

        def work(connection: Connection) -> dict[str, Any]:
            model, holder = self._both(connection, text, server, caller)
            here = placements.c
            query = select(here.path, here.entry_digest).where(
                here.server_id == holder.id, here.model_id == model.id, *([here.path == path] if path else [])
            )
            held = {row.path: from_signed(row.entry_digest) for row in connection.execute(query)}
            if held:
                plan = placing.plan(held, [])
                placing.execute(self._database, connection, holder.id, plan, self._clock())
                _restate(connection, holder, plan.digest_change, -len(held))
                details = {"server_id": holder.id, "path": path}
                note(connection, caller, "availability_taken_back", address_of(model), details)
            return self._answer(connection, model)

        return self._database.write(work)

    def place(self, connection: Connection, server: Record, stated: Collection[Statement], now: float) -> int:
        """Put statements into the inventory of a server whose row this transaction has locked; return how many are new.

        Raises:
            ConflictError: another model is at a stated path (``path_taken``).
        """
        here = placements.c
        known = {
            (row.model_id, row.path)
            for row in connection.execute(
                select(here.model_id, here.path)
                .where(here.server_id == server.id)
                .where(among(connection, here.model_id, {each.model.id for each in stated}))
            )
        }
        placed = {model_id for model_id, _ in known}
        new = [
            each
            for each in stated
            if (each.path is None and each.model.id not in placed)
            or (each.path is not None and (each.model.id, each.path) not in known)
        ]
        entries = self._entries(connection, server, new)
        placing.state(self._database, connection, server.id, entries, now)
        stated_ids = [model_id for _, model_id in entries]
        documents.mark(connection, stated_ids)
        changes.note(self._database, connection, server.id, stated_ids)
        _restate(connection, server, sum(entry.digest for entry, _ in entries) % MODULUS, len(entries))
        return len(entries)

    def _entries(
        self, connection: Connection, server: Record, stated: Collection[Statement]
    ) -> list[tuple[Entry, int]]:
        names = _file_names(connection, {each.model.id for each in stated if each.path is None})
        wanted = {each.model.id: each.path or names.get(each.model.id) or each.model.name for each in stated}
        taken = set(placing.held_at(connection, server.id, [path for path in wanted.values() if self._fits(path)]))
        made = []
        for each in stated:
            path = wanted[each.model.id]
            if each.path is None and (path in taken or not self._fits(path)):
                path = f"{each.model.hash_sha256 or each.model.hash_autov2}/{path}"
                path = path if self._fits(path) else path.partition("/")[0]
            elif path in taken:
                raise ConflictError(
                    f"the server {server.alias!r} has another model at {path[:200]!r}",
                    {"path": path},
                    code="path_taken",
                )
            taken.add(path)
            made.append((_entry(each.model, path, self._limits), int(each.model.id)))
        return made

    def _fits(self, path: str) -> bool:
        return is_path(path, self._limits)

    def _both(self, connection: Connection, text: str, server: str, caller: Caller) -> tuple[Record, Record]:
        """Return the model and the server, locked, that a statement is about."""
        holder = find_server(connection, server, lock=True)
        caller.must_write_server(holder.id)
        if self._ages.state(holder.last_seen, self._clock()) == PRESENT:
            raise ConflictError(
                f"an agent speaks for the server {holder.alias!r}: what it finds there counts. To have it look again, "
                f'send POST /api/v1/servers/{holder.id}/requests {{"request": "rescan"}}',
                {"server_id": holder.id},
                code="server_has_agent",
            )
        return self._registry.one(connection, text), holder

    def _answer(self, connection: Connection, model: Record) -> dict[str, Any]:
        state = self._availability.of_models(connection, [model])[model.id]
        return {"success": True, "message": "Model availability updated", **state}


def read_statement(body: Mapping[str, Any], header: str | None, limits: Limits) -> tuple[str, str | None]:
    """Return server and path of a statement: StableQueue names the server in the header ``x-server-id``.

    Raises:
        FieldError: the server is missing, or one of them is wrong.
    """
    stated = header if header is not None else fields.required(body, "server_id")
    return fields.server_id(stated), fields.text(body, "path", limits.path_bytes)


def _entry(model: Record, path: str, limits: Limits) -> Entry:
    """Return the entry that states a model at a path; a size that nobody knows is 0."""
    hashed = {"sha256": model.hash_sha256} if model.hash_sha256 else {"autov2": model.hash_autov2}
    size_bytes = model.size_bytes or 0
    return read_entry({"path": path, "type": model.type, "size": size_bytes, "hash_state": CLAIMED, **hashed}, limits)


def _file_names(connection: Connection, model_ids: Collection[int]) -> dict[int, str]:
    """Return the file name of each of these models: what some server calls it, else what its aliases say."""
    here, named = placements.c, model_aliases.c
    at_others = select(here.model_id, here.path).where(among(connection, here.model_id, model_ids))
    called = select(named.model_id, named.alias_path).where(among(connection, named.model_id, model_ids))
    found: dict[int, str] = {}
    for query in (at_others.order_by(here.server_id, here.path), called.order_by(named.id)):
        for model_id, path in connection.execute(query):
            found.setdefault(model_id, file_name_of(path))
    return found


def _restate(connection: Connection, server: Record, digest_change: int, count_change: int) -> None:
    """Bring a locked server's digest and count up to date; others may have changed them in this transaction before."""
    query = select(servers.c.digest, servers.c.entry_count).where(servers.c.id == server.id)
    now = connection.execute(query).one()
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(
            digest=to_signed((from_signed(now.digest) + digest_change) % MODULUS),
            entry_count=now.entry_count + count_change,
        )
    )
