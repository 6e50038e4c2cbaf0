from collections.abc import Callable
from typing import Any

import pytest
from quartermaster.hub.finding import CANDIDATES_LIMIT, Question
from quartermaster.hub_client import Credentials, HubClient
from quartermaster.hub_client.digest import metadata_digest
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha
from quartermaster.tests.hub.test_queries import statements_of


def learned(api: Api, servers: dict[str, list[dict[str, Any]]]) -> None:
    """Sync these inventories, and do what the job beside the sync does."""
    for server, held in servers.items():
        api.synced({"models": held}, server)
    with api.hub.database.read() as connection:
        ids = list(connection.exec_driver_sql("SELECT id FROM models").scalars())
    api.hub.database.write(lambda connection: api.hub.aliases.learn(connection, ids))


def at(path: str, content: object = None, kind: str = "Checkpoint", **more: Any) -> dict[str, Any]:
    return entry("", path if content is None else content, **{"path": path, "type": kind, **more})


def found(api: Api, **question: str) -> dict[str, Any]:
    answer = api.call("GET", "/api/v1/models/find", params=question)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


PONY = "models/Stable-diffusion/Pony/Cyber_v8.safetensors"


@pytest.fixture
def fleet(api: Api) -> Api:
    """One model under different folders and names on two servers, and another one beside it."""
    learned(
        api,
        {
            "attic": [at(PONY, "cyber"), at("models/Lora/anna.safetensors", "anna", "LORA")],
            "cellar": [at("ckpt/renamed.safetensors", "cyber"), at("ckpt/SDXL/other.safetensors")],
        },
    )
    return api


@pytest.mark.parametrize(
    "text",
    [
        PONY,
        "Pony/Cyber_v8.safetensors",
        "pony\\CYBER_V8",
        "C:\\forge\\models\\Stable-diffusion\\Pony\\Cyber_v8.safetensors",
        "\\\\nas\\sd\\models\\Stable-diffusion\\Pony\\Cyber_v8.safetensors",
        "ckpt\\renamed.safetensors",
    ],
)
def test_a_path_of_any_system_and_server_finds_the_model_with_its_servers(fleet: Api, text: str) -> None:
    answer = found(fleet, path=text)
    assert (answer["status"], answer["matched_by"], answer["asked"]) == ("available", "path", text)
    assert answer["model"]["sha256"] == sha("cyber")
    assert [server["server_id"] for server in answer["servers"]] == ["attic", "cellar"]


@pytest.mark.parametrize(
    ("text", "content", "how"),
    [
        ("cyber_v8", "cyber", "name"),
        ("renamed.safetensors", "cyber", "name"),
        ("elsewhere/cyber_v8.safetensors", "cyber", "name"),
        (f"Cyber_v8.safetensors [{sha('cyber')[:10]}]", "cyber", "hash"),
        (f"any name [{sha('cyber')[:10].upper()}]", "cyber", "hash"),
        ("cyber_v8.safetensors [a1b2c3d4]", "cyber", "name"),
        ("<lora:anna:0.8>", "anna", "name"),
    ],
)
def test_names_titles_and_prompt_networks_find_the_model(fleet: Api, text: str, content: str, how: str) -> None:
    answer = found(fleet, name=text)
    assert (answer["model"]["sha256"], answer["matched_by"]) == (sha(content), how)


def test_what_is_unknown_is_a_404_and_never_another_model(fleet: Api) -> None:
    for text in ("cyber_v9", "cyber_v8.ckpt", "cyber", "<lora:cyber_v8:1>"):
        answer = fleet.get("/api/v1/models/find", name=text)
        assert (answer.status_code, answer.json()["error"]) == (404, "model_not_found")
    other = fleet.get("/api/v1/models/find", name="cyber_v8.safetensors [0123456789]")
    assert other.status_code == 404
    assert "other hashes" in other.json()["message"]
    (candidate,) = other.json()["details"]["candidates"]
    assert (candidate["sha256"], candidate["matched_by"]) == (sha("cyber"), "name")


def test_a_name_of_two_models_is_ambiguous_until_folder_server_or_type_narrow(api: Api) -> None:
    learned(
        api,
        {
            "attic": [
                at("Lora/chars/anna.safetensors", "one", "LoCon"),
                at("Lora/styles/anna.safetensors", "two", "LORA"),
            ],
            "cellar": [at("emb/anna.pt", "three", "TextualInversion")],
        },
    )
    answer = found(api, name="anna")
    assert (answer["status"], answer["model"], answer["servers"]) == ("ambiguous", None, [])
    assert {each["sha256"] for each in answer["candidates"]} == {sha(n) for n in ("one", "two", "three")}
    assert all(each["servers"] and each["matched_by"] == "name" for each in answer["candidates"])
    assert found(api, path="chars\\anna")["model"]["sha256"] == sha("one")
    assert found(api, name="anna", server="cellar")["model"]["sha256"] == sha("three")
    assert found(api, name="anna", type="TextualInversion")["model"]["sha256"] == sha("three")
    assert found(api, name="anna.pt")["model"]["sha256"] == sha("three")
    lora = found(api, name="<lora:anna:1>")  # a web UI loads both kinds so
    assert {each["sha256"] for each in lora["candidates"]} == {sha("one"), sha("two")}
    assert found(api, path="nowhere/anna")["status"] == "ambiguous"


