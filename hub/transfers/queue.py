"""The transfers of one hub: queued, changed by people, and looked at. Each change is one transaction.

Killed before it, nothing happened; after it, everything. Of a file and a server there is one transfer that is not over,
which the database itself sees to.
"""

import json
import uuid
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy.exc import IntegrityError

from .. import fields
from ..clock import Clock
from ..database import Database, Record
from ..errors import ConflictError, ForbiddenError, NotFoundError
from ..events import tell
from ..events.kinds import TRANSFER
from ..keys import ADMIN, Caller
from ..schema import IS_ACTIVE, relay_segments, transfers
from ..trust.audit import note
from .transfer import (
    ACTIVE,
    ASKING,
    CANCELLED,
    FAILED,
    MAX_ATTEMPTS,
    PAUSED,
    RUNNING,
    WAITING,
    NewTransfer,
)

_TRIES = 3


def not_found(public_id: str) -> NotFoundError:
    """Return the error for a transfer that is not there."""
    return NotFoundError(f"there is no transfer {public_id[:60]!r}", code="transfer_not_found")


def find_transfer(connection: Connection, public_id: str, *, lock: bool = False) -> Record:
    """Return a transfer's row by the id that everybody is told.

    Raises:
        NotFoundError: there is none (``transfer_not_found``).
    """
    row = None
    if fields.is_clean(public_id) and len(public_id) <= 36:
        query = select(transfers).where(transfers.c.public_id == public_id.lower())
        row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise not_found(public_id)
    return row


def change(connection: Connection, row: Record, now: float, **values: Any) -> None:
    """Change a locked transfer and tell of it where its state is another then."""
    here = transfers.c
    connection.execute(update(transfers).where(here.id == row.id).values(updated_at=now, **values))
    if values.get("state", row.state) != row.state:
        tell_transfer(connection, row.public_id, values["state"], row.server_id, row.sha256)


def end(connection: Connection, row: Record, state: str, now: float, **values: Any) -> None:
    """Let a locked transfer be over: ``completed``, ``failed`` or ``cancelled``. Nothing of it stays in the relay."""
    connection.execute(relay_segments.delete().where(relay_segments.c.transfer_id == row.id))
    over = {"lease": None, "lease_until": None, "last_lease": row.lease, "finished_at": now, "phase": None}
    change(connection, row, now, state=state, bytes_per_second=None, **{**over, **values})


def tell_transfer(connection: Connection, public_id: str, state: str, server_id: str, sha256: str) -> None:
    """Tell that a transfer changed; of its progress nothing is told."""
    data = {"id": public_id, "state": state, "server_id": server_id, "sha256": sha256}
    tell(connection, TRANSFER, server_id, data=data)


