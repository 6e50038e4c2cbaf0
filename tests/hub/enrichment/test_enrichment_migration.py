"""What a hub of before wrote of a model is taken for the word of whoever said it."""

from typing import Any

from alembic import command
from alembic.config import Config
from quartermaster.hub.database import Database
from quartermaster.hub.keys import ADMIN, Caller
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import sha
from sqlalchemy import Connection, text

ROWS: dict[str, dict[str, Any]] = {
    "found": {"registered_at": None, "override_ecosystem": None},
    "registered": {"registered_at": 5.0, "override_ecosystem": None},
    "registered and there": {"registered_at": 5.0, "override_ecosystem": None},
    "corrected": {"registered_at": None, "override_ecosystem": "Pony"},
}


def fill(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "quartermaster.hub:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
    connection.execute(
        text(
            "INSERT INTO servers (id, alias, created_at, digest, entry_count, requests)"
            " VALUES ('a', 'a', 1, 0, 0, '[]')"
        )
    )
    insert = text(
        "INSERT INTO models (id, name, type, hash_autov2, hash_sha256, size_bytes, ecosystem, created_at, verified,"
        " registered_at, override_ecosystem, override_at) VALUES (:id, :name, 'LORA', :autov2, :sha256, 7, 'SDXL', 3,"
        " true, :registered_at, :override_ecosystem, :override_at)"
    )
    for number, (word, values) in enumerate(ROWS.items(), start=1):
        more = {"id": number, "name": word, "autov2": sha(word)[:10], "sha256": sha(word)}
        connection.execute(insert, {**values, **more, "override_at": 4.0 if values["override_ecosystem"] else None})
    here = text(
        "INSERT INTO model_server_availability (server_id, path_key, path, model_id, entry_digest, type, size_bytes,"
        " hash_state, state, by_autov2, last_seen)"
        " VALUES ('a', 1, 'x', 3, 0, 'LORA', 7, 'verified', 'present', false, 1)"
    )
    connection.execute(here)


def test_it_is_told_apart_who_said_what(settings: HubSettings) -> None:
    old = Database(settings)
    old.write(fill)
    old.close()
    hub = Hub(settings)
    try:
        fields = {word: hub.registry.get(sha(word))["model"]["fields"] for word in ROWS}
        by = {word: (told["name"]["by"], told["ecosystem"]["by"]) for word, told in fields.items()}
        assert by == {
            "found": ("agent", "agent"),
            "registered": ("registered", "registered"),
            "registered and there": ("registered", "agent"),
            "corrected": ("agent", "override"),
        }
        assert all(told["size"]["value"] == 7 for told in fields.values())
        news = hub.news.of({"after": 0}, Caller("", ADMIN, None))
        assert {model["sha256"] for model in news["models"]} == {sha(word) for word in ROWS if word != "found"}
        assert news["news"] == 4
    finally:
        hub.close()