def test_a_lora_is_found_by_the_name_that_its_training_gave_it_and_by_a_files_name_first(api: Api) -> None:
    def says(name: str, output_name: str, **more: Any) -> dict[str, Any]:
        return at(f"Lora/{name}.safetensors", name, "LORA", metadata={"output_name": output_name}, **more)

    told = [says("one", "MyChar-v2"), says("two", "last"), says("three", "last"), says("late", "later")]
    digest_alone = {**told[3], "metadata": metadata_digest({"output_name": "later"})}
    api.synced({"models": [*told[:3], digest_alone]}, "attic")
    api.hub.search.refresh()
    answer = found(api, name="<lora:mychar-v2:0.8>")
    assert (answer["model"]["sha256"], answer["matched_by"]) == (sha("one"), "own_name")
    assert found(api, name="<lora:last:1>")["status"] == "ambiguous"
    assert api.get("/api/v1/models/find", name="<lora:later:1>").status_code == 404
    api.synced({"models": told}, "attic")
    api.hub.search.refresh()
    assert found(api, name="<lora:later:1>")["model"]["sha256"] == sha("late")
    api.synced({"models": [at("Lora/last.safetensors", "four", "LORA")]}, "cellar")
    api.hub.search.refresh()
    answer = found(api, name="<lora:last:1>")
    assert (answer["model"]["sha256"], answer["matched_by"]) == (sha("four"), "name")


def test_a_past_name_still_finds_the_model_and_a_present_one_comes_first(api: Api) -> None:
    before = [at("Lora/old.safetensors", "one", "LORA")]
    learned(api, {"attic": before})
    now = [at("Lora/new.safetensors", "one", "LORA")]
    learned(api, {"attic": now})
    assert (found(api, name="old")["model"]["sha256"], found(api, name="old")["matched_by"]) == (
        sha("one"),
        "past_name",
    )
    replaced = [*now, at("Lora/old.safetensors", "two", "LORA")]
    learned(api, {"attic": replaced})
    assert (found(api, name="old")["model"]["sha256"], found(api, name="old")["matched_by"]) == (sha("two"), "name")
    learned(api, {"attic": []})
    gone = found(api, name="new")
    assert (gone["status"], gone["model"]["sha256"]) == ("unavailable", sha("one"))


def test_files_with_equal_tensors_are_one_answer(api: Api) -> None:
    tensor = sha("weights")
    learned(
        api,
        {
            "attic": [at("a/anna.safetensors", "one", "LORA", tensor_sha256=tensor)],
            "cellar": [at("b/anna.safetensors", "two", "LORA", tensor_sha256=tensor)],
        },
    )
    answer = found(api, name="anna")
    assert (answer["status"], [each["server_id"] for each in answer["servers"]]) == ("available", ["attic", "cellar"])


def test_a_batch_answers_in_order_and_costs_a_fixed_number_of_statements(api: Api) -> None:
    held = [at(f"Lora/{n % 7}/file {n}.safetensors", n, "LORA") for n in range(300)]
    learned(api, {"attic": held})
    for count in (3, 300):
        asked = [f"{n % 7}/file {n}" for n in range(count - 1)]
        with statements_of(api) as seen:
            answer = api.hub.finding.find_many({"questions": [*asked, {"path": "no such file"}]})
        assert len([one for one in seen if not one[0].startswith("BEGIN")]) <= 4
        *known, last = answer["results"]
        assert [each["model"]["sha256"] for each in known] == [sha(n) for n in range(count - 1)]
        assert (last["status"], last["asked"]) == ("unknown", "no such file")


def test_a_look_up_by_name_uses_an_index_for_every_table_it_reads(api: Api) -> None:
    learned(api, {"attic": [at(f"Lora/file {n}.safetensors", n, "LORA") for n in range(300)]})
    sqlite = api.hub.database.is_sqlite
    with statements_of(api) as seen:
        api.hub.finding.resolve("file 7.safetensors [0123456789]", "LORA", "attic")
    with api.hub.database.engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in seen:
            if statement.startswith("SELECT"):
                explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
                plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
                tables = ("models", "model_aliases", "model_server_availability", "servers", "model_metadata")
                scans = [
                    line
                    for line in plan
                    if any(f"{word} {table}" in line for word in ("SCAN", "Seq Scan on") for table in tables)
                ]
                assert not scans, f"{scans}: {statement}"


