"""A submission is queued whatever is there of its models, and answers what that comes to."""

from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, entry, sha, statements_of, until

CYBER = entry("cyber", path="models/Stable-diffusion/Pony/cyber.safetensors", type="Checkpoint", base_model="Pony")


def params(**stated: Any) -> dict[str, Any]:
    return {"positive_prompt": "a cat", "checkpoint_name": "Pony\\cyber.safetensors", **stated}


def body(target: str = "any", **stated: Any) -> dict[str, Any]:
    return {"target_server_alias": target, "generation_params": params(**stated)}


def submitted(api: Api, sent: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/api/v2/generate", sent)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def job(api: Api, told: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"/api/v2/jobs/{told['id']}/status")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()["job"]
    return shown


@pytest.fixture
def fleet(api: Api) -> Api:
    """Two servers: ``attic`` has a checkpoint and a LoRA that goes with it, ``cellar`` the checkpoint alone."""
    anna = entry("anna", base_model="Pony")
    api.synced({"models": [CYBER, anna, entry("flux", base_model="Flux.1 D")]}, "attic")
    api.synced({"models": [{**CYBER, "path": "sd/cyber renamed.safetensors"}]}, "cellar")
    return api


def test_a_job_whose_models_are_there_is_queued_with_a_need(fleet: Api) -> None:
    told = submitted(fleet, body(positive_prompt="a <lora:anna:0.8> cat", model_hash=sha("cyber")[:10].upper()))
    assert told["queue_position"] == 1
    assert told["stablequeue_job_id"] == told["mobilesd_job_id"] == told["id"]
    assert (told["success"], told["target_server_alias"], told["app_type"]) == (True, "any", "forge")
    checkpoint, lora = told["requirements"]
    assert (checkpoint["role"], checkpoint["resolution"], checkpoint["status"]) == (
        "checkpoint",
        "resolved",
        "available",
    )
    assert [(each["server_id"], each["path"]) for each in checkpoint["servers"]] == [
        ("attic", "models/Stable-diffusion/Pony/cyber.safetensors"),
        ("cellar", "sd/cyber renamed.safetensors"),
    ]
    assert (lora["name"], lora["weight"], lora["source"], lora["fit"]["grade"]) == ("anna", 0.8, "prompt", "Full")
    (able,) = told["able"]
    assert (able["server_id"], able["state"], able["taking"]) == ("attic", "present", False)
    assert able["checkpoint"]["title"] == f"Pony/cyber.safetensors [{sha('cyber')[:10]}]"
    assert told["waiting"]["code"] == "not_taking"
    shown = job(fleet, told)
    assert (shown["status"], shown["state"], shown["queue_position"]) == ("pending", "pending", 1)
    assert shown["requirements"] == told["requirements"] and shown["waiting"] == told["waiting"]


def test_a_check_answers_the_same_and_queues_nothing(fleet: Api) -> None:
    checked = fleet.post("/api/v2/generate/check", body())
    told = submitted(fleet, body())
    assert checked.status_code == 200
    assert checked.json() == {name: told[name] for name in checked.json()}
    assert fleet.get("/api/v2/jobs").json()["total"] == 1


def test_an_add_on_that_does_not_go_with_the_checkpoint_is_warned_of(fleet: Api) -> None:
    told = submitted(fleet, body(positive_prompt="<lora:flux:1>"))
    assert told["requirements"][1]["fit"]["grade"] == "None"
    assert [each["code"] for each in told["warnings"]] == ["does_not_fit", "not_taking"]


def test_a_server_by_its_alias_and_what_it_lacks(fleet: Api) -> None:
    assert fleet.put("/api/v1/servers/cellar", {"alias": "Der Keller"}).status_code == 200
    told = submitted(fleet, body("Der Keller", positive_prompt="<lora:anna:1>"))
    assert (told["target_server_id"], told["target_server_alias"], told["able"]) == ("cellar", "Der Keller", [])
    assert told["waiting"]["code"] == "missing_on_server"
    assert "anna" in told["waiting"]["message"] and "attic could run it" in told["waiting"]["message"]
    assert submitted(fleet, body("attic", positive_prompt="<lora:anna:1>"))["able"][0]["server_id"] == "attic"


def test_names_are_those_of_the_server_that_the_job_is_for(api: Api) -> None:
    for server, content in (("attic", "one"), ("cellar", "two")):
        api.synced({"models": [CYBER, entry("style", content)]}, server)
    asked = {"positive_prompt": "<lora:style:1>"}
    anywhere = submitted(api, body(**asked))
    lora = anywhere["requirements"][1]
    assert (lora["resolution"], lora["status"], lora["model"], lora["servers"]) == ("ambiguous", "ambiguous", None, [])
    assert {each["sha256"] for each in lora["candidates"]} == {sha("one"), sha("two")}
    assert (anywhere["waiting"]["code"], anywhere["able"]) == ("ambiguous_model", [])
    there = submitted(api, body("cellar", **asked))["requirements"][1]
    assert (there["resolution"], there["model"]["sha256"]) == ("resolved", sha("two"))
    by_hash = {**body(**asked), "models": [{"role": "lora", "name": "style", "hash": sha("one")}]}
    assert submitted(api, by_hash)["able"][0]["server_id"] == "attic"


def test_a_hash_counts_and_not_the_name_beside_it(fleet: Api) -> None:
    told = submitted(fleet, body(checkpoint_name="flux", model_hash=sha("cyber")))
    assert told["requirements"][0]["model"]["sha256"] == sha("cyber")
    told = submitted(fleet, body(positive_prompt="<lora:anna:1>", loras=[{"name": "anna", "hash": sha("flux")}]))
    assert told["requirements"][1]["model"]["sha256"] == sha("flux")
    assert "other_name" in [each["code"] for each in told["warnings"]]
    unknown = submitted(fleet, body(model_hash="0123456789"))
    checkpoint = unknown["requirements"][0]
    assert (checkpoint["resolution"], checkpoint["model"]) == ("unknown", None)
    assert [each["sha256"] for each in checkpoint["candidates"]] == [sha("cyber")]
    assert [each["code"] for each in unknown["warnings"]] == ["other_hash", "unknown_model"]


def test_a_lora_is_no_checkpoint_whatever_its_hash(fleet: Api) -> None:
    told = submitted(fleet, body(model_hash=sha("anna")))
    assert told["requirements"][0]["resolution"] == "unknown"
    assert told["warnings"][0]["code"] == "wrong_type" and "LORA" in told["warnings"][0]["message"]


def test_twelve_digits_mean_files_with_the_same_tensors(api: Api) -> None:
    tensors = sha("tensors")
    for server, content in (("attic", "one"), ("cellar", "two")):
        api.synced({"models": [CYBER, entry(f"style {content}", content, tensor_sha256=tensors)]}, server)
    known = [{"role": "lora", "name": "mine", "hash": tensors[:12]}]
    told = submitted(api, {**body(positive_prompt="<lora:mine:1>"), "models": known})
    assert [each["server_id"] for each in told["requirements"][1]["servers"]] == ["attic", "cellar"]
    assert [each["server_id"] for each in told["able"]] == ["attic", "cellar"]
    by_name = submitted(api, body(positive_prompt="<lora:style one:1>"))
    assert [each["server_id"] for each in by_name["able"]] == ["attic", "cellar"]


def test_embeddings_that_the_fleet_knows_are_found_in_the_prompts(fleet: Api) -> None:
    bad = {"path": "embeddings/Bad-Hands 5.pt", "type": "TextualInversion"}
    fleet.synced({"models": [CYBER, entry("bad", **bad), entry("badge", type="TextualInversion")]}, "attic")
    asked = body(positive_prompt="a badger, <lora:badge:1>", negative_prompt="ugly, (bad-hands 5:1.2)")
    told = submitted(fleet, asked)
    assert [(each["role"], each["name"]) for each in told["requirements"]] == [
        ("checkpoint", "Pony\\cyber.safetensors"), ("lora", "badge"), ("embedding", "bad-hands 5"),
    ]  # fmt: skip
    assert told["requirements"][2]["source"] == "negative_prompt"


def test_a_job_that_nobody_can_do_goes_by_itself_when_its_models_come(api: Api) -> None:
    asked = body(positive_prompt="<lora:anna:1>", model_hash=sha("cyber"))
    told = [submitted(api, asked) for _ in range(3)]
    assert [each["status"] for each in told[0]["requirements"]] == ["unknown", "unknown"]
    assert told[0]["waiting"]["code"] == "unknown_model"
    client = api.with_key("client")
    assert client.post("/api/v1/models/register", {"sha256": sha("cyber"), "type": "Checkpoint"}).status_code == 403
    api.post("/api/v1/models/register", {"sha256": sha("cyber"), "type": "Checkpoint"})
    assert api.hub.waking.look() is False
    shown = job(api, told[1])
    assert [each["resolution"] for each in shown["requirements"]] == ["resolved", "unknown"]
    assert shown["requirements"][0]["status"] == "unavailable"
    api.synced({"models": [CYBER, entry("anna")]}, "attic")
    until(lambda: [each["server_id"] for each in job(api, told[2])["able"]] == ["attic"])
    for each in told:
        assert [one["status"] for one in job(api, each)["requirements"]] == ["available", "available"]


def test_an_ambiguous_name_is_settled_by_a_name_by_hand(api: Api) -> None:
    for server, content in (("attic", "one"), ("cellar", "two")):
        api.synced({"models": [CYBER, entry("style", content)]}, server)
    told = submitted(api, body(positive_prompt="<lora:style:1>"))
    assert told["waiting"]["code"] == "ambiguous_model"
    assert api.put(f"/api/v1/models/{sha('two')}/aliases", {"aliases": ["style"]}).status_code == 200
    until(lambda: [each["server_id"] for each in job(api, told)["able"]] == ["cellar"])


def test_a_prompt_with_five_hundred_loras(fleet: Api) -> None:
    held = [entry(f"style {number}") for number in range(500)]
    fleet.synced({"models": [CYBER, *held]}, "attic")
    told = submitted(fleet, body(positive_prompt=" ".join(f"<lora:style {number}:0.5>" for number in range(500))))
    assert {each["resolution"] for each in told["requirements"]} == {"resolved"} and len(told["requirements"]) == 501
    assert [each["server_id"] for each in told["able"]] == ["attic"]


# Several at once


def test_jobs_that_differ_in_their_seeds(fleet: Api) -> None:
    def seeds(**stated: Any) -> list[Any]:
        answer = fleet.post("/api/v2/generate/bulk", {**body(seed="7"), **stated})
        assert answer.status_code == 202, answer.text
        told = answer.json()
        assert told["total_jobs"] == len(told["jobs"]) == 3
        listed = fleet.get("/api/v2/jobs", bulk=told["bulk_job_id"], order="asc").json()["jobs"]
        assert [each["id"] for each in listed] == [each["stablequeue_job_id"] for each in told["jobs"]]
        return [each["generation_params"]["seed"] for each in listed]

    assert seeds(bulk_quantity=3, seed_variation="increment") == [7, 8, 9]
    assert seeds(bulk_quantity="3", seed_variation="Incremental", base_seed=100) == [100, 101, 102]
    assert seeds(bulk_quantity=3, seed_variation="fixed") == [7, 7, 7]
    assert len(set(seeds(bulk_quantity=3, seed_variation="random", job_delay=1))) == 3
    for wrong in ({"bulk_quantity": 0}, {"bulk_quantity": 1001}, {}, {"bulk_quantity": 2, "seed_variation": "twist"}):
        assert fleet.post("/api/v2/generate/bulk", {**body(), **wrong}).status_code == 422
    assert fleet.get("/api/v2/jobs").json()["total"] == 12


# Lists


def test_lists_are_narrowed_and_turned_page_by_page(fleet: Api) -> None:
    client = fleet.with_key("client")
    for number in range(5):
        submitted(fleet, body(positive_prompt=f"Ein Hund, {number}% Katze"))
    mine = submitted(client, body("cellar", positive_prompt="<lora:anna:1>"))
    answer = client.get("/api/v2/jobs", limit="4").json()
    assert (answer["total"], answer["counts"]["pending"], len(answer["jobs"])) == (6, 6, 4)
    rest = client.get("/api/v2/jobs", limit="4", cursor=answer["next_cursor"]).json()
    assert rest["next_cursor"] is None
    listed = [each["id"] for each in (*answer["jobs"], *rest["jobs"])]
    assert listed[0] == mine["id"] and len(set(listed)) == 6
    oldest = client.get("/api/v2/jobs", order="asc", offset="1", limit="2").json()["jobs"]
    assert [each["id"] for each in oldest] == listed[::-1][1:3]

    def found(**narrowed: str) -> list[str]:
        return [each["id"] for each in client.get("/api/v2/jobs", **narrowed).json()["jobs"]]

    assert found(server="cellar") == found(submitter="a client") == found(model=sha("anna")) == [mine["id"]]
    assert found(model=sha("anna")[:10]) == found(q="LORA:ANNA") == [mine["id"]]
    assert found(q="3% katze") == [listed[2]] and found(q="4_ katze") == []
    assert len(found(server="any")) == 5 and found(status="completed") == []
    for wrong in ({"status": "done"}, {"cursor": "x"}, {"model": "xyz"}, {"order": "up"}, {"limit": "0"}):
        assert client.get("/api/v2/jobs", **wrong).status_code == 422, wrong
    assert client.get("/api/v2/jobs", server="nowhere").json()["error"] == "server_not_found"


def test_a_page_costs_the_same_number_of_statements_however_many_jobs_there_are(fleet: Api) -> None:
    def page(**narrowed: str) -> list[str]:
        with statements_of(fleet) as seen:
            answer = fleet.get("/api/v2/jobs", **narrowed)
        assert answer.status_code == 200 and answer.json()["jobs"]
        return [statement for statement, _ in seen if statement.startswith("SELECT")]

    submitted(fleet, body(positive_prompt="<lora:anna:1> one"))
    few = page()
    many = {**body(positive_prompt="<lora:anna:1> <lora:flux:1> <lora:nobody:1> many"), "bulk_quantity": 50}
    assert fleet.post("/api/v2/generate/bulk", many).status_code == 202
    assert len(page()) == len(few) <= 16
    assert fleet.hub.database.is_sqlite or len(page(model=sha("anna"))) <= len(few) + 3


def test_too_much_at_once_is_refused(fleet: Api) -> None:
    tags = " ".join(f"<lora:style {number}:1>" for number in range(200))
    answer = fleet.post("/api/v2/generate/bulk", {**body(positive_prompt=tags), "bulk_quantity": 300})
    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "bulk_quantity")
    assert fleet.get("/api/v2/jobs").json()["total"] == 0


