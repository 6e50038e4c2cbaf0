from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha

TENSOR = "ab" * 32


def hashes_of(listed: list[dict[str, Any]]) -> set[str]:
    return {each["sha256"] for each in listed}


@pytest.mark.parametrize("digits", [10, 12, 64])
@pytest.mark.parametrize("upper", [False, True])
def test_every_form_of_a_hash_finds_the_model(api: Api, digits: int, upper: bool) -> None:
    api.synced({"models": [entry("one"), entry("two")]})
    text = sha("one")[:digits]
    answer = api.availability(text.upper() if upper else text)
    assert answer["success"] and answer["status"] == "available"
    assert answer["model"]["sha256"] == sha("one") and answer["candidates"] == []
    assert answer["servers"] == [
        {
            "server_id": "attic",
            "alias": "attic",
            "state": "present",
            "path": "models/Lora/one.safetensors",
            "paths": ["models/Lora/one.safetensors"],
            "hash_state": "verified",
            "sha256": sha("one"),
            "last_seen": "2027-01-15T08:00:00.000Z",
        }
    ]


@pytest.mark.parametrize("digits", [12, 64])
def test_a_tensor_hash_finds_the_model(api: Api, digits: int) -> None:
    api.synced({"models": [entry("one", tensor_sha256=TENSOR)]})
    answer = api.availability(TENSOR[:digits])
    assert (answer["model"]["sha256"], answer["matched_by"]) == (sha("one"), "tensor_sha256")
    assert answer["model"]["autov3"] == TENSOR[:12]


def test_files_of_equal_tensors_are_one_answer_with_their_servers_united(api: Api) -> None:
    api.synced({"models": [entry("one", tensor_sha256=TENSOR)]})
    api.synced({"models": [entry("edited", tensor_sha256=TENSOR)]}, "cellar")
    for text in (TENSOR, TENSOR[:12]):
        answer = api.availability(text)
        assert answer["status"] == "available" and answer["candidates"] == []
        assert [(each["server_id"], each["sha256"]) for each in answer["servers"]] == [
            ("attic", sha("one")),
            ("cellar", sha("edited")),
        ]


def test_a_files_own_claim_is_shown_as_a_claim(api: Api) -> None:
    api.synced({"models": [entry("one", metadata={"sshs_model_hash": TENSOR})]})
    answer = api.availability(TENSOR[:12])
    assert (answer["matched_by"], answer["servers"][0]["hash_state"]) == ("sshs_model_hash", "claimed")


def test_a_claim_that_another_file_can_prove_is_ambiguous(api: Api) -> None:
    api.synced({"models": [entry("one", metadata={"sshs_model_hash": TENSOR}), entry("two", tensor_sha256=TENSOR)]})
    answer = api.availability(TENSOR[:12])
    assert (answer["status"], answer["model"], answer["servers"]) == ("ambiguous", None, [])
    assert {each["sha256"]: each["matched_by"] for each in answer["candidates"]} == {
        sha("one"): "sshs_model_hash",
        sha("two"): "tensor_sha256",
    }


def test_twelve_digits_of_two_meanings_are_ambiguous(api: Api) -> None:
    api.synced({"models": [entry("one"), entry("two", tensor_sha256=sha("one")[:12] + "0" * 52)]})
    answer = api.availability(sha("one")[:12])
    assert answer["status"] == "ambiguous" and hashes_of(answer["candidates"]) == {sha("one"), sha("two")}


def test_two_models_with_one_autov2_are_ambiguous_and_listed(api: Api) -> None:
    twins = ["1234567890" + "a" * 54, "1234567890" + "b" * 54]
    api.synced({"models": [entry(f"twin {each[-1]}", sha256=each) for each in twins]})
    answer = api.availability("1234567890")
    assert answer["status"] == "ambiguous"
    assert hashes_of(answer["candidates"]) == set(twins)
    assert all(each["status"] == "available" and each["servers"] for each in answer["candidates"])
    assert api.availability(twins[0])["status"] == "available"


def test_several_paths_on_one_server_are_one_element_with_the_surest_first(api: Api) -> None:
    api.synced(
        {
            "models": [
                entry("a", content="x", state="stale"),
                entry("b", content="x", hash_state="claimed"),
                entry("c", content="x"),
            ]
        }
    )
    (server,) = api.availability(sha("x"))["servers"]
    assert server["path"] == "models/Lora/c.safetensors"
    assert server["paths"] == [f"models/Lora/{name}.safetensors" for name in "cba"]
    assert (server["state"], server["hash_state"]) == ("present", "verified")


def test_a_claimed_hash_is_shown_as_claimed(api: Api) -> None:
    api.synced({"models": [entry("one", hash_state="claimed")]})
    assert api.availability(sha("one"))["servers"][0]["hash_state"] == "claimed"


@pytest.mark.parametrize(
    ("silence_seconds", "state", "status"),
    [(0, "present", "available"), (90, "present", "available"), (91, "stale", "stale"), (601, "offline", "offline")],
)
def test_a_silent_server_ages(api: Api, silence_seconds: float, state: str, status: str) -> None:
    api.synced({"models": [entry("one")]})
    api.clock.now += silence_seconds
    answer = api.availability(sha("one"))
    assert (answer["servers"][0]["state"], answer["status"]) == (state, status)
    assert [model["status"] for model in api.get("/api/v1/models", status=status).json()["models"]] == [status]
    assert api.get("/api/v1/servers/attic").json()["state"] == state


