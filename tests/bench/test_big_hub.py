"""A hub that is filled in bulk holds what a hub holds that was told the same by syncs."""

from pathlib import Path
from typing import Any

from quartermaster.bench import big_hub
from quartermaster.bench.bare import BareSql
from quartermaster.bench.big_hub import Size
from quartermaster.hub.bodies import read_body
from quartermaster.hub.schema import models, placements, search_documents, servers
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from sqlalchemy import select

SIZE = Size(60, 180, 5)


def rows(hub: Hub) -> list[list[Any]]:
    """Return what a hub holds, without ids and times."""
    placed = [each for each in placements.c if each.name not in {"model_id", "last_seen", "since"}]
    known = [each for each in models.c if each.name not in {"id", "created_at", "found_at", "found_by"}]
    documents = [each for each in search_documents.c if each.name != "model_id"]
    queries = (
        select(models.c.hash_sha256, *placed).join(models, models.c.id == placements.c.model_id),
        select(*known),
        select(models.c.hash_sha256, *documents).join(models, models.c.id == search_documents.c.model_id),
        select(servers.c.id, servers.c.digest, servers.c.entry_count),
    )
    with hub.database.read() as connection:
        return [sorted(map(tuple, connection.execute(query)), key=repr) for query in queries]


def test_a_filled_hub_is_as_a_synced_one(tmp_path: Path) -> None:
    filled, synced = Hub(HubSettings(tmp_path / "filled")), Hub(HubSettings(tmp_path / "synced"))
    try:
        big_hub.fill(filled.database, SIZE)
        held: list[list[dict[str, Any]]] = [[] for _ in range(SIZE.servers)]
        for files in big_hub.inventory(SIZE):
            for file in files:
                held[file.server].append(file.entry)
        for number, entries in enumerate(held):
            sender, body = read_body({"models": entries}, synced.settings.limits)
            synced.inventories.receive(big_hub.server_id(number), sender, body)
        for hub in (filled, synced):
            while hub.indexing.step():
                pass
        assert rows(filled) == rows(synced)
        assert len(rows(filled)[0]) == SIZE.placements
        with BareSql(filled.settings) as bare:
            found, places = bare.fetch([big_hub.sha256(number) for number in range(10)])
        assert len(found) == 10 <= len(places)
    finally:
        filled.close()
        synced.close()
