"""A server asks for a transfer that goes to it, is given the first, and says how far it is and what came of it.

The lease of the row is who may speak. What a server says with another one (it was cancelled, paused, or its lease ran
out) changes nothing, and tells it to stop. A transfer whose server is not heard of waits again, with what has arrived
kept there.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from ..ages import Ages, iso_time
from ..clock import Clock
from ..database import Database, Record
from ..errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError
from ..keys import Caller
from ..schema import servers, transfer_servers, transfers
from ..trust.tokens import same
from .queue import change, end, find_transfer
from .rates import Measured, measure
from .transfer import COMPLETED, FAILED, RUNNING, WAITING

MOST_AT_ONCE = 4
"""So many transfers one server has at once, however many it asks for."""
REST_SECONDS = (5.0, 30.0, 120.0, 600.0)
"""How long a transfer rests after each failure that may pass."""
LONGEST_REST_SECONDS = 6 * 3600.0
_AT_ONCE = 50


@dataclass(frozen=True)
class TransferClaim:
    """A server's question for a transfer; ``running`` are the ids of those that it has."""

    server_id: str
    agent_id: str
    wait_seconds: float
    running: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Standing:
    """How far a transfer is; ``using`` has the bytes that came of each source."""

    done_bytes: int
    bytes_per_second: float | None = None
    phase: str | None = None
    size_bytes: int | None = None
    using: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrival:
    """A file that arrived and was found to be what it should: where it lies, and how fast each source gave it."""

    path: str
    sha256: str
    size_bytes: int
    rates: Sequence[Measured] = ()


@dataclass(frozen=True)
class Trouble:
    """Why a transfer did not come to its end; with ``retry`` it may later.

    ``source`` is the one that it was with: a lying one is not asked again.
    """

    code: str
    message: str
    retry: bool = False
    retry_after_seconds: float | None = None
    source: str | None = None