def test_of_a_name_that_very_many_bear_none_is_chosen(api: Api) -> None:
    count = CANDIDATES_LIMIT + 5
    learned(api, {"attic": [at(f"Lora/{n}/model.safetensors", n, "LORA") for n in range(count)]})
    answer = found(api, name="model")
    assert (answer["status"], answer["more"], len(answer["candidates"])) == ("ambiguous", True, 50)
    assert found(api, path="Lora/3/model")["status"] == "ambiguous"  # another may have that folder too
    resolved = api.hub.finding.resolve("Lora/3/model")
    assert resolved.model is None and resolved.more


def test_the_service_says_how_each_candidate_matched(fleet: Api) -> None:
    resolved = fleet.hub.finding.resolve("cyber_v8", type="Checkpoint")
    assert [(one.row.hash_sha256, one.how) for one in resolved.candidates] == [(sha("cyber"), "name")]
    assert resolved.model is not None and not resolved.more
    assert fleet.hub.finding.resolve("cyber_v8", type="LORA").candidates == ()
    assert fleet.hub.finding.resolve("cyber_v8", server_id="nowhere").model is None
    with fleet.hub.database.read() as connection:
        many = fleet.hub.finding.resolve_many(connection, [Question("anna"), Question("nobody")])
    assert [each.model is not None for each in many] == [True, False]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "questions"),
        ({"questions": {}}, "questions"),
        ({"questions": [7]}, "questions[0]"),
        ({"questions": ["ok", {}]}, "questions[1].name"),
        ({"questions": [{"path": "a", "name": "b"}]}, "questions[0].name"),
        ({"questions": [{"path": "a\x00b"}]}, "questions[0].path"),
        ({"questions": [{"name": "\ud800"}]}, "questions[0].name"),
        ({"questions": [{"name": "C:\\"}]}, "questions[0].name"),
        ({"questions": [{"name": "a", "type": "nonsense"}]}, "questions[0].type"),
        ({"questions": [{"name": "a" * 3000}]}, "questions[0].name"),
    ],
)
def test_a_question_that_is_none_is_refused_with_its_place(api: Api, body: Any, field: str) -> None:
    answer = api.post("/api/v1/models/find", body)
    assert (answer.status_code, answer.json()["details"]["field"]) == (422, field)


def test_more_than_a_thousand_questions_are_too_many(api: Api) -> None:
    answer = api.post("/api/v1/models/find", {"questions": ["a"] * 1001})
    assert (answer.status_code, answer.json()["error"]) == (413, "too_many_entries")
    assert api.get("/api/v1/models/find").status_code == 422


def test_every_key_may_ask_and_nobody_without(api: Api, start_api: Callable[..., Api]) -> None:
    learned(api, {"attic": [at("Lora/anna.safetensors", "one", "LORA")]})
    assert api.with_key("client").get("/api/v1/models/find", name="anna").status_code == 200
    answer = api.session.get(api.address + "/api/v1/models/find", params={"name": "anna"}, timeout=30)
    assert answer.status_code == 401


def test_learning_is_repeatable_and_changes_no_inventory(api: Api) -> None:
    held = [at("Lora/anna.safetensors", "one", "LORA"), at("Lora/ANNA.safetensors", "one", "LORA")]
    learned(api, {"attic": held})
    with api.hub.database.read() as connection:
        ids = list(connection.exec_driver_sql("SELECT model_id FROM model_aliases").scalars())
    assert len(ids) == 1  # one row for a model and a folded name
    assert api.hub.database.write(lambda connection: api.hub.aliases.learn(connection, ids)) == 0
    assert api.heartbeat(held)["in_sync"] and api.heartbeat(held)["digest"] == digest_of(held)


def test_names_are_learned_beside_the_sync_and_found_by_words_when_the_file_is_gone(api: Api) -> None:
    def indexed() -> None:
        while api.hub.indexing.step():
            pass

    api.synced({"models": [at("Lora/old name.safetensors", "one", "LORA")]})
    indexed()
    assert found(api, name="old name")["model"]["sha256"] == sha("one")
    api.synced({"models": [at("Lora/new.safetensors", "one", "LORA")]})
    indexed()
    assert found(api, name="old name")["matched_by"] == "past_name"
    listed = api.get("/api/v1/models", q="old name").json()["models"]
    assert [each["sha256"] for each in listed] == [sha("one")]
    api.put(f"/api/v1/models/{sha('one')}/aliases", {"aliases": ["grandmother"]})
    listed = api.get("/api/v1/models", q="grandmother").json()["models"]
    assert [each["sha256"] for each in listed] == [sha("one")]


def test_our_client_asks_by_name(fleet: Api) -> None:
    made = fleet.hub.keys.create("a client's", "client")
    with HubClient(fleet.address, Credentials(made.key, made.secret)) as client:
        found_, nobody = client.find(["pony\\cyber_v8", "nobody"])
    assert (found_.hash, found_.status, [each.server_id for each in found_.servers]) == (
        "pony\\cyber_v8",
        "available",
        ["attic", "cellar"],
    )
    assert nobody.status == "unknown"
