"""A server becomes known by its first key, its first sync or an import."""

from sqlalchemy import Connection

from .database import Database
from .events import tell
from .events.kinds import SERVER_ADDED
from .schema import servers


def make_known(database: Database, connection: Connection, server_id: str, now: float) -> bool:
    """Add a server under its id as alias, unless the id or the alias is there already; say whether it was added."""
    row = {"id": server_id, "alias": server_id, "created_at": now}
    added = database.insert(servers).values(**row).on_conflict_do_nothing().returning(servers.c.id)
    if connection.execute(added).first() is None:
        return False
    tell(connection, SERVER_ADDED, server_id, data={"alias": server_id})
    return True
