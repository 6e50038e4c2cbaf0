"""State-based sync: brings what the hub holds of a server to what its agent says, or refuses and changes nothing.

A body is checked whole before the database is touched; rows, digest and count then change in one transaction, which
starts by locking the server's row. Whatever is killed whenever, the digest is the sum of the rows beside it, and an
agent whose answer was lost finds its state there at the next heartbeat. ``docs/hub.md`` has the design not taken.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, true, update

from ..hub_client import digest as digests
from . import placing, server_states
from .ages import PRESENT, Ages, iso_time
from .bodies import PROTOCOL, Body, Buckets, Delta, Heartbeat, Sender
from .clock import Clock
from .database import Database, Record
from .entries import Entry
from .errors import ConflictError, DigestMismatchError, UnauthorizedError
from .events import tell
from .events.kinds import INVENTORY_CHANGED
from .known_servers import make_known
from .limits import Limits
from .news import LAST
from .placing import Held, from_signed, to_signed
from .schema import metadata_wanted, servers

_SAMPLE = 10
"""Models that an event about a changed inventory names."""


@dataclass
class _Change:
    """What one body changes of an inventory."""

    digest: int
    count: int
    added: int = 0
    updated: int = 0
    removed: int = 0
    in_sync: bool = True
    buckets: dict[str, Any] | None = None
    complete: bool = False
    """The body held the whole inventory."""
    sample: list[Entry] = field(default_factory=list)
    """A few of the entries that were added or updated."""


class Inventories:
    """The inventories of all servers."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ages: Ages,
        limits: Limits,
        request_repeat_seconds: float,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``changed`` is called after a body that changed rows."""
        self._database = database
        self._clock = clock
        self._ages = ages
        self._limits = limits
        self._request_repeat_seconds = request_repeat_seconds
        self._changed = changed
        self._audited: set[str] = set()
        self._audit_lock = threading.Lock()

    def receive(
        self, server_id: str, sender: Sender, body: Body, allowed: ColumnElement[bool] | None = None
    ) -> dict[str, Any]:
        """Apply one body and return the answer; ``allowed`` is a condition that must hold in the same transaction.

        Raises:
            UnauthorizedError: it does not hold.
            ConflictError: another live agent holds the server (``server_id_in_use``), or a delta does not start from
                what the hub holds (``base_mismatch``).
            DigestMismatchError: the result would not have the digest that the body states.
        """
        self._audit(server_id)
        condition = true() if allowed is None else allowed
        answer = self._database.write(lambda connection: self._receive(connection, server_id, sender, body, condition))
        if any(answer["changed"].values()):
            self._changed()
        return answer

    def _receive(
        self, connection: Connection, server_id: str, sender: Sender, body: Body, allowed: ColumnElement[bool]
    ) -> dict[str, Any]:
        now = self._clock()
        server = self._locked_server(connection, server_id, now, allowed)
        self._check_holder(server, sender, now)
        change = self._apply(connection, server, body, now)
        pending = [
            request
            for request in json.loads(server.requests)
            if request not in sender.acknowledged and not (request == "full" and change.complete)
        ]
        handed, handed_at = self._hand_out(pending, server.requests_handed_at, now)
        connection.execute(
            update(servers)
            .where(servers.c.id == server_id)
            .values(
                digest=to_signed(change.digest),
                entry_count=change.count,
                last_seen=now,
                agent_id=None if sender.leaving else sender.agent_id,
                noted_state=PRESENT,
                agent=sender.agent if sender.agent is not None else server.agent,
                requests=json.dumps(pending),
                requests_handed_at=handed_at,
            )
        )
        if server.noted_state != PRESENT:
            server_states.note(connection, server_id, server.noted_state, PRESENT, now)
        _tell_change(connection, server_id, change)
        answer = {
            "success": True,
            "protocol": PROTOCOL,
            "server_id": server_id,
            "in_sync": change.in_sync,
            "digest": digests.to_hex(change.digest),
            "count": change.count,
            "wanted": self._wanted(connection, server_id, body) if change.in_sync else [],
            "requests": handed,
            "changed": {"added": change.added, "updated": change.updated, "removed": change.removed},
        }
        if server.news:
            answer["news"] = server.news
        if change.buckets is not None:
            answer["buckets"] = change.buckets
        return answer

    def _locked_server(
        self, connection: Connection, server_id: str, now: float, allowed: ColumnElement[bool]
    ) -> Record:
        columns = (servers, LAST.label("news"), allowed.label("allowed"))
        query = select(*columns).where(servers.c.id == server_id).with_for_update(of=servers)
        server = connection.execute(query).first()
        if server is None:
            make_known(self._database, connection, server_id, now)
            server = connection.execute(query).first()
        if server is None:
            raise ConflictError(
                f"{server_id!r} is the alias of another server; choose another server id", code="server_id_in_use"
            )
        if not server.allowed:
            raise UnauthorizedError("this API key was revoked while the body was arriving; nothing was changed")
        return server

    def _check_holder(self, server: Record, sender: Sender, now: float) -> None:
        if server.agent_id is None or server.agent_id == sender.agent_id:
            return
        if self._ages.is_live(server.last_seen, now):
            raise ConflictError(
                f"another live agent holds the server {server.id!r}: stop it, or give this one another server id",
                {"agent": json.loads(server.agent) if server.agent else None, "last_seen": iso_time(server.last_seen)},
                code="server_id_in_use",
            )

    def _hand_out(self, pending: list[str], handed_at: float | None, now: float) -> tuple[list[str], float | None]:
        """Return the requests that this answer carries, and when requests were last handed out."""
        if not pending:
            return [], None
        if handed_at is not None and 0 <= now - handed_at < self._request_repeat_seconds:
            return [], handed_at
        return pending, now

    def _wanted(self, connection: Connection, server_id: str, body: Body) -> list[str]:
        heartbeat = isinstance(body, Heartbeat)
        limit = self._limits.wanted_in_heartbeat if heartbeat else self._limits.wanted
        wanted = metadata_wanted.c
        query = select(wanted.hash_sha256).where(wanted.server_id == server_id).order_by(wanted.path).limit(limit)
        return list(dict.fromkeys(connection.scalars(query)))

    # The bodies

    def _apply(self, connection: Connection, server: Record, body: Body, now: float) -> _Change:
        if isinstance(body, Heartbeat):
            return self._heartbeat(connection, server, body)
        if isinstance(body, Delta):
            return self._delta(connection, server, body, now)
        if isinstance(body, Buckets):
            held = placing.held_in_buckets(connection, server.id, body.bits, body.numbers)
            change = self._replace(connection, server, held, body.entries, now)
            change.complete = len(body.numbers) == 1 << body.bits
            return change
        change = self._replace(connection, server, placing.held(connection, server.id), body.entries, now)
        change.complete = True
        return change

    def _heartbeat(self, connection: Connection, server: Record, body: Heartbeat) -> _Change:
        change = _Change(digest=from_signed(server.digest), count=server.entry_count)
        if body.digest != change.digest or body.count not in (None, change.count):
            change.in_sync = False
            change.buckets = _buckets(connection, server.id, body.bits)
        return change

    def _delta(self, connection: Connection, server: Record, body: Delta, now: float) -> _Change:
        digest = from_signed(server.digest)
        if body.base != digest:
            if body.digest == digest:  # it came before, and the answer was lost
                return _Change(digest=digest, count=server.entry_count)
            raise ConflictError(
                "the delta starts from another state than the hub holds; send the buckets that differ",
                {
                    "digest": digests.to_hex(digest),
                    "count": server.entry_count,
                    "buckets": _buckets(connection, server.id, digests.DEFAULT_BUCKET_BITS),
                },
                code="base_mismatch",
            )
        touched = [*(entry.path for entry in body.upserts), *body.removed]
        held = placing.held_at(connection, server.id, touched)
        change = self._replace(connection, server, held, body.upserts, now)
        if change.digest != body.digest:
            raise DigestMismatchError(
                f"digest: the body states {digests.to_hex(body.digest)}, its changes lead to "
                f"{digests.to_hex(change.digest)}",
                {"field": "digest", "digest": digests.to_hex(change.digest)},
            )
        return change

    def _replace(self, connection: Connection, server: Record, held: Held, entries: list[Entry], now: float) -> _Change:
        """Put these entries in the place of those that the hub holds in the same part of the inventory."""
        plan = placing.plan(held, entries)
        placing.execute(self._database, connection, server.id, plan, now)
        return _Change(
            digest=(from_signed(server.digest) + plan.digest_change) % digests.MODULUS,
            count=server.entry_count + plan.added - len(plan.removed),
            added=plan.added,
            updated=len(plan.changed),
            removed=len(plan.removed),
            sample=plan.upserts[:_SAMPLE],
        )

    # Trust, but once

    def _audit(self, server_id: str) -> None:
        """Hold a server's digest against its rows, once in this process.

        What happened to the database while no hub ran (a restored table, rows deleted by hand) would otherwise stay
        hidden behind a digest that still says "in sync".
        """
        with self._audit_lock:
            if server_id in self._audited:
                return
        with self._database.read() as connection:
            sound = _is_sound(connection, server_id)
        if not sound:
            self._database.write(lambda connection: _restate(connection, server_id))
        with self._audit_lock:
            self._audited.add(server_id)


def _tell_change(connection: Connection, server_id: str, change: _Change) -> None:
    counts = {"added": change.added, "updated": change.updated, "removed": change.removed}
    if any(counts.values()):
        named = [{"name": one.name[:100], "type": one.type, "hash": one.sha256 or one.autov2} for one in change.sample]
        tell(connection, INVENTORY_CHANGED, server_id, data={**counts, "count": change.count, "models": named})


def _buckets(connection: Connection, server_id: str, bits: int) -> dict[str, Any]:
    return {"bits": bits, "digests": digests.bucket_digests(placing.keyed_digests(connection, server_id), bits)}


def _is_sound(connection: Connection, server_id: str) -> bool:
    query = select(servers.c.digest, servers.c.entry_count).where(servers.c.id == server_id)
    server = connection.execute(query).first()
    return server is None or _sum(connection, server_id) == (from_signed(server.digest), server.entry_count)


def _restate(connection: Connection, server_id: str) -> None:
    connection.execute(select(servers.c.id).where(servers.c.id == server_id).with_for_update())
    digest, count = _sum(connection, server_id)
    restated = update(servers).where(servers.c.id == server_id)
    connection.execute(restated.values(digest=to_signed(digest), entry_count=count))


def _sum(connection: Connection, server_id: str) -> tuple[int, int]:
    listed = placing.keyed_digests(connection, server_id)
    return sum(digest for _, digest in listed) % digests.MODULUS, len(listed)
