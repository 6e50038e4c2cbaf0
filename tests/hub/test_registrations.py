"""Changes by hand of what is registered, and of corrections, one by one and in bulk."""

from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha

ONE, TWO = (f"/api/v1/models/{sha(word)}" for word in ("one", "two"))
MODELS, OVERRIDES = "/api/v1/models", "/api/v1/models/overrides"
BODY = {
    "name": "A name",
    "type": "checkpoint",
    "base_model": "pony",
    "size": 5,
    "civitai_id": 7,
    "civitai_version_id": "9",
    "download_urls": ["https://example.org/a"],
    "metadata": {"trainedWords": ["sky"]},
}


@pytest.fixture
def held(api: Api) -> list[dict[str, Any]]:
    held = [entry("one", ecosystem="SDXL"), entry("two", ecosystem="SDXL")]
    api.synced({"models": held})
    return held


def model(api: Api, path: str = ONE) -> dict[str, Any]:
    told: dict[str, Any] = api.get(path).json()["model"]
    return told


def without_time(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in {"fields", "registered"}}


def changed(api: Api, path: str, body: Any) -> dict[str, Any]:
    answer = api.put(path, body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_part_is_changed_and_the_rest_stays(api: Api, held: Any) -> None:
    changed(api, ONE, BODY)
    told = changed(api, ONE, {"name": "Another", "civitai_version_id": None})["model"]
    assert (told["name"], told["type"], told["base_model"], told["size"]) == ("Another", "Checkpoint", "Pony", 5)
    assert (told["civitai_id"], told["civitai_version_id"]) == ("7", None)
    assert told["metadata"] == {"trainedWords": ["sky"]}
    urls = [source["url"] for source in api.get(ONE).json()["sources"]]
    assert urls == [None, "https://example.org/a"]


def test_null_takes_a_field_back(api: Api, held: Any) -> None:
    before = model(api)
    changed(api, ONE, BODY)
    changed(api, ONE, dict.fromkeys(BODY))
    assert without_time(model(api)) == without_time(before)


def test_an_undo_puts_back_what_was_there(api: Api, held: Any) -> None:
    registered = {"sha256": sha("one"), "type": "VAE", "name": "First", "ecosystem": "Of nobody's catalogue"}
    api.post("/api/v1/models/register", {**registered, "metadata": {"a": 1}, "download_url": "http://example.org/b"})
    before = model(api)
    undo = changed(api, ONE, BODY)["undo"]
    assert model(api)["name"] == "A name"
    answer = changed(api, MODELS, {"items": [undo]})
    assert answer["done"] == 1
    assert without_time(model(api)) == without_time(before)
    redone = changed(api, MODELS, answer["undo"])
    assert redone["done"] == 1 and model(api)["base_model"] == "Pony"


def test_it_survives_a_sync_and_is_no_agents_to_change(api: Api, held: list[dict[str, Any]]) -> None:
    changed(api, ONE, BODY)
    api.synced({"models": [{**held[0], "type": "VAE", "ecosystem": "SD1", "size": 3}]})
    told = model(api)
    assert (told["type"], told["ecosystem"], told["size"]) == ("Checkpoint", "Pony", 5)
    for scope, server in (("agent", "attic"), ("client", None)):
        for path, body in ((ONE, {"name": "x"}), (MODELS, {"items": []})):
            assert api.with_key(scope, server).put(path, body).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"colour": "red"}, "name"),
        ({"name": ""}, "name"),
        ({"type": "thing"}, "type"),
        ({"base_model": "Ponny"}, "base_model"),
        ({"size": -1}, "size"),
        ({"civitai_id": "x"}, "civitai_id"),
        ({"download_urls": ["file:///etc/passwd"]}, "download_urls[0]"),
        ({"download_urls": ["https://example.org"] * 101}, "download_urls"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "0" * 16}, "metadata"),
        ({"base_model": "x", "as_written": 1}, "as_written"),
    ],
)
def test_what_makes_no_sense_names_the_field_and_changes_nothing(api: Api, held: Any, body: Any, field: str) -> None:
    before = model(api)
    answer = api.put(ONE, body)
    assert answer.status_code == 422 and answer.json()["details"]["field"] == field
    assert model(api) == before


