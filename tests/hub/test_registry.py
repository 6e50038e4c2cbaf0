from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha

REGISTER = "/api/v1/models/register"
MODEL = {
    "sha256": sha("one"),
    "type": "checkpoint",
    "name": "A Checkpoint",
    "size": 6_000_000_000,
    "civitai_id": 7,
    "civitai_version_id": "9",
    "metadata": {"trainedWords": ["a word"]},
}


def ids(api: Api, **filters: Any) -> list[str]:
    answer = api.get("/api/v1/models", **filters)
    assert answer.status_code == 200, answer.text
    return [model["name"] for model in answer.json()["models"]]


def test_a_model_can_be_registered_that_no_server_has(api: Api) -> None:
    answer = api.post(REGISTER, MODEL)
    assert (answer.status_code, answer.json()["created"]) == (201, True)
    told = api.get(f"/api/v1/models/{sha('one')[:10]}").json()
    assert told["model"]["type"] == "Checkpoint" and told["model"]["metadata"] == MODEL["metadata"]
    assert told["status"] == "downloadable"
    assert told["sources"][0]["url"] == "https://civitai.com/api/download/models/9"
    assert told["servers"] == []


def test_registering_again_changes_nothing(api: Api) -> None:
    first = api.post(REGISTER, MODEL).json()
    again = api.post(REGISTER, MODEL)
    assert again.status_code == 200
    assert {**again.json(), "created": True} == first
    assert len(ids(api)) == 1


def test_registering_adds_to_what_a_server_has_and_survives_its_next_sync(api: Api) -> None:
    held = [entry("one", metadata={"ss_tag": "x", "trainedWords": []})]
    api.synced({"models": held})
    assert api.post(REGISTER, MODEL).json()["created"] is False
    api.synced({"models": [entry("renamed", content="one", metadata={"ss_tag": "y"})]})
    told = api.get(f"/api/v1/models/{sha('one')}").json()
    assert (told["model"]["name"], told["model"]["type"]) == ("A Checkpoint", "Checkpoint")
    assert told["model"]["metadata"] == {"ss_tag": "y", "trainedWords": ["a word"]}
    assert told["status"] == "available"


@pytest.mark.parametrize("change", [{"autov2": "0" * 10}, {"tensor_sha256": "b" * 64}], ids=["autov2", "tensor_sha256"])
def test_hashes_that_contradict_each_other_are_a_conflict(api: Api, change: dict[str, Any]) -> None:
    api.post(REGISTER, {**MODEL, "tensor_sha256": "a" * 64})
    answer = api.post(REGISTER, {**MODEL, **change, "name": "else"})
    assert (answer.status_code, answer.json()["error"]) == (409, "hash_conflict")
    assert answer.json()["details"]["field"] in change
    assert ids(api) == ["A Checkpoint"]


def test_an_autov2_alone_can_be_registered_and_becomes_the_model_that_comes(api: Api) -> None:
    api.post(REGISTER, {"autov2": sha("one")[:10], "type": "LORA", "name": "mine"})
    api.synced({"models": [entry("one")]})
    answer = api.availability(sha("one"))
    assert (answer["status"], answer["model"]["name"]) == ("available", "mine")
    assert ids(api) == ["mine"]
    assert api.post(REGISTER, {"autov2": sha("one")[:10], "type": "LORA"}).json()["created"] is False


@pytest.mark.parametrize(
    ("body", "field", "error"),
    [
        ({"type": "LORA"}, "sha256", "missing_required_field"),
        ({"sha256": sha(1)}, "type", "missing_required_field"),
        ({"sha256": sha(1), "type": "LoRa2"}, "type", "invalid_field"),
        ({"sha256": sha(1), "type": 5}, "type", "invalid_field"),
        ({"sha256": "12", "type": "LORA"}, "sha256", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "name": ""}, "name", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "name": "\ud800"}, "name", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "size": -1}, "size", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "metadata": []}, "metadata", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "civitai_id": "x"}, "civitai_id", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "civitai_id": True}, "civitai_id", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "download_url": "ftp://a/b"}, "download_url", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "download_url": "https://u:p@a/b"}, "download_url", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "download_url": "https://[a/b"}, "download_url", "invalid_field"),
        ({"sha256": sha(1), "type": "LORA", "download_urls": ["https://a/", 5]}, "download_urls[1]", "invalid_field"),
    ],
)
def test_a_bad_registration_names_the_field(api: Api, body: dict[str, Any], field: str, error: str) -> None:
    answer = api.post(REGISTER, body)
    assert (answer.status_code, answer.json()["error"]) == (422, error)
    assert answer.json()["details"] == {"field": field} and field in answer.json()["message"]
    assert ids(api) == []