def test_a_hash_for_what_the_request_does_not_name_is_said(fleet: Api) -> None:
    known = [{"role": "lora", "name": "elsewhere", "hash": sha("anna")}]
    (said, *_) = submitted(fleet, {**body(), "models": known})["warnings"]
    assert said["code"] == "not_named" and "elsewhere" in said["message"]


def test_names_that_could_be_meant_are_said(api: Api) -> None:
    named = ("dreamShaper_8", "dreamShaperXL_turbo", "dreamlike", "photon")
    models = [entry(name, path=f"sd/{name}.safetensors", type="Checkpoint") for name in named]
    api.synced({"models": [*models, entry("dreamshaper-8")]}, "attic")
    told = api.post("/api/v2/generate/check", body(checkpoint_name="sd\\DreamShapr 8.safetensors")).json()
    [said] = [each["message"] for each in told["warnings"] if each["code"] == "similar_names"]
    assert said.startswith("no checkpoint is named") and said.endswith(
        "is it 'dreamShaper_8' or 'dreamShaperXL_turbo'?"
    )
    told = api.post("/api/v2/generate/check", body(checkpoint_name="quite another")).json()
    assert [each["code"] for each in told["warnings"]] == ["unknown_model"]


def test_a_version_at_civitai_says_which_checkpoint_where_the_hub_knows_it(fleet: Api) -> None:
    resource = '{"type":"checkpoint","modelVersionId":%d,"modelName":"CyberRealistic Pony","modelVersionName":"v8"}'
    text = "a cat\nSteps: 20, Sampler: Euler, Seed: 1, Civitai resources: [" + resource + "]"

    def asked(version: int) -> dict[str, Any]:
        return submitted(fleet, {"target_server_alias": "any", "infotext": text % version})["requirements"][0]

    before = submitted(fleet, {"target_server_alias": "any", "infotext": text % 1234})
    assert before["requirements"][0]["resolution"] == "unknown"
    said = {"sha256": sha("cyber"), "type": "Checkpoint", "name": "cyber", "civitai_version_id": "1234"}
    assert fleet.post("/api/v1/models/register", said).status_code < 300
    found = asked(1234)
    assert (found["resolution"], found["model"]["sha256"]) == ("resolved", sha("cyber"))
    until(lambda: job(fleet, before)["requirements"][0]["model"] == found["model"])
    assert asked(1235)["resolution"] == "unknown"
    fleet.post("/api/v1/models/register", {**said, "sha256": sha("cyber, pruned"), "name": "pruned"})
    several = asked(1234)
    assert several["resolution"] == "ambiguous" and len(several["candidates"]) == 2


