from typing import Any

import pytest
from quartermaster.hub.search import index
from quartermaster.tests.hub.samples import Api, entry, sha

SORTS = ["oldest", "newest", "name", "size", "held"]


def names(api: Api, **filters: Any) -> list[str]:
    answer = api.get("/api/v1/models", **filters)
    assert answer.status_code == 200, answer.text
    return [model["name"] for model in answer.json()["models"]]


@pytest.fixture
def library(api: Api) -> Api:
    def of_size(name: str, size: int, **more: Any) -> dict[str, Any]:
        return {**entry(name, **more), "size": size}

    held = [
        of_size("beta ink", 30, ecosystem="SDXL", base_model="SDXL 1.0"),
        of_size("Alpha ink", 20, ecosystem="Pony", base_model="Pony"),
        {**of_size("gamma", 10), "type": "VAE"},
    ]
    api.synced({"models": held})
    api.synced({"models": [of_size("beta ink", 30), of_size("delta ink", 40, hash_state="claimed")]}, "cellar")
    return api


@pytest.mark.parametrize("few", [2_000, 0], ids=["sorted", "walked"])
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"sort": "name"}, ["Alpha ink", "beta ink", "delta ink", "gamma"]),
        ({"sort": "name", "q": "ink"}, ["Alpha ink", "beta ink", "delta ink"]),
        ({"sort": "size"}, ["delta ink", "beta ink", "Alpha ink", "gamma"]),
        ({"sort": "size", "q": "ink", "server": "attic"}, ["beta ink", "Alpha ink"]),
        ({"sort": "name", "missing_on": "cellar"}, ["Alpha ink", "gamma"]),
        ({"sort": "name", "missing_on": "cellar", "q": "a"}, ["Alpha ink"]),
        ({"sort": "name", "missing_on": "attic"}, ["delta ink"]),
        ({"sort": "name", "missing_on": "nowhere"}, ["Alpha ink", "beta ink", "delta ink", "gamma"]),
        ({"sort": "name", "base_model": "sdxl 1.0"}, ["beta ink"]),
        ({"sort": "name", "hash_state": "claimed"}, ["delta ink"]),
        ({"sort": "name", "min_size": "20", "max_size": "30"}, ["Alpha ink", "beta ink"]),
        ({"sort": "name", "min_servers": "2"}, ["beta ink"]),
        ({"sort": "name", "max_servers": "1", "q": "ink"}, ["Alpha ink", "delta ink"]),
        ({"sort": "name", "q": sha("gamma")[:8]}, ["gamma"]),
        ({"sort": "name", "status": "stale"}, []),
        ({"sort": "name", "status": "offline"}, []),
        ({"sort": "name", "status": "available", "type": "vae"}, ["gamma"]),
    ],
)
def test_a_list_is_narrowed_and_ordered(
    library: Api, filters: dict[str, str], found: list[str], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FEW", few)
    assert names(library, **filters) == found


def test_newest_and_held_come_first(library: Api) -> None:
    assert names(library, sort="newest") == names(library)[::-1]
    assert names(library, sort="held")[0] == "beta ink"


@pytest.mark.parametrize("filters", [{}, {"q": "file"}, {"q": "f", "type": "LORA"}], ids=["all", "word", "prefix"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_every_order_follow_each_other_while_models_come(api: Api, sort: str, filters: dict[str, str]) -> None:
    held = [{**entry(f"file {number % 4}", content=number), "path": f"models/{number}/file.pt"} for number in range(9)]
    api.synced({"models": held})
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        answer = api.get("/api/v1/models", sort=sort, limit=2, **filters, **more).json()
        seen += [model["sha256"] for model in answer["models"]]
        held.append({**entry(f"file new {len(held)}"), "size": 1})
        api.synced({"models": held})
        if answer["next_cursor"] is None or len(seen) > 40:
            break
        more = {"cursor": answer["next_cursor"]}
    assert len(seen) == len(set(seen)) and {sha(number) for number in range(9)} <= set(seen)


def test_a_cursor_belongs_to_its_order(library: Api) -> None:
    cursor = library.get("/api/v1/models", sort="name", limit=1).json()["next_cursor"]
    answer = library.get("/api/v1/models", sort="size", limit=1, cursor=cursor)
    assert answer.json()["details"] == {"field": "cursor"}


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"sort": "colour"}, "sort"),
        ({"hash_state": "guessed"}, "hash_state"),
        ({"duplicates": "yes"}, "duplicates"),
        ({"min_size": "-1"}, "min_size"),
        ({"facets": "perhaps"}, "facets"),
        ({"cursor": "WyJvbGRlc3QiLCAxZTk5OSwgMV0"}, "cursor"),
        ({"cursor": "WyJvbGRlc3QiLCAxXQ"}, "cursor"),
    ],
)
def test_a_bad_filter_is_named(api: Api, filters: dict[str, str], field: str) -> None:
    answer = api.get("/api/v1/models", **filters)
    assert (answer.status_code, answer.json()["details"]) == (422, {"field": field}), answer.text


@pytest.mark.parametrize("query", ["'", '"', "a' | 'b", 'a" OR "b', "\\", "NOT", "a AND", "* ^ ~", "(", "%_", "ﷺ" * 50])
def test_a_query_is_no_language(library: Api, query: str) -> None:
    assert names(library, q=query) in ([], names(library))


def test_words_and_state_go_together(library: Api) -> None:
    library.clock.now += 700  # both are offline now
    assert names(library, status="offline", q="ink", sort="name") == ["Alpha ink", "beta ink", "delta ink"]
    library.synced({"models": [entry("delta ink", hash_state="claimed", state="stale")]}, "cellar")
    assert names(library, status="stale") == names(library, status="stale", q="delta") == ["delta ink"]
    assert names(library, status="offline", q="beta") == ["beta ink"]