def test_a_model_is_found_by_its_id_and_an_all_digit_autov2_is_no_id(api: Api) -> None:
    api.synced({"models": [entry("one", sha256="1234567890" + "a" * 54)]})
    by_hash = api.get("/api/v1/models/1234567890").json()["model"]
    assert api.get(f"/api/v1/models/{by_hash['id']}").json()["model"] == by_hash
    assert api.get("/api/v1/models/999999999").status_code == 404
    assert api.get("/api/v1/models/notahash").json()["details"] == {"field": "hash"}


def test_a_hash_of_several_models_shows_none_of_them(api: Api) -> None:
    twins = ["1234567890" + "a" * 54, "1234567890" + "b" * 54]
    api.synced({"models": [entry(f"twin {each[-1]}", sha256=each) for each in twins]})
    answer = api.get("/api/v1/models/1234567890")
    assert (answer.status_code, answer.json()["error"]) == (409, "ambiguous_hash")
    assert {each["sha256"] for each in answer.json()["details"]["candidates"]} == set(twins)


@pytest.fixture
def library(api: Api) -> Api:
    api.synced(
        {
            "models": [
                entry("Pastel 100% style", ecosystem="SDXL"),
                entry("ÜBER_style", ecosystem="Pony"),
                {**entry("plain"), "type": "VAE"},
            ]
        }
    )
    api.synced({"models": [entry("another name", content="plain")]}, "cellar")
    api.synced({"models": [entry("gone")]}, "shed")
    api.synced({"models": []}, "shed")
    return api


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, {"Pastel 100% style", "ÜBER_style", "another name", "gone"}),
        ({"q": "STYLE"}, {"Pastel 100% style", "ÜBER_style"}),
        ({"q": "style past"}, {"Pastel 100% style"}),
        ({"q": "über"}, {"ÜBER_style"}),
        ({"q": "%"}, {"Pastel 100% style"}),
        ({"q": "ÜBER_s"}, {"ÜBER_style"}),
        ({"q": "%astel"}, set()),
        ({"q": "p_stel"}, set()),
        ({"q": "plain.safe"}, {"another name"}),
        ({"q": sha("gone")[:10]}, {"gone"}),
        ({"q": "nothing like it"}, set()),
        ({"type": "lora"}, {"Pastel 100% style", "ÜBER_style", "another name", "gone"}),
        ({"ecosystem": "pony"}, {"ÜBER_style"}),
        ({"server": "cellar"}, {"another name"}),
        ({"server": "nowhere"}, set()),
        ({"status": "available"}, {"Pastel 100% style", "ÜBER_style", "another name"}),
        ({"status": "unavailable"}, {"gone"}),
        ({"status": "downloadable"}, set()),
        ({"status": "offline", "q": "style"}, set()),
    ],
)
def test_a_search_narrows(library: Api, filters: dict[str, str], names: set[str]) -> None:
    assert set(ids(library, **filters)) == names


def test_pages_follow_each_other_without_gap_or_repetition(api: Api) -> None:
    api.synced({"models": [entry(f"file {number}") for number in range(25)]})
    seen: list[str] = []
    cursor = None
    while True:
        answer = api.get("/api/v1/models", limit=10, **({"cursor": cursor} if cursor else {})).json()
        assert answer["count"] == len(answer["models"])
        seen += [model["sha256"] for model in answer["models"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"type": "model"}, "type"),
        ({"status": "ambiguous"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "%%%"}, "cursor"),
        ({"cursor": "YWZ0ZXI6LTE"}, "cursor"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "x" * 201}, "q"),
    ],
)
def test_a_bad_filter_is_named(api: Api, filters: dict[str, str], field: str) -> None:
    answer = api.get("/api/v1/models", **filters)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_field")
    assert answer.json()["details"] == {"field": field}