# Why a job waits


def test_why_a_job_waits(fleet: Api) -> None:
    def why(**stated: Any) -> tuple[str, str]:
        answer = fleet.post("/api/v2/generate/check", body(**stated)).json()
        assert answer["waiting"] in answer["warnings"] or answer["waiting"]["code"] == "queued"
        return answer["waiting"]["code"], answer["waiting"]["message"]

    fleet.synced({"models": [entry("bert", base_model="Pony")]}, "shed")
    fleet.post("/api/v1/models/register", {"sha256": sha("nowhere"), "type": "LORA", "name": "nowhere"})
    assert why()[0] == "not_taking"
    code, message = why(positive_prompt="<lora:anna:1> <lora:bert:1>")
    assert code == "not_together" and "attic lacks only the lora bert" in message
    code, message = why(positive_prompt="<lora:x:1>", loras=[{"name": "x", "hash": sha("nowhere")}])
    assert code == "missing_model" and "the lora x" in message
    asks = {"protocol": 1, "agent_id": "a", "wait_seconds": 0, "running": [], "loaded": None, "runtime": "forge"}
    claim = fleet.with_key("agent", "cellar").post("/api/v1/servers/cellar/jobs/claim", asks)
    assert claim.json()["job"] is None
    assert why()[0] == "queued"
    (first, second) = fleet.post("/api/v2/generate/check", body()).json()["able"]
    assert (first["server_id"], first["taking"], first["runtime"]) == ("cellar", True, "forge")
    assert (second["server_id"], second["taking"]) == ("attic", False)
    fleet.clock.now += 3600
    assert why()[0] == "servers_offline"