def items(*bodies: Any) -> dict[str, Any]:
    return {"items": [{"hash": sha(word), **body} for word, body in bodies]}


def test_many_are_corrected_at_once_and_undone_at_once(api: Api, held: Any) -> None:
    api.put(f"{ONE}/overrides", {"type": "LoCon", "note": "first"})
    answer = api.post(OVERRIDES, items(("one", {"base_model": "pony"}), ("two", {"type": "dora", "note": "x"})))
    told = answer.json()
    assert (answer.status_code, told["done"], told["failed"]) == (200, 2, 0)
    assert [result["override"]["base_model"] for result in told["results"]] == ["Pony", None]
    assert model(api)["override"]["note"] is None and model(api, TWO)["type"] == "DoRA"
    undone = api.post(OVERRIDES, told["undo"])
    assert undone.status_code == 200
    assert (model(api)["override"]["type"], model(api)["override"]["note"]) == ("LoCon", "first")
    assert model(api, TWO)["override"] is None


def test_a_dry_run_says_what_would_be_and_changes_nothing(api: Api, held: Any) -> None:
    told = api.post(OVERRIDES, {**items(("one", {"base_model": "pony"})), "dry_run": True}).json()
    assert told["dry_run"] and told["results"][0]["model"]["ecosystem"] == "Pony"
    assert model(api)["ecosystem"] == "SDXL"


BAD = [
    ("one", {"base_model": "pony"}),
    ("three", {"type": "VAE"}),
    ("two", {"type": "thing"}),
    ("one", {"type": "VAE"}),
]
CODES = ["model_not_found", "invalid_field", "duplicate_item"]


def test_one_bad_item_keeps_all_from_being_done(api: Api, held: Any) -> None:
    answer = api.post(OVERRIDES, items(*BAD))
    assert (answer.status_code, answer.json()["error"]) == (422, "bulk_refused")
    failed = answer.json()["details"]["failed"]
    assert [(each["item"], each["error"]) for each in failed] == list(zip([1, 2, 3], CODES, strict=True))
    assert model(api)["override"] is None


def test_the_good_items_are_done_where_that_is_asked_for(api: Api, held: Any) -> None:
    answer = api.post(OVERRIDES, {**items(*BAD), "all_or_nothing": False}).json()
    assert (answer["done"], answer["failed"]) == (1, 3)
    assert [result.get("error") for result in answer["results"]] == [None, *CODES]
    assert len(answer["undo"]["items"]) == 1 and model(api)["ecosystem"] == "Pony"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "items"),
        ({"items": {}}, 422, "items"),
        ({"items": [1]}, 422, "items"),
        ({"items": [], "dry_run": "yes"}, 422, "dry_run"),
        ({"items": [], "all_or_nothing": 0}, 422, "all_or_nothing"),
        ({"items": [{}] * 1001}, 413, "items"),
    ],
)
def test_a_body_that_is_no_bulk_is_refused(api: Api, body: Any, status: int, field: str) -> None:
    for answer in (api.put(MODELS, body), api.post(OVERRIDES, body)):
        assert answer.status_code == status and answer.json()["details"]["field"] == field


@pytest.mark.parametrize("name", [None, 7, "", "nonsense", "12345678901234567890", ["a"]])
def test_an_item_that_names_no_model_is_answered_as_one(api: Api, held: Any, name: Any) -> None:
    body = {"items": [{"hash": name, "type": "VAE"}, {"hash": sha("one"), "type": "VAE"}], "all_or_nothing": False}
    told = api.post(OVERRIDES, body).json()
    assert (told["results"][0]["error"], told["done"]) == ("invalid_field", 1)


def test_an_agent_corrects_in_bulk_what_its_own_server_has(api: Api, held: Any) -> None:
    api.synced({"models": [entry("three")]}, "cellar")
    attic = api.with_key("agent", "attic")
    body = {**items(("one", {"type": "VAE"}), ("three", {"type": "VAE"})), "all_or_nothing": False}
    told = attic.post(OVERRIDES, body).json()
    assert [result.get("error") for result in told["results"]] == [None, "forbidden"]
    assert api.with_key("client").post(OVERRIDES, body).status_code == 403
