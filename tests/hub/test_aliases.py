from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha, together


def aliases_of(api: Api, content: str) -> str:
    return f"/api/v1/models/{sha(content)}/aliases"


def named(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return sorted((each["alias"], each["source"]) for each in answer.json()["aliases"])


@pytest.fixture
def two(api: Api) -> Api:
    """Two models on one server, whose names nobody looked at yet."""
    api.synced({"models": [entry("one"), entry("two")]})
    return api


def test_a_name_by_hand_finds_the_model_and_says_who_gave_it(two: Api) -> None:
    answer = two.put(aliases_of(two, "one"), {"aliases": ["Anna", "D:\\loras\\anna v2.safetensors"]})
    assert named(answer) == [("Anna", "hand"), ("D:\\loras\\anna v2.safetensors", "hand"), ("one.safetensors", "seen")]
    by_hand = next(each for each in answer.json()["aliases"] if each["alias"] == "Anna")
    assert by_hand["by"] == "a admin" and by_hand["at"].startswith("2027-01-15T")
    for asked in ("anna", "ANNA", "loras/anna v2.safetensors"):
        found = two.get("/api/v1/models/find", name=asked).json()
        assert (found["model"]["sha256"], found["matched_by"]) == (sha("one"), "alias")
    assert named(two.with_key("client").get(aliases_of(two, "one"))) == named(answer)


def test_putting_replaces_what_was_said_by_hand_and_deleting_takes_it_back(two: Api) -> None:
    path = aliases_of(two, "one")
    two.put(path, {"aliases": ["a", "b"]})
    assert named(two.put(path, {"aliases": ["b", "c", "one.safetensors"]})) == [
        ("b", "hand"),
        ("c", "hand"),
        ("one.safetensors", "hand"),
    ]
    assert named(two.delete(path + "?alias=c")) == [("b", "hand"), ("one.safetensors", "hand")]
    assert two.delete(path).json()["details"] == {"field": "alias"}  # a mistyped parameter takes nothing back
    assert named(two.put(path, {"aliases": []})) == [("one.safetensors", "seen")]  # a file has this name
    assert two.get("/api/v1/models/find", name="b").status_code == 404


def test_a_name_by_hand_comes_before_a_files_name(two: Api) -> None:
    two.put(aliases_of(two, "one"), {"aliases": ["two"]})
    two.put(aliases_of(two, "two"), {"aliases": []})
    found = two.get("/api/v1/models/find", name="two").json()
    assert (found["model"]["sha256"], found["matched_by"]) == (sha("one"), "alias")


def test_a_name_that_another_model_has_by_hand_is_a_conflict_that_lists_both(two: Api) -> None:
    two.put(aliases_of(two, "one"), {"aliases": ["chars/Anna.safetensors"]})
    for alias in ("chars\\anna", "Chars/ANNA.safetensors"):
        answer = two.put(aliases_of(two, "two"), {"aliases": ["fine", alias]})
        assert (answer.status_code, answer.json()["error"]) == (409, "alias_taken")
        assert {each["sha256"] for each in answer.json()["details"]["candidates"]} == {sha("one"), sha("two")}
    kept = two.get(aliases_of(two, "two")).json()["aliases"]
    assert all(each["source"] == "seen" for each in kept)  # nothing of it was kept
    assert two.put(aliases_of(two, "two"), {"aliases": ["others/anna"]}).status_code == 200


def test_of_two_that_claim_one_name_at_once_none_is_chosen(two: Api) -> None:
    answers = together(2, lambda n: two.put(aliases_of(two, ("one", "two")[n]), {"aliases": ["anna"]}).status_code)
    found = two.get("/api/v1/models/find", name="anna").json()
    if sorted(answers) == [200, 200]:  # which two processes on one database can do
        assert found["status"] == "ambiguous" and len(found["candidates"]) == 2
    else:
        assert sorted(answers) == [200, 409] and found["status"] == "available"


@pytest.mark.parametrize(
    ("aliases", "field"),
    [
        (None, "aliases"),
        ("anna", "aliases"),
        (["ok", ""], "aliases[1]"),
        ([7], "aliases[0]"),
        (["a\x00b"], "aliases[0]"),
        (["\ud800"], "aliases[0]"),
        (["a" * 2049], "aliases[0]"),
        (["C:\\"], "aliases[0]"),
        ([str(n) for n in range(101)], "aliases"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_its_place(two: Api, aliases: Any, field: str) -> None:
    answer = two.put(aliases_of(two, "one"), {"aliases": aliases})
    assert (answer.status_code, answer.json()["details"]["field"]) == (422, field)


def test_the_longest_names_are_kept_and_found(two: Api) -> None:
    longest = "\u0390" * 1024  # 2,048 bytes, and three times as many folded
    assert two.put(aliases_of(two, "one"), {"aliases": [longest]}).status_code == 200
    assert two.hub.finding.resolve(longest).model is not None


def test_an_agent_names_the_models_of_its_server_and_a_client_none(two: Api) -> None:
    body = {"aliases": ["anna"]}
    assert two.with_key("agent", "attic").put(aliases_of(two, "one"), body).status_code == 200
    assert two.with_key("agent", "cellar").put(aliases_of(two, "one"), body).status_code == 403
    assert two.with_key("client").put(aliases_of(two, "one"), body).status_code == 403
    assert two.with_key("client").delete(aliases_of(two, "one")).status_code == 403
    assert two.put(aliases_of(two, "nobody's"), body).status_code == 404
    assert two.get(aliases_of(two, "nobody's")).status_code == 404