def test_a_job_that_came_to_its_models_is_given_out(api: Api) -> None:
    asks = {"protocol": 1, "agent_id": "a", "wait_seconds": 20, "running": [], "loaded": None, "runtime": "forge"}
    agent = api.with_key("agent", "attic")
    told = submitted(api, body("attic", positive_prompt="<lora:anna:1>"))
    assert told["waiting"]["code"] == "unknown_model"
    api.synced({"models": [CYBER, entry("anna")]}, "attic")
    given = agent.post("/api/v1/servers/attic/jobs/claim", asks).json()["job"]
    assert given["id"] == told["id"]
    assert [(each["source"], each["sha256"]) for each in given["requirements"]] == [
        ("sd_model_checkpoint", [sha("cyber")]), ("prompt", [sha("anna")]),
    ]  # fmt: skip
    assert given["payload"]["prompt"] == "<lora:anna:1>"
    assert given["payload"]["override_settings"] == {}
    shown = job(api, told)
    assert (shown["state"], shown["server_id"], shown["waiting"]) == ("processing", "attic", None)


def test_a_job_by_name_goes_with_what_the_file_turned_out_to_be(api: Api) -> None:
    asks = {"protocol": 1, "agent_id": "a", "wait_seconds": 20, "running": [], "loaded": None, "runtime": "forge"}
    agent = api.with_key("agent", "attic")
    claimed = {**entry("anna", "what a sidecar said"), "hash_state": "claimed"}
    api.synced({"models": [claimed]}, "attic")
    both = {"positive_prompt": "<lora:anna:1>", "checkpoint_name": "cyber"}
    told = submitted(api, {"target_server_alias": "any", "generation_params": both})
    by_hash = [{"name": "anna", "hash": sha("what a sidecar said")}]
    stays = submitted(api, {"target_server_alias": "any", "generation_params": {**both, "loras": by_hash}})
    assert [each["resolution"] for each in told["requirements"]] == ["unknown", "resolved"]
    api.synced({"models": [CYBER, claimed]}, "attic")
    until(lambda: job(api, told)["waiting"]["code"] == "not_taking")
    api.synced({"models": [CYBER, entry("anna")]}, "attic")
    given = agent.post("/api/v1/servers/attic/jobs/claim", asks).json()["job"]
    assert given["id"] == told["id"]
    assert [each["sha256"] for each in given["requirements"]] == [[sha("cyber")], [sha("anna")]]
    assert job(api, stays)["waiting"]["code"] == "missing_model"


def test_a_job_by_name_stays_with_a_model_that_went_though_another_file_has_its_name_now(api: Api) -> None:
    claimed = {**entry("anna", "what a sidecar said"), "hash_state": "claimed"}
    api.synced({"models": [CYBER, claimed]}, "attic")
    told = submitted(api, body(positive_prompt="<lora:anna:1>"))
    api.synced({"models": [CYBER]}, "attic")
    api.synced({"models": [CYBER, entry("anna")]}, "cellar")
    api.hub.waking.look()
    shown = job(api, told)
    assert shown["requirements"][1]["model"]["sha256"] == sha("what a sidecar said")
    assert shown["waiting"]["code"] == "missing_model"