class Transfers:
    """The transfers of one hub, and what people do to them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, new: NewTransfer) -> tuple[str, bool]:
        """Queue a transfer; return its id, and whether there was one for this file and server already, which stays."""
        for attempt in range(_TRIES):
            try:
                return self._database.write(lambda connection: self.add_in(connection, new))
            except IntegrityError:  # on PostgreSQL another was added just now
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def add_in(self, connection: Connection, new: NewTransfer) -> tuple[str, bool]:
        """Do that in the caller's transaction.

        Raises:
            IntegrityError: another was added at this moment; the transaction is to be done anew.
        """
        there = active(connection, new.sha256, new.server_id)
        if there is not None:
            return str(there.public_id), True
        now, public_id = self._clock(), str(uuid.uuid4())
        connection.execute(
            transfers.insert().values(
                public_id=public_id,
                state=new.state,
                sha256=new.sha256,
                server_id=new.server_id,
                name=new.name,
                model_type=new.model_type,
                size_bytes=new.size_bytes,
                root=new.root,
                folder=new.folder,
                asked_source=new.asked_source,
                sources=json.dumps([source.to_json() for source in new.sources]),
                plan=json.dumps(dict(new.plan)),
                origin=new.origin,
                origin_id=new.origin_id,
                requester=new.requester,
                requested_by=new.requested_by,
                priority=new.priority,
                created_at=now,
                updated_at=now,
                max_attempts=MAX_ATTEMPTS,
            )
        )
        tell_transfer(connection, public_id, new.state, new.server_id, new.sha256)
        return public_id, False

    def cancel(self, public_id: str, caller: Caller) -> str:
        """Cancel a transfer in whatever state; one that is over stays as it is. The server hears of it and cleans up.

        Raises:
            NotFoundError: there is none (``transfer_not_found``).
            ForbiddenError: it is somebody else's, and this is no admin.
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            if row.state not in ACTIVE:
                return str(row.state)
            end(connection, row, CANCELLED, now)
            return CANCELLED

        return self._change(public_id, caller, "transfer_cancelled", work)

    def pause(self, public_id: str, caller: Caller) -> str:
        """Let a transfer rest, with what has arrived kept, until it is resumed.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
            ConflictError: it is over, or was not allowed yet (``transfer_not_pausable``).
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            if row.state == PAUSED:
                return PAUSED
            _must_be(row, {WAITING, RUNNING}, "paused", "transfer_not_pausable")
            change(connection, row, now, state=PAUSED, lease=None, lease_until=None, bytes_per_second=None)
            return PAUSED

        return self._change(public_id, caller, "transfer_paused", work)

    def resume(self, public_id: str, caller: Caller) -> str:
        """Let a transfer that was paused go on.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
            ConflictError: it is not paused (``transfer_not_paused``).
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            if row.state in {WAITING, RUNNING}:
                return str(row.state)
            _must_be(row, {PAUSED}, "resumed", "transfer_not_paused")
            change(connection, row, now, state=WAITING, not_before=0.0)
            return WAITING

        return self._change(public_id, caller, "transfer_resumed", work)

    def allow(self, public_id: str, caller: Caller) -> str:
        """Say yes to a transfer that waits for it.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
            ConflictError: it waits for no answer (``transfer_not_asking``).
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            _must_be(row, {ASKING}, "allowed", "transfer_not_asking")
            change(connection, row, now, state=WAITING)
            return WAITING

        return self._change(public_id, caller, "transfer_allowed", work)

    def retry(self, public_id: str, caller: Caller) -> str:
        """Let a transfer that failed or was cancelled wait again; what has arrived is not brought again.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
            ConflictError: it is neither (``transfer_not_retryable``), or another has taken its place
                (``transfer_exists``).
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            _must_be(row, {FAILED, CANCELLED}, "tried again", "transfer_not_retryable")
            other = active(connection, row.sha256, row.server_id)
            if other is not None:
                raise ConflictError(
                    f"the transfer {other.public_id} brings this file to this server already",
                    {"id": other.public_id},
                    code="transfer_exists",
                )
            gone: dict[str, Any] = {"error_code": None, "error_message": None, "finished_at": None, "attempts": 0}
            change(connection, row, now, state=WAITING, not_before=0.0, last_lease=None, **gone)
            return WAITING

        return self._change(public_id, caller, "transfer_retried", work)

    def set_priority(self, public_id: str, caller: Caller, priority: int) -> str:
        """Give a transfer another priority; the greatest goes first.

        Raises:
            NotFoundError, ForbiddenError: as ``cancel``.
        """

        def work(connection: Connection, row: Record, now: float) -> str:
            change(connection, row, now, priority=priority)
            return str(row.state)

        return self._change(public_id, caller, "transfer_priority", work, {"priority": priority})

    def _change(
        self,
        public_id: str,
        caller: Caller,
        action: str,
        work: Callable[[Connection, Record, float], str],
        details: dict[str, Any] | None = None,
    ) -> str:
        def changing(connection: Connection) -> str:
            row = find_transfer(connection, public_id, lock=True)
            if caller.scope != ADMIN and caller.key != row.requester and caller.server_id != row.server_id:
                raise ForbiddenError(
                    "this transfer was asked for with another key; who asked, the server's own agent or an admin may"
                    " change it"
                )
            state = work(connection, row, self._clock())
            note(connection, caller, action, public_id, {"server": row.server_id, **(details or {})})
            return state

        return self._database.write(changing)


def active(connection: Connection, sha256: str, server_id: str) -> Record | None:
    """Return the transfer of this file to this server that is not over; None where there is none."""
    here: Collection[ColumnElement[bool]] = (
        IS_ACTIVE,
        transfers.c.sha256 == sha256,
        transfers.c.server_id == server_id,
    )
    return connection.execute(select(transfers).where(*here)).first()


def _must_be(row: Record, states: Collection[str], done: str, code: str) -> None:
    if row.state not in states:
        raise ConflictError(f"this transfer is {row.state} and cannot be {done}", {"state": row.state}, code=code)
