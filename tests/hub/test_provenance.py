from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha

ONE = f"/api/v1/models/{sha('one')}"


def fields(api: Api, path: str = ONE) -> dict[str, Any]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()["model"]["fields"]
    return told


def who(field: dict[str, Any]) -> tuple[Any, ...]:
    return field["value"], field["by"], field["who"]


def test_what_an_agent_found_names_its_server_and_the_time(api: Api) -> None:
    api.synced({"models": [entry("one", ecosystem="SDXL", base_model="SDXL 1.0")]})
    said = fields(api)
    assert who(said["name"]) == ("one", "agent", "attic")
    assert who(said["type"]) == ("LORA", "agent", "attic")
    assert who(said["size"]) == (1000, "agent", "attic")
    assert who(said["ecosystem"]) == ("SDXL", "agent", "attic")
    assert who(said["base_model"]) == ("SDXL 1.0", "agent", "attic")
    assert said["name"]["at"].startswith("2027-01-15T") and said["name"]["others"] == []
    assert said["hashes"]["value"]["sha256"] == sha("one") and said["hashes"]["value"]["verified"]
    for name in ("sources", "trigger_words", "nsfw"):
        assert said[name] == {"value": None, "by": None, "who": None, "at": None, "others": []}


def test_who_changes_what_is_known_is_the_new_witness_and_who_repeats_it_is_none(api: Api) -> None:
    found = entry("one", ecosystem="SDXL")
    api.synced({"models": [found]})
    api.clock.now += 60
    api.synced({"models": [found]}, "cellar")
    assert who(fields(api)["ecosystem"]) == ("SDXL", "agent", "attic")
    api.synced({"models": [{**found, "ecosystem": "Pony"}]}, "cellar")
    said = fields(api)["ecosystem"]
    assert who(said) == ("Pony", "agent", "cellar")
    assert said["at"] == "2027-01-15T08:01:00.000Z"


def test_what_other_servers_call_it_stands_beside(api: Api) -> None:
    api.synced({"models": [entry("another", "one")]}, "cellar")
    api.synced({"models": [entry("one")]})
    name = fields(api)["name"]
    assert who(name) == ("one", "agent", "attic")
    assert [who(other) for other in name["others"]] == [("another", "agent", "cellar")]


def test_corrected_comes_before_registered_and_that_before_found(api: Api) -> None:
    api.synced({"models": [entry("one", ecosystem="SDXL", base_model="SDXL 1.0")]})
    api.put(ONE, {"base_model": "Illustrious", "name": "By hand", "type": "locon", "size": 7})
    said = fields(api)
    assert who(said["base_model"]) == ("Illustrious", "registered", "a admin")
    assert who(said["name"]) == ("By hand", "registered", "a admin")
    assert [who(other) for other in said["name"]["others"]] == [("one", "agent", "attic")]
    assert who(said["size"]) == (7, "registered", "a admin")
    api.put(f"{ONE}/overrides", {"base_model": "Pony", "type": "DoRA"})
    said = fields(api)
    assert who(said["ecosystem"]) == ("Pony", "override", "a admin")
    assert [other["value"] for other in said["ecosystem"]["others"]] == ["Illustrious", "SDXL"]
    assert [who(other) for other in said["type"]["others"]] == [
        ("LoCon", "registered", "a admin"),
        ("LORA", "agent", "attic"),
    ]
    assert api.get("/api/v1/models", ecosystem="pony", type="dora").json()["count"] == 1
    assert api.get("/api/v1/models", q="hand").json()["count"] == 1


def test_a_source_says_what_a_model_is_as_a_whole(api: Api) -> None:
    """An ecosystem from one and a base model from another would be a pair that nobody ever said."""
    api.synced({"models": [entry("one", ecosystem="SDXL", base_model="SDXL 1.0")]})
    api.put(f"{ONE}/overrides", {"base_model": "SD1"})
    said = fields(api)
    assert who(said["base_model"]) == (None, "override", "a admin")
    assert [who(other) for other in said["base_model"]["others"]] == [("SDXL 1.0", "agent", "attic")]


def test_a_model_that_no_server_has_names_who_registered_it(api: Api) -> None:
    body = {"sha256": sha("one"), "type": "VAE", "metadata": {"trainedWords": ["sky", 7, " "]}, "civitai_id": 3}
    api.with_key("agent", "attic").post("/api/v1/models/register", body)
    said = fields(api)
    assert who(said["type"]) == ("VAE", "registered", "a agent")
    assert who(said["name"]) == (None, None, None), "the AutoV2 that stands in for a name is nobody's word"
    assert api.get(ONE).json()["model"]["name"] == sha("one")[:10]
    assert who(said["trigger_words"]) == (["sky"], "registered", "a agent")
    assert said["sources"]["by"] == "registered" and said["sources"]["value"][0]["civitai_id"] == "3"
    assert said["hashes"]["by"] == "registered" and not said["hashes"]["value"]["verified"]


def test_trigger_words_that_a_trainer_wrote_are_the_agents(api: Api) -> None:
    api.synced({"models": [entry("one", metadata={"modelspec.trigger_phrase": "ohwx, sky "})]})
    assert who(fields(api)["trigger_words"]) == (["ohwx", "sky"], "agent", "attic")


@pytest.mark.parametrize("written", [7, None, [], {"a": 1}, "", " , "])
def test_trigger_words_may_be_anything(api: Api, written: Any) -> None:
    api.synced({"models": [entry("one", metadata={"modelspec.trigger_phrase": written})]})
    assert fields(api)["trigger_words"]["value"] is None
