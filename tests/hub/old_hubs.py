"""Databases as older hubs left them."""

import hashlib

from alembic import command
from alembic.config import Config
from quartermaster.hub.database import Database
from quartermaster.hub.settings import HubSettings
from sqlalchemy import Connection, text

SHA256 = "a" * 64


def leave_old_database(settings: HubSettings, revision: str = "0001", *, rows: bool = True) -> None:
    """Make a database as the hub of that migration had it, with a key ``k:s`` and a model unless told otherwise."""

    def fill(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "quartermaster.hub:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if not rows:
            return
        key = (
            "INSERT INTO api_keys (key, secret_sha256, name, scope, created_at) VALUES ('k', :secret, 'n', 'admin', 1)"
        )
        connection.execute(text(key), {"secret": hashlib.sha256(b"s").hexdigest()})
        model = (
            "INSERT INTO models (name, type, hash_autov2, hash_sha256, ecosystem, created_at, verified)"
            " VALUES ('old', 'LORA', :autov2, :sha256, 'SDXL', 1, true)"
        )
        connection.execute(text(model), {"autov2": SHA256[:10], "sha256": SHA256})

    database = Database(settings)
    try:
        database.write(fill)
    finally:
        database.close()
