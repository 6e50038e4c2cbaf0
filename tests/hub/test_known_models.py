import itertools
from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry

HEAD = "1234567890"
FIRST, SECOND = HEAD + "a" * 54, HEAD + "b" * 54


def alone(name: str = "alone") -> dict[str, Any]:
    return {"path": f"models/Lora/{name}.pt", "type": "LORA", "size": 5, "autov2": HEAD.upper()}


SAID = {
    "alone": {"models": [alone()]},
    "first": {"models": [entry("first", sha256=FIRST)]},
    "second": {"models": [entry("second", sha256=SECOND)]},
}


@pytest.mark.parametrize("order", list(itertools.permutations(["alone", "first"])))
def test_an_autov2_belongs_to_the_only_model_that_has_it(api: Api, order: tuple[str, ...]) -> None:
    for server in order:
        api.synced(SAID[server], server)
    answer = api.availability(FIRST)
    assert answer["status"] == "available"
    assert {each["server_id"]: each["hash_state"] for each in answer["servers"]} == {
        "alone": "claimed",
        "first": "verified",
    }
    assert api.availability(HEAD)["model"]["sha256"] == FIRST
    assert len(api.get("/api/v1/models").json()["models"]) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["alone", "first", "second"])))
def test_an_autov2_of_two_models_belongs_to_neither_whoever_came_first(api: Api, order: tuple[str, ...]) -> None:
    for server in order:
        api.synced(SAID[server], server)
    assert [each["server_id"] for each in api.availability(FIRST)["servers"]] == ["first"]
    assert [each["server_id"] for each in api.availability(SECOND)["servers"]] == ["second"]
    answer = api.availability(HEAD)
    assert answer["status"] == "ambiguous"
    assert {each["sha256"]: [one["server_id"] for one in each["servers"]] for each in answer["candidates"]} == {
        FIRST: ["first"],
        SECOND: ["second"],
        None: ["alone"],
    }


def test_two_models_that_come_at_once_take_no_autov2(api: Api) -> None:
    api.synced(SAID["alone"], "alone")
    api.synced({"models": [entry("first", sha256=FIRST), entry("second", sha256=SECOND)]}, "both")
    assert [each["server_id"] for each in api.availability(FIRST)["servers"]] == ["both"]
    assert len(api.availability(HEAD)["candidates"]) == 3


def test_an_autov2_alone_is_a_model_of_its_own(api: Api) -> None:
    api.synced({"models": [alone(), alone("copy")]})
    answer = api.availability(HEAD)
    assert (answer["status"], answer["model"]["sha256"]) == ("available", None)
    assert len(answer["servers"][0]["paths"]) == 2


def test_the_first_sha256_brings_all_that_is_said_with_it(api: Api) -> None:
    api.synced(SAID["alone"], "alone")
    api.synced({"models": [entry("first", sha256=FIRST, tensor_sha256="cd" * 32, ecosystem="Pony")]}, "first")
    assert api.availability("cd" * 6)["model"]["ecosystem"] == "Pony"


def model(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/models/{FIRST}").json()["model"]
    return found


def test_a_model_learns_what_is_said_last_and_silence_changes_nothing(api: Api) -> None:
    said = {"ecosystem": "SDXL", "base_model": "SDXL 1.0", "confidence": 0.5, "evidence": [{"rule": "x"}]}
    api.synced({"models": [entry("old name", sha256=FIRST, **said)]})
    assert {name: model(api)[name] for name in said} == said
    api.synced({"models": [entry("new name", sha256=FIRST, size=7)]})
    assert (model(api)["name"], model(api)["size"], model(api)["ecosystem"]) == ("new name", 7, "SDXL")
    api.synced({"models": [entry("new name", sha256=FIRST, ecosystem="Pony", conflicts=["metadata says SDXL"])]})
    assert (model(api)["ecosystem"], model(api)["base_model"]) == ("Pony", None)
    assert (model(api)["evidence"], model(api)["conflicts"]) == ([], ["metadata says SDXL"])


def test_a_verified_tensor_hash_replaces_a_claimed_one_and_not_the_other_way(api: Api) -> None:
    for state, tensor, kept in (
        ("claimed", "a", "a"),
        ("claimed", "b", "a"),
        ("verified", "c", "c"),
        ("claimed", "d", "c"),
    ):
        api.synced({"models": [entry("one", sha256=FIRST, tensor_sha256=tensor * 64, hash_state=state)]})
        assert model(api)["tensor_sha256"] == kept * 64
    assert api.get(f"/api/v1/models/{'a' * 12}/availability").status_code == 404
    assert api.availability("c" * 12)["model"]["sha256"] == FIRST
