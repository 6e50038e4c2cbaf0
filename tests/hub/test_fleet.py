import pytest
from quartermaster.hub.ages import OFFLINE, PRESENT, STALE
from quartermaster.hub.errors import NotFoundError
from quartermaster.hub.fleet import Fleet, Folder, Holding, Loss
from quartermaster.tests.hub.samples import Api, entry


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


def test_sums_are_kept_until_the_inventory_is_another(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.synced({"models": [entry("one")]}, "attic")
    api.synced({"models": [entry("two")]}, "cellar")
    counted: list[str] = []
    from quartermaster.hub import fleet as module

    sums = module._sums
    monkeypatch.setattr(
        module, "_sums", lambda connection, server: (counted.append(server), sums(connection, server))[1]
    )
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
    assert fleet.view().servers == () and not fleet._holdings and not fleet._folders


def test_the_whole_is_counted_anew_only_after_a_rest(api: Api) -> None:
    hub = api.hub
    moments = iter([0.0, 2.0, 3.0, 39.0, 41.0, 42.0])  # begins, ends 2 s later, asked at 3 and 39, begins at 41
    fleet = Fleet(hub.database, hub.clock, hub.servers._ages, lambda: next(moments))
    api.synced({"models": [entry("one")]}, "attic")
    assert fleet.view().models == 1
    api.synced({"models": [entry("one"), entry("two")]}, "attic")
    assert [fleet.view().models for _ in range(3)] == [1, 1, 2]


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
