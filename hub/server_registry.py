"""The servers that a hub knows: from a key, from their first sync, or added by hand."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..hub_client.digest import to_hex
from . import fields, past, server_states
from .ages import Ages, iso_time
from .bodies import REQUESTS
from .clock import Clock
from .database import Database, Record
from .errors import ConflictError, FieldError, NotFoundError
from .events import tell
from .events.kinds import SERVER_ADDED, SERVER_CHANGED, SERVER_REMOVED
from .jobs.recovery import forget_server
from .keys import Caller, revoke_where
from .limits import Limits
from .placing import from_signed
from .schema import api_keys, pairing_codes, placements, servers
from .search import documents
from .trust.audit import note


class ServerRegistry:
    """All servers of one hub."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._limits = limits

    def listed(self) -> list[dict[str, Any]]:
        """Return every server as StableQueue lists them (``alias``, ``apiUrl``), with its state and inventory."""
        with self._database.read() as connection:
            rows = connection.execute(select(servers).order_by(servers.c.alias)).all()
        now = self._clock()
        return [self._shown(row, now) for row in rows]

    def get(self, name: str) -> dict[str, Any]:
        """Return one server by its id or alias.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.read() as connection:
            return self._shown(find_server(connection, name), self._clock())

    def add(self, body: Mapping[str, Any], caller: Caller | None = None) -> dict[str, Any]:
        """Add a server by hand.

        Raises:
            FieldError: a field is missing or wrong.
            ConflictError: the id or the alias is taken (``server_exists``).
        """
        values = server_values(body)
        server_id = body.get("server_id")
        if server_id is None:
            fields.required(body, "alias")
        server_id = fields.server_id(server_id if server_id is not None else body["alias"], "server_id")
        row = {"alias": server_id, **values, "id": server_id, "created_at": self._clock()}

        def work(connection: Connection) -> None:
            taken = select(servers.c.id).where(or_(servers.c.id == server_id, servers.c.alias == row["alias"]))
            if connection.execute(taken).first() is not None:
                raise ConflictError(f"there is a server {row['alias']!r} already", code="server_exists")
            connection.execute(servers.insert().values(**row))
            note(connection, caller, "server_added", server_id, {**values})
            tell(connection, SERVER_ADDED, server_id, data={"alias": row["alias"]})

        self._write(work, str(row["alias"]))
        return self.get(server_id)

    def change(self, name: str, body: Mapping[str, Any], caller: Caller | None = None) -> dict[str, Any]:
        """Change a server's alias, address or description; its id stays.

        Raises:
            NotFoundError, FieldError, ConflictError: as ``get`` and ``add``.
        """
        values = server_values(body)

        def work(connection: Connection) -> str:
            server_id = str(find_server(connection, name, lock=True).id)
            if "alias" in values:
                taken = select(servers.c.id).where(servers.c.alias == values["alias"], servers.c.id != server_id)
                if connection.execute(taken).first() is not None:
                    raise ConflictError(f"there is a server {values['alias']!r} already", code="server_exists")
            if values:
                connection.execute(update(servers).where(servers.c.id == server_id).values(**values))
                note(connection, caller, "server_changed", server_id, values)
                tell(connection, SERVER_CHANGED, server_id, data=_brief(values))
            return server_id

        return self.get(self._write(work, str(values.get("alias", name))))

    def remove(self, name: str, caller: Caller | None = None) -> None:
        """Forget a server and its inventory, revoke the keys and void the pairing codes of its agents.

        Its models stay known. Without the revocation its agent would bring it back with the next heartbeat.

        Raises:
            NotFoundError: there is none.
        """

        def work(connection: Connection) -> None:
            server = find_server(connection, name, lock=True)
            server_id = server.id
            theirs, now = placements.c.server_id == server_id, self._clock()
            past.keep(connection, theirs, now)
            gone = delete(placements).where(theirs).returning(placements.c.model_id)
            documents.mark(connection, set(connection.scalars(gone)))
            forget_server(connection, server_id)
            connection.execute(delete(servers).where(servers.c.id == server_id))
            revoke_where(connection, api_keys.c.server_id == server_id, now)
            connection.execute(delete(pairing_codes).where(pairing_codes.c.server_id == server_id))
            server_states.close(connection, server_id, now)
            tell(connection, SERVER_REMOVED, server_id, data={"alias": server.alias, "count": server.entry_count})
            note(connection, caller, "server_removed", server_id, {})

        self._database.write(work)

    def request(self, name: str, body: Mapping[str, Any], caller: Caller | None = None) -> list[str]:
        """Ask a server's agent for something; return all that is now asked of it.

        Raises:
            NotFoundError: there is no such server.
            FieldError: the request is none of ``REQUESTS``.
        """
        fields.required(body, "request")
        wanted = fields.choice(body, "request", REQUESTS)

        def work(connection: Connection) -> list[str]:
            server = find_server(connection, name, lock=True)
            pending = list(dict.fromkeys([*json.loads(server.requests), wanted]))
            change = update(servers).where(servers.c.id == server.id)
            connection.execute(change.values(requests=json.dumps(pending), requests_handed_at=None))
            note(connection, caller, "server_asked", str(server.id), {"request": wanted})
            return pending

        return self._database.write(work)

    def _write(self, work: Any, alias: str) -> Any:
        try:
            return self._database.write(work)
        except IntegrityError:  # another process took the name between the look and the write
            raise ConflictError(f"there is a server {alias!r} already", code="server_exists") from None

    def _shown(self, row: Record, now: float) -> dict[str, Any]:
        return {
            "server_id": row.id,
            "alias": row.alias,
            "apiUrl": row.api_url,
            "description": row.description,
            "state": self._ages.state(row.last_seen, now),
            "last_seen": iso_time(row.last_seen),
            "count": row.entry_count,
            "digest": to_hex(from_signed(row.digest)),
            "agent": json.loads(row.agent) if row.agent else None,
            "requests": json.loads(row.requests),
        }


def _brief(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text[:200] for name, text in values.items() if isinstance(text, str)}


def server_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a body states; StableQueue's ``host`` and ``port`` make an address as well."""
    values: dict[str, Any] = {}
    if body.get("alias") is not None:
        values["alias"] = fields.server_id(body["alias"], "alias")
    api_url = fields.text(body, "apiUrl", 2048)
    host, port = fields.text(body, "host", 255), fields.integer(body, "port", 1, 65535)
    if api_url is None and host is not None:
        api_url = f"http://{host}:{port}" if port is not None else f"http://{host}"
    if api_url is not None:
        if not api_url.startswith(("http://", "https://")) or "@" in api_url:
            raise FieldError("apiUrl", "must be an http or https URL without a user name or password")
        values["api_url"] = api_url
    description = fields.text(body, "description", 2000)
    if description is not None:
        values["description"] = description
    return values


def find_server(connection: Connection, name: str, *, lock: bool = False) -> Record:
    """Return a server's row by its id, else by its alias; ``lock`` it for this transaction to change."""
    if fields.is_clean(name):
        query = select(servers).where(or_(servers.c.id == name, servers.c.alias == name))
        found = sorted(
            connection.execute(query.with_for_update() if lock else query).all(), key=lambda row: row.id != name
        )
        if found:
            return found[0]
    raise NotFoundError(f"there is no server {name[:100]!r}", code="server_not_found")
