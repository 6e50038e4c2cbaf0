from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha

ONE = f"/api/v1/models/{sha('one')}"
OVERRIDES = f"{ONE}/overrides"
FOUND = {"ecosystem": "SDXL", "base_model": "SDXL 1.0", "confidence": 0.5}


def corrected(api: Api, path: str = OVERRIDES, **body: Any) -> dict[str, Any]:
    answer = api.put(path, body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def model(api: Api) -> dict[str, Any]:
    told: dict[str, Any] = api.get(ONE).json()["model"]
    return told


def identity(shown: dict[str, Any]) -> tuple[Any, ...]:
    return shown["type"], shown["ecosystem"], shown["base_model"], shown["confidence"]


@pytest.fixture
def held(api: Api) -> list[dict[str, Any]]:
    held = [entry("one", **FOUND), entry("two", **FOUND)]
    api.synced({"models": held})
    return held


def test_a_correction_is_taken_by_any_name_and_shown_by_the_catalogues_own(api: Api, held: Any) -> None:
    told = corrected(api, base_model="pony", type="locon", note="the trainer says so")
    override = told["override"]
    assert (override["base_model"], override["ecosystem"], override["type"]) == ("Pony", "Pony", "LoCon")
    assert (override["note"], override["by"]) == ("the trainer says so", "a admin")
    assert override["at"].startswith("2027-01-15T")
    assert api.get(OVERRIDES).json() == told
    assert identity(told["model"]) == ("LoCon", "Pony", "Pony", 1.0)


def test_it_holds_everywhere_a_model_is_shown(api: Api, held: Any) -> None:
    corrected(api, base_model="Pony", type="LoCon")
    expected = ("LoCon", "Pony", "Pony", 1.0)
    listed = {each["sha256"]: each for each in api.get("/api/v1/models").json()["models"]}
    several = api.post("/api/v1/models/availability", {"hashes": [sha("one")]}).json()["results"]
    for shown in (
        model(api),
        listed[sha("one")],
        api.availability(sha("one"))["model"],
        several[sha("one")]["model"],
    ):
        assert identity(shown) == expected and shown["override"]["base_model"] == "Pony"
    assert identity(listed[sha("two")]) == ("LORA", "SDXL", "SDXL 1.0", 0.5)
    assert listed[sha("two")]["override"] is None
    assert model(api)["found"] == {"type": "LORA", **FOUND}


def test_searches_filter_by_what_a_model_counts_as(api: Api, held: Any) -> None:
    corrected(api, base_model="Pony", type="LoCon")

    def found(**filters: str) -> list[str]:
        return [each["name"] for each in api.get("/api/v1/models", **filters).json()["models"]]

    assert found(type="LoCon") == found(ecosystem="pony") == ["one"]
    assert found(type="LORA") == found(ecosystem="SDXL") == ["two"]


def test_it_survives_a_sync_with_other_values_and_the_model_leaving_and_returning(
    api: Api, held: list[dict[str, Any]]
) -> None:
    corrected(api, base_model="Pony", type="LoCon")
    changed = [{**held[0], "ecosystem": "Illustrious", "base_model": "Illustrious", "type": "VAE"}, held[1]]
    api.synced({"models": changed})
    expected = ("LoCon", "Pony", "Pony", 1.0)
    assert identity(model(api)) == expected
    assert model(api)["found"]["ecosystem"] == "Illustrious"
    api.synced({"models": []})
    assert identity(model(api)) == expected
    api.synced({"models": held}, "cellar")
    assert identity(model(api)) == expected
    assert api.heartbeat(held, "cellar")["in_sync"], "a correction is no part of an inventory's digest"
    assert digest_of(held) == api.get("/api/v1/servers/cellar").json()["digest"]


def test_it_survives_a_registration(api: Api, held: Any) -> None:
    corrected(api, base_model="Pony")
    api.post("/api/v1/models/register", {"sha256": sha("one"), "type": "VAE", "ecosystem": "SD1"})
    assert identity(model(api)) == ("VAE", "Pony", "Pony", 1.0)


def test_a_part_that_is_not_corrected_stays_as_it_is_found(api: Api, held: Any) -> None:
    corrected(api, base_model="Pony", type="LoCon", note="x")
    told = corrected(api, type="DoRA")
    assert (told["override"]["base_model"], told["override"]["note"]) == (None, None), "a PUT replaces"
    assert identity(model(api)) == ("DoRA", "SDXL", "SDXL 1.0", 0.5)


def test_a_name_that_only_stands_for_an_ecosystem_leaves_no_base_model_behind(api: Api, held: Any) -> None:
    told = corrected(api, base_model="SDXL")
    assert told["override"]["base_model"] == "SDXL"
    assert identity(model(api)) == ("LORA", "SDXL", None, 1.0)


def test_taking_it_back_shows_what_was_found_and_may_be_done_twice(api: Api, held: Any) -> None:
    corrected(api, base_model="Pony", type="LoCon")
    for _ in range(2):
        answer = api.delete(OVERRIDES)
        assert answer.status_code == 200 and answer.json()["override"] is None
    assert identity(model(api)) == ("LORA", "SDXL", "SDXL 1.0", 0.5)
    assert model(api)["override"] is None


def test_a_model_that_is_known_by_autov2_keeps_it_when_its_sha256_comes(api: Api) -> None:
    alone = {"path": "a.safetensors", "type": "LORA", "size": 1, "autov2": sha("one")[:10]}
    api.synced({"models": [alone]})
    corrected(api, f"/api/v1/models/{sha('one')[:10]}/overrides", base_model="Pony")
    api.synced({"models": [entry("one", **FOUND)]}, "cellar")
    assert identity(model(api)) == ("LORA", "Pony", "Pony", 1.0)


def test_an_agent_corrects_what_its_own_server_has_and_nothing_else(api: Api, held: Any) -> None:
    attic, cellar = api.with_key("agent", "attic"), api.with_key("agent", "cellar")
    assert corrected(attic, base_model="Pony")["override"]["by"] == "a agent"
    for answer in (cellar.put(OVERRIDES, {"base_model": "SD 1.5"}), cellar.delete(OVERRIDES)):
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
        assert "cellar" in answer.json()["message"]
    assert identity(model(api)) == ("LORA", "Pony", "Pony", 1.0)
    assert cellar.get(OVERRIDES).json()["override"]["base_model"] == "Pony"
    assert attic.delete(OVERRIDES).status_code == 200


def test_a_client_reads_and_corrects_nothing(api: Api, held: Any) -> None:
    client = api.with_key("client")
    assert client.get(OVERRIDES).json()["override"] is None
    for answer in (client.put(OVERRIDES, {"type": "VAE"}), client.delete(OVERRIDES)):
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "base_model"),
        ({"base_model": None, "type": None, "note": "x"}, "base_model"),
        ({"base_model": "Ponny"}, "base_model"),
        ({"base_model": 5}, "base_model"),
        ({"base_model": ""}, "base_model"),
        ({"type": "LoRa2"}, "type"),
        ({"type": []}, "type"),
        ({"type": "VAE", "note": "a\x00"}, "note"),
        ({"type": "VAE", "note": "x" * 501}, "note"),
    ],
)
def test_a_correction_that_makes_no_sense_names_the_field(api: Api, held: Any, body: Any, field: str) -> None:
    answer = api.put(OVERRIDES, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_field")
    assert answer.json()["details"] == {"field": field}
    assert model(api)["override"] is None


def test_a_name_that_is_not_known_is_answered_with_those_that_look_like_it(api: Api, held: Any) -> None:
    assert "Pony" in api.put(OVERRIDES, {"base_model": "Ponny"}).json()["message"]


def test_what_is_not_known_or_ambiguous_is_not_corrected(api: Api) -> None:
    unknown = api.put(OVERRIDES, {"type": "VAE"})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "model_not_found")
    twins = ["1234567890" + "a" * 54, "1234567890" + "b" * 54]
    api.synced({"models": [entry(f"twin {each[-1]}", sha256=each) for each in twins]})
    answer = api.put("/api/v1/models/1234567890/overrides", {"type": "VAE"})
    assert (answer.status_code, answer.json()["error"]) == (409, "ambiguous_hash")
    assert api.put("/api/v1/models/nonsense/overrides", {"type": "VAE"}).status_code == 422
