from typing import Any

import pytest
from quartermaster.hub.ages import OFFLINE, PRESENT, STALE
from quartermaster.hub.errors import NotFoundError
from quartermaster.hub.fleet import Folder, Loss
from quartermaster.hub.schema import hub_statistics, server_statistics
from quartermaster.hub.search import statistics
from quartermaster.hub.search.statistics import Holding
from quartermaster.tests.hub.samples import Api, entry, until
from sqlalchemy import Connection, update


@pytest.fixture(autouse=True)
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "QUICK_SECONDS", 60.0)  # on a busy machine, counting five models takes a second


def checkpoint(name: str, **more: object) -> dict[str, object]:
    path = f"models/Stable-diffusion/sub/deep/er/{name}.safetensors"
    return {**entry(name), "path": path, "type": "Checkpoint", "size": 5000, **more}


def test_a_server_is_shown_with_what_it_holds(api: Api) -> None:
    api.synced({"models": [entry("one"), entry("twin", "one"), checkpoint("base")], "agent": {"version": "9"}})
    view = api.hub.fleet.view()
    (server,) = view.servers
    assert server.holdings == (Holding("LORA", 2, 1, 2000), Holding("Checkpoint", 1, 1, 5000))
    assert (server.models, server.size_bytes, server.files, server.held("LORA")) == (2, 7000, 3, 1)
    assert (server.state, server.agent.version) == (PRESENT, "9")
    assert (view.models, view.size_bytes, view.online, view.lacks(server)) == (2, 7000, 1, 0)


def test_what_a_server_lacks_is_what_the_others_have(api: Api) -> None:
    api.synced({"models": [entry("one"), entry("two"), entry("three")]}, "attic")
    api.synced({"models": [entry("one"), entry("four")]}, "cellar")
    api.synced({"models": []}, "empty")
    view = api.hub.fleet.view()
    assert {server.id: view.lacks(server) for server in view.servers} == {"attic": 1, "cellar": 2, "empty": 4}


def test_states_follow_the_silence(api: Api) -> None:
    for number, server in enumerate(("a", "b", "c")):
        api.synced({"models": []}, server)
        api.clock.now += (0, 550, 100)[number]
    api.synced({"models": []}, "d")
    assert [server.state for server in api.hub.fleet.view().servers] == [OFFLINE, OFFLINE, STALE, PRESENT]


def test_what_a_server_lacks_is_what_a_search_for_it_finds(api: Api) -> None:
    held = [entry("one"), {**entry("as vae", "one"), "type": "VAE"}, entry("two")]  # one model, two files, two types
    api.synced({"models": held}, "attic")
    api.synced({"models": [entry("two"), entry("three")]}, "cellar")
    api.put(f"/api/v1/models/{entry('three')['sha256']}/overrides", {"type": "Checkpoint"})
    view = api.hub.fleet.view()
    assert view.models == sum(count for _, count in view.types) == 3
    for server in view.servers:
        found = api.get("/api/v1/models", missing_on=server.id).json()["models"]
        assert view.lacks(server) == len(found)


def test_sums_are_kept_until_the_inventory_is_another(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: api.hub.statistics.whole().counts["models"] == 0 and api.hub.statistics.job.runs > 0)
    api.synced({"models": [entry("one")]}, "attic")
    api.synced({"models": [entry("two")]}, "cellar")
    counted: list[str] = []
    holdings_of = statistics.holdings_of

    def noted(connection: Connection, server_id: str) -> list[dict[str, Any]]:
        counted.append(server_id)
        return holdings_of(connection, server_id)

    monkeypatch.setattr(statistics, "holdings_of", noted)
    for _ in range(3):
        api.hub.fleet.view()
    assert counted == ["attic", "cellar"]
    api.synced({"models": [entry("one"), entry("three")]}, "attic")
    assert api.hub.fleet.view().servers[0].models == 2
    assert counted == ["attic", "cellar", "attic"]


def test_a_server_that_was_removed_is_not_remembered(api: Api) -> None:
    api.synced({"models": [entry("one")]}, "attic")
    fleet = api.hub.fleet
    fleet.view()
    fleet.folders("attic")
    api.hub.servers.remove("attic")
    assert fleet.view().servers == () and not fleet._folders


def test_where_counting_is_slow_the_whole_is_left_to_the_job(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.synced({"models": [entry("one")]}, "attic")
    assert api.hub.fleet.view().models == 1
    monkeypatch.setattr(statistics, "QUICK_SECONDS", -1.0)
    api.synced({"models": [entry("one"), entry("two")]}, "attic")
    assert api.hub.fleet.view().models == 1
    while api.hub.fleet.view().models == 1:  # it rests for a while after it worked
        api.hub.statistics.step()
    assert api.hub.fleet.view().servers[0].models == 2


def test_where_counting_the_whole_is_slow_a_server_that_changed_is_counted_still(api: Api) -> None:
    api.synced({"models": [entry("one")]}, "attic")
    api.hub.fleet.view()
    api.hub.database.write(lambda connection: connection.execute(update(hub_statistics).values(seconds=1e6)))
    api.synced({"models": [entry("one"), entry("two")]}, "attic")
    view = api.hub.fleet.view()
    assert (view.models, view.servers[0].models) == (1, 2)


def test_counts_of_another_shape_are_made_anew(api: Api) -> None:
    api.synced({"models": [entry("one")]}, "attic")
    api.hub.fleet.view()
    old = {hub_statistics: '{"models": 7}', server_statistics: '{"models": 7, "size": 1, "types": {}}'}
    for table, content in old.items():
        api.hub.database.write(
            lambda connection, table=table, content=content: connection.execute(update(table).values(content=content))
        )
    view = api.hub.fleet.view()
    assert (view.models, view.servers[0].models) == (1, 1)


def test_folders_are_those_below_the_roots(api: Api) -> None:
    api.synced({"models": [entry("one"), entry("two"), checkpoint("base")]})
    assert api.hub.fleet.folders("attic") == (
        Folder("models/Stable-diffusion/sub", "Checkpoint", 1, 5000),
        Folder("models/Lora", "LORA", 2, 2000),
    )


def test_what_is_lost_with_a_server(api: Api) -> None:
    api.with_key("agent", "attic")
    api.synced({"models": [entry("one"), entry("twin", "one"), entry("two")]}, "attic")
    api.synced({"models": [entry("two")]}, "cellar")
    assert api.hub.fleet.loss("attic") == Loss(files=3, keys=1, only_here=1)
    assert api.hub.fleet.loss("cellar") == Loss(files=1, keys=0, only_here=0)


def test_a_server_is_found_by_its_alias(api: Api) -> None:
    api.synced({"models": []}, "attic")
    api.hub.servers.change("attic", {"alias": "top floor"})
    assert api.hub.fleet.server("top floor").id == "attic"
    with pytest.raises(NotFoundError):
        api.hub.fleet.server("nobody")
