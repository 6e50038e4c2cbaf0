"""What agents are told of corrections, registrations and look-ups that were made elsewhere."""

from typing import Any

import pytest
from quartermaster.hub.news import PAGE, announce
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha, together

NEWS = "/api/v1/models/news"


def told(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.post(NEWS, body)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def named(answer: dict[str, Any]) -> list[str]:
    return [model["sha256"] for model in answer["models"]]


@pytest.fixture
def attic(api: Api) -> Api:
    api.synced({"models": [entry("one"), entry("two")]})
    api.synced({"models": [entry("three")]}, "cellar")
    return api.with_key("agent", "attic")


def test_a_sync_names_the_last_number_once_there_is_one(api: Api, attic: Api) -> None:
    held = [entry("one"), entry("two")]
    assert "news" not in attic.heartbeat(held)
    api.put(f"/api/v1/models/{sha('three')}/overrides", {"base_model": "pony"})
    assert attic.heartbeat(held)["news"] == 1
    assert attic.synced({"models": held})["news"] == 1


def test_an_agent_is_told_of_its_own_servers_models(api: Api, attic: Api) -> None:
    for word in ("one", "three", "two"):
        api.put(f"/api/v1/models/{sha(word)}/overrides", {"base_model": "pony", "note": "x"})
    answer = told(attic, after=0)
    assert named(answer) == [sha("one"), sha("two")] and answer["news"] == 3 and not answer["more"]
    override = answer["models"][0]["override"]
    assert (override["base_model"], override["by"], override["note"]) == ("Pony", "a admin", "x")
    assert answer["models"][0]["registered"] is None and answer["models"][0]["civitai"] is None
    assert named(told(attic, after=1)) == [sha("two")]
    assert named(told(attic, after=3)) == [] and told(attic, after=99)["news"] == 3
    assert named(told(api, after=0)) == [sha("one"), sha("three"), sha("two")]


def test_a_correction_that_was_taken_back_is_news_too(api: Api, attic: Api) -> None:
    path = f"/api/v1/models/{sha('one')}"
    api.put(f"{path}/overrides", {"type": "VAE"})
    api.delete(f"{path}/overrides")
    api.put(path, {"base_model": "Illustrious"})
    (model,) = told(attic, after=1)["models"]
    assert model["override"] is None
    assert (model["registered"]["base_model"], model["registered"]["by"]) == ("Illustrious", "a admin")


def test_a_model_that_is_new_to_an_agent_is_asked_for_by_its_hash(api: Api, attic: Api) -> None:
    api.put(f"/api/v1/models/{sha('three')}/overrides", {"base_model": "pony"})
    hashes = [sha("one"), sha("three").upper(), sha("unheard of")]
    assert named(told(attic, hashes=hashes)) == [sha("three")]


def test_many_come_in_pages_without_gap_or_repetition(api: Api) -> None:
    count = 2 * PAGE + 10
    held = [entry(f"file {number}") for number in range(count)]
    api.synced({"models": held})
    ids = list(range(1, count + 1))
    api.hub.database.write(lambda connection: announce(connection, ids))
    attic = api.with_key("agent", "attic")
    seen: list[str] = []
    after, more = 0, True
    while more:
        answer = told(attic, after=after)
        seen += named(answer)
        after, more = answer["news"], answer["more"]
    assert len(seen) == len(set(seen)) == count and after == count
    assert attic.heartbeat(held)["news"] == after


def test_no_number_is_seen_before_a_lower_one(api: Api) -> None:
    """An agent that reads while others write would otherwise go past one that is not committed yet."""
    api.synced({"models": [entry(f"file {number}") for number in range(40)]})
    paths = [f"/api/v1/models/{sha(f'file {number}')}/overrides" for number in range(40)]
    attic, seen, after = api.with_key("agent", "attic"), list[str](), 0

    def correct(number: int) -> None:
        for path in paths[number * 10 : number * 10 + 10]:
            api.hub.overrides.put(path.split("/")[4], {"type": "VAE"}, api.hub.keys.recognise(*admin, None))

    admin = (api.headers["X-API-Key"], api.headers["X-API-Secret"])

    def read(_number: int) -> None:
        nonlocal after
        caller = attic.hub.keys.recognise(attic.headers["X-API-Key"], attic.headers["X-API-Secret"], None)
        while len(seen) < 40:
            answer = api.hub.news.of({"after": after}, caller)
            seen.extend(named(answer))
            after = answer["news"]

    results = together(5, lambda number: read(number) if number == 4 else correct(number))
    assert results == [None] * 5
    assert sorted(seen) == sorted(sha(f"file {number}") for number in range(40))


def test_a_heartbeat_with_news_stays_below_a_kibibyte(api: Api) -> None:
    held = [entry(f"file {number}", metadata=f"{number:016x}") for number in range(20)]
    api.synced({"models": held})
    api.put(f"/api/v1/models/{sha('file 1')}/overrides", {"type": "VAE"})
    body = {"protocol": 1, "agent_id": "a" * 36, "digest": digest_of(held), "count": len(held)}
    answer = api.sync(body)
    assert answer.json()["news"] == 1 and len(answer.content) + len(str(answer.headers)) < 1024


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "after"),
        ({"after": 1, "hashes": []}, 422, "after"),
        ({"after": -1}, 422, "after"),
        ({"after": "1"}, 422, "after"),
        ({"hashes": "x"}, 422, "hashes"),
        ({"hashes": ["x"]}, 422, "hashes"),
        ({"hashes": ["a" * 64] * 1001}, 413, "hashes"),
    ],
)
def test_what_makes_no_sense_names_the_field(api: Api, body: Any, status: int, field: str) -> None:
    answer = api.post(NEWS, body)
    assert answer.status_code == status and answer.json()["details"]["field"] == field
