from typing import Any

import pytest
from quartermaster.hub.search import facets, statistics
from quartermaster.tests.hub.samples import Api, entry, sha


def facets_of(api: Api, **filters: Any) -> dict[str, Any]:
    answer = api.get("/api/v1/models", facets=1, **filters)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()["facets"]
    return told


def counts(listed: list[dict[str, Any]]) -> dict[Any, int]:
    return {each["value"]: each["count"] for each in listed}


@pytest.fixture
def fleet(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(statistics, "QUICK_SECONDS", 60.0)  # on a busy machine, counting five models takes a second
    tensor = sha("tensors")
    held = [
        entry("ink one", ecosystem="SDXL", base_model="SDXL 1.0", tensor_sha256=tensor),
        entry("ink two", ecosystem="SDXL", base_model="SDXL 1.0", tensor_sha256=tensor),
        {**entry("ink three"), "type": "VAE"},
        {**entry("ink three"), "type": "VAE", "path": "models/VAE/again.pt"},
    ]
    api.synced({"models": held})
    api.synced({"models": [held[0], entry("oil")]}, "cellar")
    api.post("/api/v1/models/register", {"sha256": sha("x"), "type": "Checkpoint", "name": "ink x"})
    return api


@pytest.mark.parametrize("query", ["", "ink"])
def test_facets_count_what_is_found(fleet: Api, query: str) -> None:
    told = facets_of(fleet, q=query)
    oil = 0 if query else 1
    assert told["total"] == {"count": 4 + oil, "exact": True}
    assert counts(told["type"]) == {"LORA": 2 + oil, "VAE": 1, "Checkpoint": 1}
    assert counts(told["ecosystem"]) == {"SDXL": 2, None: 2 + oil}
    assert counts(told["base_model"]) == {"SDXL 1.0": 2, None: 2 + oil}
    assert counts(told["server"]) == {"attic": 3, "cellar": 1 + oil}
    assert counts(told["status"]) == {"available": 3 + oil, "unavailable": 1}


def test_facets_follow_filters_and_states(fleet: Api) -> None:
    assert facets_of(fleet, type="vae")["total"]["count"] == 1
    assert counts(facets_of(fleet, missing_on="cellar")["server"]) == {"attic": 2}
    fleet.clock.now += 700
    fleet.synced({"models": [entry("oil")]}, "cellar")
    for query in ("", "i", "oil"):
        told = facets_of(fleet, q=query)
        assert counts(told["status"])["available" if query != "i" else "offline"] > 0
    assert counts(facets_of(fleet)["status"]) == {"available": 1, "offline": 3, "unavailable": 1}


def test_beyond_the_bound_facets_say_that_there_is_more(fleet: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "COUNTED", 2)
    told = facets_of(fleet, q="ink")
    assert told["total"] == {"count": 2, "exact": False}
    assert sum(counts(told["type"]).values()) == 2


def test_a_list_without_facets_does_not_count(fleet: Api) -> None:
    assert "facets" not in fleet.get("/api/v1/models", q="ink").json()


def coverage(api: Api) -> dict[str, dict[str, Any]]:
    answer = api.get("/api/v1/fleet/coverage")
    assert answer.status_code == 200, answer.text
    return {each["server_id"]: each for each in answer.json()["servers"]}


def test_coverage_says_what_each_server_has_and_lacks(fleet: Api) -> None:
    told = coverage(fleet)
    assert told["attic"]["types"] == {"LORA": {"models": 2, "size": 2000}, "VAE": {"models": 1, "size": 2000}}
    assert (told["attic"]["models"], told["attic"]["size"], told["attic"]["lacks"]) == (3, 4000, 1)
    assert (told["cellar"]["models"], told["cellar"]["lacks"]) == (2, 2)
    whole = fleet.get("/api/v1/fleet/coverage").json()
    assert (whole["models"], whole["placed"], whole["types"]) == (5, 4, ["LORA", "VAE"])
    lacked = fleet.get("/api/v1/models", missing_on="cellar").json()["models"]
    assert len(lacked) == told["cellar"]["lacks"]


def test_coverage_follows_syncs_states_and_removals(fleet: Api) -> None:
    assert coverage(fleet)["cellar"]["state"] == "present"
    fleet.synced({"models": []}, "cellar")
    fleet.synced({"models": [entry("new")]}, "shed")
    told = coverage(fleet)
    assert (told["cellar"]["models"], told["shed"]["models"], told["shed"]["lacks"]) == (0, 1, 3)
    fleet.delete("/api/v1/servers/shed")
    assert set(coverage(fleet)) == {"attic", "cellar"}


def test_slow_counts_are_left_to_the_job(fleet: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    before = coverage(fleet)
    monkeypatch.setattr(statistics, "QUICK_SECONDS", -1.0)
    fleet.synced({"models": []}, "cellar")
    assert coverage(fleet)["cellar"]["models"] == before["cellar"]["models"]
    while coverage(fleet)["cellar"]["models"]:  # it rests for a while after it worked
        fleet.hub.statistics.step()


def test_duplicates_are_files_of_equal_tensors_and_copies_on_one_server(fleet: Api) -> None:
    groups = fleet.get("/api/v1/fleet/duplicates").json()
    assert [{each["name"] for each in group["models"]} for group in groups["groups"]] == [{"ink one", "ink two"}]
    assert groups["next_after"] is None

    def named(kind: str) -> set[str]:
        return {each["name"] for each in fleet.get("/api/v1/models", duplicates=kind).json()["models"]}

    assert named("twins") == {"ink one", "ink two"}
    assert len(named("copies")) == 1
    fleet.synced({"models": [entry("ink two", tensor_sha256=sha("others"))]}, "shed")
    assert named("twins") == set()


def test_groups_of_duplicates_come_in_pages(api: Api) -> None:
    held = [entry(f"file {n}", tensor_sha256=sha(f"tensors {n % 5}")) for n in range(10)]
    api.synced({"models": held})
    first = api.get("/api/v1/fleet/duplicates", limit=3).json()
    rest = api.get("/api/v1/fleet/duplicates", limit=3, after=first["next_after"]).json()
    tensors = [group["tensor_sha256"] for group in first["groups"] + rest["groups"]]
    assert len(tensors) == 5 == len(set(tensors)) and rest["next_after"] is None