class TransferLeases:
    """The leases of one hub's transfers; ``order_of`` makes of a row what its server is told."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ages: Ages,
        lease_seconds: float,
        order_of: Callable[[Connection, Record], dict[str, Any]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._lease_seconds = lease_seconds
        self._order_of = order_of
        # A hub that did not run heard nobody: who has a lease gets as long as one lasts to say so.
        self._begins_at = clock() + lease_seconds

    def begin(self, claim: TransferClaim, allowed: ColumnElement[bool]) -> None:
        """Note that a server asks, and take back what it has and does not run.

        Raises:
            NotFoundError: there is no such server (``server_not_found``).
            ConflictError: another live agent holds it (``server_id_in_use``).
            UnauthorizedError: ``allowed`` does not hold any more.
        """

        def work(connection: Connection) -> None:
            now = self._clock()
            check_agent(connection, claim.server_id, claim.agent_id, allowed, self._ages, now)
            upsert = self._database.upsert(transfer_servers, ("server_id",), {"asked_at": now})
            connection.execute(upsert.values(server_id=claim.server_id, asked_at=now))
            here = transfers.c
            theirs = select(transfers).where(here.server_id == claim.server_id, here.lease_until.is_not(None))
            for row in connection.execute(theirs.with_for_update()).all():
                if row.public_id not in claim.running:
                    change(connection, row, now, state=WAITING, lease=None, lease_until=None, bytes_per_second=None)

        self._database.write(work)

    def take(self, server_id: str, allowed: ColumnElement[bool]) -> tuple[dict[str, Any] | None, float | None]:
        """Give a server the first transfer that waits for it; else, in how many seconds one may be tried again.

        Raises:
            UnauthorizedError: ``allowed`` does not hold any more.
        """

        def work(connection: Connection) -> tuple[dict[str, Any] | None, float | None]:
            if not connection.scalar(select(allowed)):
                raise UnauthorizedError("this API key was revoked")
            now, here = self._clock(), transfers.c
            asked = select(transfer_servers.c.server_id).where(transfer_servers.c.server_id == server_id)
            connection.execute(asked.with_for_update())  # one at a time: no server is given too many
            mine = select(func.count()).where(here.server_id == server_id, here.state == RUNNING)
            if (connection.scalar(mine) or 0) >= MOST_AT_ONCE:
                return None, None
            waits = (here.server_id == server_id, here.state == WAITING)
            first = (
                select(transfers).where(*waits, here.not_before <= now).order_by(here.priority.desc(), here.id).limit(1)
            )
            row = connection.execute(first.with_for_update()).first()
            if row is None:
                soonest = connection.scalar(select(func.min(here.not_before)).where(*waits))
                return None, None if soonest is None else max(0.0, soonest - now)
            lease = secrets.token_hex(16)
            values = {"lease": lease, "lease_until": now + self._lease_seconds, "attempts": row.attempts + 1}
            started = now if row.started_at is None else row.started_at
            change(connection, row, now, state=RUNNING, started_at=started, phase="fetching", **values)
            order = self._order_of(connection, row)
            return {**order, "lease": lease, "lease_seconds": self._lease_seconds}, None

        return self._database.write(work)

    def let_go(self, order: Mapping[str, Any]) -> None:
        """Take back a transfer that a server was given and did not hear of any more."""

        def work(connection: Connection) -> None:
            row = find_transfer(connection, str(order["id"]), lock=True)
            if row.lease == order["lease"]:
                again = {"lease": None, "lease_until": None, "attempts": row.attempts - 1}
                change(connection, row, self._clock(), state=WAITING, **again)

        self._database.write(work)

    def progress(self, public_id: str, lease: str, said: Standing, caller: Caller) -> dict[str, Any]:
        """Take how far a server is, and let its lease last anew; return its sources as they are now.

        Raises:
            NotFoundError: there is no such transfer (``transfer_not_found``).
            ConflictError: it is not that server's now (``lease_lost``).
            ForbiddenError: it is another server's.
        """

        def work(connection: Connection) -> dict[str, Any]:
            row = self._mine(connection, public_id, lease, caller)
            now = self._clock()
            size = {} if said.size_bytes is None or row.size_bytes is not None else {"size_bytes": said.size_bytes}
            change(
                connection,
                row,
                now,
                lease_until=now + self._lease_seconds,
                done_bytes=said.done_bytes,
                bytes_per_second=said.bytes_per_second,
                phase=said.phase or row.phase,
                using=json.dumps(dict(said.using)),
                **size,
            )
            order = self._order_of(connection, row)
            return {"success": True, "lease_seconds": self._lease_seconds, "sources": order["sources"]}

        return self._database.write(work)

    def complete(self, public_id: str, lease: str, said: Arrival, caller: Caller) -> dict[str, Any]:
        """Take that a file has arrived, once.

        Raises:
            NotFoundError, ConflictError, ForbiddenError: as ``progress``; ``hash_mismatch``: it is another file.
        """

        def work(connection: Connection) -> dict[str, Any]:
            repeated = self._said_before(connection, public_id, lease)
            if repeated is not None:
                return repeated
            row = self._mine(connection, public_id, lease, caller)
            if said.sha256 != row.sha256:
                raise ConflictError(
                    "the file that arrived is not the one that was asked for: delete it and report it with /fail",
                    {"sha256": row.sha256},
                    code="hash_mismatch",
                )
            now = self._clock()
            measure(self._database, connection, row.server_id, said.rates, now)
            end(connection, row, COMPLETED, now, path=said.path, size_bytes=said.size_bytes, done_bytes=said.size_bytes)
            return _ended(COMPLETED)

        return self._database.write(work)

    def fail(self, public_id: str, lease: str, said: Trouble, caller: Caller) -> dict[str, Any]:
        """Take that a server could not bring a file: it waits and is tried again, or has failed.

        Raises:
            NotFoundError, ConflictError, ForbiddenError: as ``progress``.
        """

        def work(connection: Connection) -> dict[str, Any]:
            repeated = self._said_before(connection, public_id, lease)
            if repeated is not None:
                return repeated
            row = self._mine(connection, public_id, lease, caller)
            now, error = self._clock(), {"error_code": said.code, "error_message": said.message}
            stopping = said.code == "stopping"
            if not stopping and (not said.retry or row.attempts >= row.max_attempts):
                end(connection, row, FAILED, now, **error)
                return _ended(FAILED)
            rest = 0.0 if stopping else _rest_seconds(row.attempts, said.retry_after_seconds)
            attempts = row.attempts - 1 if stopping else row.attempts
            again = {"lease": None, "lease_until": None, "last_lease": lease, "bytes_per_second": None}
            change(connection, row, now, state=WAITING, not_before=now + rest, attempts=attempts, **again, **error)
            return _ended(WAITING)

        return self._database.write(work)

    def expire(self) -> bool:
        """Let transfers wait again whose servers were not heard of; return whether there are more. For ``Job``."""
        now = self._clock()
        if now < self._begins_at:
            return False

        def work(connection: Connection) -> int:
            here = transfers.c
            out = select(transfers).where(here.lease_until < now).order_by(here.lease_until).limit(_AT_ONCE)
            rows = connection.execute(out.with_for_update(skip_locked=True)).all()
            for row in rows:
                change(connection, row, now, state=WAITING, lease=None, lease_until=None, bytes_per_second=None)
            return len(rows)

        return self._database.write(work) == _AT_ONCE

    # Inside

    def _mine(self, connection: Connection, public_id: str, lease: str, caller: Caller) -> Record:
        row = find_transfer(connection, public_id, lock=True)
        if row.lease is None or not same(row.lease, lease):
            raise ConflictError(
                f"this transfer is not yours now: it is {row.state}; stop it"
                + ("" if row.state in {WAITING, "paused", RUNNING} else " and delete what you have of it"),
                {"state": row.state},
                code="lease_lost",
            )
        if caller.server_id is not None and caller.server_id != row.server_id:
            raise ForbiddenError(f"this key belongs to the server {caller.server_id!r}, and the transfer to another")
        return row

    def _said_before(self, connection: Connection, public_id: str, lease: str) -> dict[str, Any] | None:
        """Return the answer to a report that came before, whose answer was lost; None: this is the first."""
        row = find_transfer(connection, public_id, lock=True)
        before = row.lease is None and row.last_lease is not None and same(row.last_lease, lease)
        return {**_ended(row.state), "repeated": True} if before else None


def check_agent(
    connection: Connection, server_id: str, agent_id: str, allowed: ColumnElement[bool], ages: Ages, now: float
) -> None:
    """Refuse an agent that asks for work of a server that it does not hold.

    Raises:
        NotFoundError: there is no such server (``server_not_found``).
        ConflictError: another live agent holds it (``server_id_in_use``).
        UnauthorizedError: ``allowed`` does not hold any more.
    """
    columns = (servers.c.agent_id, servers.c.last_seen, allowed.label("allowed"))
    server = connection.execute(select(*columns).where(servers.c.id == server_id)).first()
    if server is None:
        raise NotFoundError(
            f"there is no server {server_id[:100]!r}; its agent makes it known with its first sync",
            code="server_not_found",
        )
    if not server.allowed:
        raise UnauthorizedError("this API key was revoked")
    if server.agent_id not in {None, agent_id} and ages.is_live(server.last_seen, now):
        raise ConflictError(
            f"another live agent holds the server {server_id!r}: stop it, or give this one another server id",
            {"last_seen": iso_time(server.last_seen)},
            code="server_id_in_use",
        )


def _rest_seconds(attempts: int, asked_seconds: float | None) -> float:
    if asked_seconds is not None:
        return min(asked_seconds, LONGEST_REST_SECONDS)
    return REST_SECONDS[min(attempts, len(REST_SECONDS)) - 1]


def _ended(state: str) -> dict[str, Any]:
    return {"success": True, "state": state}
