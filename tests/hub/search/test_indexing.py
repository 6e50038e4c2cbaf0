from collections.abc import Callable
from typing import Any

import pytest
from quartermaster.hub.schema import models, search_documents
from quartermaster.hub.search import indexing
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha, together, until
from sqlalchemy import func, select, update


def found(api: Api, **filters: Any) -> set[str]:
    answer = api.get("/api/v1/models", **filters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["indexing"] == 0
    return {model["name"] for model in answer.json()["models"]}


def pending(api: Api) -> int:
    with api.hub.database.read() as connection:
        return connection.scalar(select(func.count()).where(models.c.to_index)) or 0


def test_what_was_synced_is_found_at_once_by_name_folder_and_hash(api: Api) -> None:
    api.synced({"models": [{**entry("one"), "path": "models/Lora/styles/Ink Wash/one.safetensors"}]})
    for query in ("one", "ink", "ink styles", sha("one"), sha("one")[:7], sha("one")[:10].upper()):
        assert found(api, q=query) == {"one"}, query
    assert pending(api) == 0


def test_a_renamed_file_is_found_by_its_new_name_and_by_its_past_one(api: Api) -> None:
    held = [entry("before", content="x"), entry("beside")]
    api.synced({"models": held})
    assert found(api, q="before") == {"before"}
    now = [entry("after", content="x"), held[1]]
    change = {"mode": "delta", "upserts": now[:1], "removed": [held[0]["path"]], "digest": digest_of(now)}
    api.synced({**change, "base": digest_of(held)})
    assert found(api, q="after") == {"after"}
    assert found(api, q="before") == {"after"}


def test_a_replaced_file_leaves_its_path_to_what_replaced_it(api: Api) -> None:
    held = [entry("face", content="old")]
    api.synced({"models": held})
    assert len(api.get("/api/v1/models", q="face").json()["models"]) == 1
    now = [entry("face", content="new")]
    api.synced({"mode": "delta", "base": digest_of(held), "upserts": now, "digest": digest_of(now)})
    listed = api.get("/api/v1/models", q="lora").json()["models"]
    assert [each["sha256"] for each in listed] == [sha("new")]


def test_a_second_server_adds_its_own_names(api: Api) -> None:
    api.synced({"models": [entry("one")]})
    assert found(api, q="cellar") == set()
    api.synced({"models": [{**entry("zwei", content="one"), "path": "models/Lora/Keller/zwei.safetensors"}]}, "cellar")
    assert found(api, q="keller") == found(api, q="one zwei") == {"zwei"}
    api.delete("/api/v1/servers/cellar")
    assert found(api, q="keller") == set()
    assert found(api, q="one") == {"zwei"}


def test_registered_names_and_trigger_words_are_found(api: Api) -> None:
    body = {"sha256": sha("one"), "type": "LORA", "name": "Ink", "metadata": {"trainedWords": ["sumi-e", 5]}}
    api.post("/api/v1/models/register", body)
    assert found(api, q="sumi") == {"Ink"}


def test_a_correction_by_hand_moves_a_model_between_filters(api: Api) -> None:
    api.synced({"models": [entry("one", ecosystem="SDXL")]})
    assert found(api, q="one", ecosystem="sdxl") == {"one"}
    api.put(f"/api/v1/models/{sha('one')}/overrides", {"base_model": "Pony", "type": "Checkpoint"})
    assert found(api, q="one", ecosystem="sdxl") == set()
    assert found(api, q="one", ecosystem="pony", type="checkpoint") == {"one"}


def test_a_claim_that_was_wrong_leaves_the_index(api: Api) -> None:
    claimed = [entry("mistake", content="wrong", hash_state="claimed")]
    api.synced({"models": claimed})
    assert found(api, q="mistake") == {"mistake"}
    right = [entry("mistake", content="right")]
    api.synced({"mode": "delta", "base": digest_of(claimed), "upserts": right, "digest": digest_of(right)})
    assert found(api, q=sha("wrong")) == set()
    with api.hub.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(search_documents)) == 1


def test_a_description_does_not_have_a_model_indexed_again(api: Api) -> None:
    digest = "0123456789abcdef"
    held = [entry("one", metadata=digest)]
    wanted = api.synced({"models": held})["wanted"]
    assert wanted == [sha("one")]
    assert found(api, q="one") == {"one"}
    described = entry("one", metadata={"a": 1})
    api.synced({"models": [described]})  # other metadata than was stated: a change
    assert pending(api) == 1
    assert found(api, q="one") == {"one"}
    api.synced({"models": [described]})
    assert pending(api) == 0


def test_where_much_is_pending_the_answer_says_so_and_the_job_does_it(
    settings: HubSettings, start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "AT_ONCE", 3)
    monkeypatch.setattr(indexing, "BATCH", 2)
    monkeypatch.setattr(indexing, "_SETTLE_SECONDS", 3600.0)
    api = start_api(settings)
    api.synced({"models": [entry(f"file {number}") for number in range(5)]})
    answer = api.get("/api/v1/models", q="file").json()
    assert (answer["indexing"], answer["models"]) == (5, [])
    assert len(api.get("/api/v1/models").json()["models"]) == 5  # without words, no index is asked
    assert len(api.get("/api/v1/models", type="lora", server="attic").json()["models"]) == 5
    while api.hub.indexing.step():
        pass
    assert len(found(api, q="file")) == 5


def test_several_processes_index_each_model_once(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    first, second = start_api(settings), start_api(settings)
    first.synced({"models": [entry(f"file {number}") for number in range(600)]})

    def work(number: int) -> None:
        hub = (first, second)[number % 2].hub
        while hub.indexing.step():
            pass

    assert together(4, work) == [None] * 4
    until(lambda: pending(first) == 0)  # the hubs' own jobs take part, and may still hold a batch
    assert len(first.get("/api/v1/models", q="file", limit=1000).json()["models"]) == 600


def test_a_busy_database_does_not_keep_a_search_waiting(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "_PATIENCE_SECONDS", 0.01)
    api.synced({"models": [entry("one"), entry("two")]})
    assert found(api, q="one") == {"one"}

    def hold(connection: Any) -> None:
        connection.execute(update(models).values(to_index=True))

    api.hub.database.write(hold)

    def search_while_writing(connection: Any) -> int:
        connection.execute(update(models).values(to_index=True))
        return int(api.get("/api/v1/models", q="one").json()["indexing"])

    assert api.hub.database.write(search_while_writing) == 2
    assert found(api, q="one") == {"one"}