def test_the_best_server_decides(api: Api) -> None:
    api.synced({"models": [entry("one")]})
    api.clock.now += 700
    api.synced({"models": [entry("one", state="stale")]}, "cellar")
    answer = api.availability(sha("one"))
    assert answer["status"] == "stale"
    assert {each["server_id"]: each["state"] for each in answer["servers"]} == {"attic": "offline", "cellar": "stale"}


def test_a_model_that_nobody_has_any_more_is_unavailable_or_downloadable(api: Api) -> None:
    api.synced({"models": [entry("one")]})
    api.synced({"models": []})
    assert api.availability(sha("one"))["status"] == "unavailable"
    api.post("/api/v1/models/register", {"sha256": sha("one"), "type": "LORA", "download_url": "https://example.org/x"})
    answer = api.availability(sha("one")[:10])
    assert answer["status"] == "downloadable"
    assert answer["sources"] == [{"kind": "url", "url": "https://example.org/x"}]


def test_what_nobody_ever_told_is_not_found_and_a_look_up_makes_nothing_known(api: Api) -> None:
    for _ in range(2):
        answer = api.get(f"/api/v1/models/{sha('never')}/availability")
        assert (answer.status_code, answer.json()["error"]) == (404, "model_not_found")


@pytest.mark.parametrize("text", ["x", "-1", "0" * 11, "0" * 63, "0" * 65, "g" * 10, "0x12345678", "%00", "é"])
def test_what_is_no_hash_is_refused(api: Api, text: str) -> None:
    answer = api.get(f"/api/v1/models/{text}/availability")
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_field")
    assert answer.json()["details"] == {"field": "hash"} and "hash" in answer.json()["message"]


def test_a_batch_answers_for_each_hash_as_it_was_given(api: Api) -> None:
    api.synced({"models": [entry("one", tensor_sha256=TENSOR), entry("two")]})
    given = [sha("one"), sha("one")[:10].upper(), TENSOR[:12], sha("two")[:12], sha("never"), sha("never")[:10]]
    results = api.post("/api/v1/models/availability", {"hashes": [*given, given[0]]}).json()["results"]
    assert list(results) == given
    assert [results[text]["status"] for text in given] == ["available"] * 4 + ["unknown"] * 2
    assert results[given[0]] == api.availability(given[0])
    assert results[given[4]]["model"] is None


def test_a_batch_says_of_each_hash_what_a_single_look_up_says(api: Api) -> None:
    twin = sha("equal tensors")
    attic = [
        entry("plain"),
        entry("quoted \u00e9 \U0001f98a \\".replace("\\", "'\"")),
        entry("first twin", tensor_sha256=twin),
        entry("second twin", tensor_sha256=twin),
        entry("claimed", hash_state="claimed"),
        entry("away", state="stale"),
        entry("again"),
        entry("again 2", content="again"),
        entry("claims", metadata={"sshs_model_hash": sha("its tensors")}),
    ]
    api.synced({"models": attic})
    api.synced({"models": [entry("plain", ecosystem="SDXL", base_model="SDXL 1.0", confidence=0.75)]}, "cellar")
    api.post("/api/v1/models/register", {"type": "VAE", "sha256": sha("nowhere"), "civitai_version_id": 7})
    api.put(f"/api/v1/models/{sha('again')}/overrides", {"type": "VAE", "note": "by hand"})
    hashes = [
        sha(item) for item in ("plain", "claimed", "away", "again", "claims", "nowhere", "first twin", "nobody's")
    ]
    hashes += [sha("plain")[:10], sha("plain")[:12].upper(), twin, twin[:12], sha("its tensors")[:12]]
    hashes.append(sha("quoted \u00e9 \U0001f98a '\""))
    results = api.post("/api/v1/models/availability", {"hashes": hashes}).json()["results"]
    assert list(results) == hashes
    for text, told in results.items():
        alone = api.get(f"/api/v1/models/{text}/availability")
        assert (told["status"] == "unknown") == (alone.status_code == 404)
        assert told["status"] == "unknown" or told == alone.json()


def test_a_batch_has_a_bound(api: Api) -> None:
    hashes = [sha(number) for number in range(1001)]
    assert len(api.post("/api/v1/models/availability", {"hashes": hashes[:1000]}).json()["results"]) == 1000
    answer = api.post("/api/v1/models/availability", {"hashes": hashes})
    assert (answer.status_code, answer.json()["error"]) == (413, "too_many_entries")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "hashes"),
        ({"hashes": "a"}, "hashes"),
        ({"hashes": [sha(1), "zz"]}, "hashes[1]"),
        ({"hashes": [7]}, "hashes[0]"),
    ],
)
def test_a_bad_batch_names_the_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post("/api/v1/models/availability", body)
    assert answer.status_code == 422 and answer.json()["details"] == {"field": field}


def test_an_empty_batch_has_no_results(api: Api) -> None:
    assert api.post("/api/v1/models/availability", {"hashes": []}).json() == {"success": True, "results": {}}
