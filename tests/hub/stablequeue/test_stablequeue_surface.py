"""A hub stands where StableQueue stood: its Forge extension and its clients ask what they ask there.

``Extension`` makes the requests of kelsjon3/StableQueue-Forge-Extension (``scripts/stablequeue.py`` and
``test_connection.py``, its first version and its last) and says what that would show. Written from reading it.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha


@dataclass
class Extension:
    """StableQueue's Forge extension, as far as it speaks HTTP."""

    url: str
    key: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key, "X-API-Secret": self.secret}

    def connection_works(self) -> bool:
        """Its "test connection": the status, then the servers with the key."""
        status = requests.get(f"{self.url}/status", headers=self.headers, timeout=5)
        return status.status_code == 200 and self.fetch_servers() is not None

    def fetch_servers(self) -> list[str] | None:
        """What its drop-down list of servers is filled with; None where it prints that it failed."""
        answer = requests.get(f"{self.url}/api/v1/servers", headers=self.headers, timeout=5)
        return [server["alias"] for server in answer.json()] if answer.status_code == 200 else None

    def servers_in_settings(self) -> str:
        """What the settings page of its first versions shows, from the browser."""
        answer = requests.get(f"{self.url}/api/v1/queue/servers", headers=self.headers, timeout=5)
        return ", ".join(server["alias"] for server in answer.json()["servers"]) if answer.ok else answer.text

    def create_api_key(self, name: str) -> tuple[bool, str]:
        """It sends no key of its own here."""
        answer = requests.post(f"{self.url}/api/v1/api-keys", json={"name": name}, timeout=10)
        return answer.status_code == 201, answer.text

    def queue(self, server: str, checkpoint: str = "Pony\\cyber.safetensors") -> tuple[bool, str]:
        """Whether it says that the job was queued, and what it prints."""
        job = {
            "app_type": "forge",
            "target_server_alias": server,
            "generation_params": {
                "positive_prompt": "A beautiful landscape",
                "negative_prompt": "",
                "width": 512,
                "height": 512,
                "steps": 20,
                "cfg_scale": 7.0,
                "sampler_name": "Euler",
                "seed": -1,
                "batch_size": 1,
                "n_iter": 1,
                "restore_faces": False,
                "checkpoint_name": checkpoint,
                "enable_hr": False,
                "hr_scale": 2.0,
                "hr_upscaler": "Latent",
                "denoising_strength": 0.7,
            },
            "source_info": "forge_extension_v1.0.0",
        }
        answer = requests.post(f"{self.url}/api/v2/generate", json=job, headers=self.headers, timeout=10)
        if answer.status_code == 202:
            return True, answer.json().get("mobilesd_job_id", "unknown")
        return False, f"Failed to queue: {answer.status_code} - {answer.text}"

    def test_job(self, route: str, **more: Any) -> requests.Response:
        """What ``test_connection.py`` sends; it names no checkpoint."""
        job = {
            "app_type": "forge",
            "target_server_alias": "attic",
            "generation_params": {
                "positive_prompt": "test prompt from extension",
                "negative_prompt": "bad quality",
                "width": 512,
                "height": 512,
                "steps": 5,
                "cfg_scale": 7,
                "sampler_name": "Euler",
                "seed": -1,
                **more.pop("parameters", {}),
            },
            "source_info": "stablequeue_forge_extension_test",
            **more,
        }
        return requests.post(self.url + route, json=job, headers=self.headers, timeout=15)


@pytest.fixture
def extension(api: Api) -> Extension:
    cyber = entry("cyber", path="models/Stable-diffusion/Pony/cyber.safetensors", type="Checkpoint")
    api.synced({"models": [entry("anna"), cyber]}, "attic")
    api.post("/api/v1/servers", {"alias": "Main", "host": "192.168.1.100", "port": 7860})
    client = api.with_key("client")
    return Extension(api.address, client.headers["X-API-Key"], client.headers["X-API-Secret"])


def test_the_extension_connects_and_lists_the_servers(extension: Extension) -> None:
    assert extension.connection_works()
    assert extension.fetch_servers() == ["Main", "attic"]
    assert extension.servers_in_settings() == "Main, attic"


def test_with_a_wrong_key_it_says_that_the_connection_failed(extension: Extension) -> None:
    wrong = replace(extension, secret="wrong")
    assert not wrong.connection_works() and wrong.fetch_servers() is None
    assert "unauthorized" in wrong.servers_in_settings()
    assert requests.get(f"{extension.url}/status", timeout=5).status_code == 200  # without a key, as in StableQueue


def test_it_can_make_no_key_without_one(extension: Extension) -> None:
    made, text = extension.create_api_key("mine")
    assert not made and '"unauthorized"' in text


def test_a_job_that_it_sends_is_queued(api: Api, extension: Extension) -> None:
    queued, job_id = extension.queue("attic")
    assert queued
    job = api.get(f"/api/v2/jobs/{job_id}/status").json()["job"]
    assert (job["source_info"], job["app_type"]) == ("forge_extension_v1.0.0", "forge")
    assert (job["status"], job["target_server_alias"], job["mobilesd_job_id"]) == ("pending", "attic", job_id)
    refused, text = extension.queue("Nowhere")
    assert not refused and "404" in text and '"server_not_found"' in text
    assert "unauthorized" in replace(extension, secret="x").queue("attic")[1]


def test_a_job_without_a_checkpoint_is_refused_and_says_what_to_do(extension: Extension) -> None:
    queued, text = extension.queue("attic", "")  # Forge had loaded nothing yet
    assert not queued and "422" in text and '"missing_required_field"' in text
    assert "generation_params.checkpoint_name: name a checkpoint" in text
    assert extension.test_job("/api/v2/generate").status_code == 422
    named = {"checkpoint_name": "cyber"}
    told = extension.test_job("/api/v2/generate", parameters=named).json()
    assert told.get("stablequeue_job_id") or told.get("mobilesd_job_id")
    several = {"bulk_quantity": 3, "seed_variation": "random", "job_delay": 1, "parameters": named}
    assert extension.test_job("/api/v2/generate/bulk", **several).json()["total_jobs"] == 3


JOB = {"target_server_alias": "attic", "generation_params": {"positive_prompt": "a cat", "checkpoint_name": "cyber"}}


def test_the_first_version_of_its_routes(api: Api, extension: Extension) -> None:
    client = replace(api, headers=extension.headers)
    made = client.post("/api/v1/generate", JOB)
    assert made.status_code == 202
    job_id = made.json()["stablequeue_job_id"]
    second = client.post("/api/v1/generate", JOB).json()["mobilesd_job_id"]
    job = client.get(f"/api/v1/queue/jobs/{job_id}/status").json()
    assert (job["stablequeue_job_id"], job["status"], job["retry_count"]) == (job_id, "pending", 0)
    assert job["generation_params"]["positive_prompt"] == "a cat" and job["result_details"] is None
    assert job["creation_timestamp"] == job["last_updated_timestamp"] and job["completion_timestamp"] is None
    listed = client.get("/api/v1/queue/jobs", status="pending", limit="1", offset="1", order="desc").json()
    assert (listed["total"], [each["mobilesd_job_id"] for each in listed["jobs"]]) == (2, [job_id])
    cancelled = client.post(f"/api/v1/queue/jobs/{job_id}/cancel").json()
    assert cancelled["message"] == "Job cancelled successfully." and cancelled["job"]["status"] == "cancelled"
    assert cancelled["job"]["result_details"] == {"cancelled": True, "message": "Job cancelled by user"}
    assert client.delete(f"/api/v1/queue/jobs/{job_id}").json()["message"] == f"Job {job_id} deleted successfully."
    assert client.delete(f"/api/v1/queue/jobs/{second}").status_code == 200  # it waits: it is cancelled first
    assert api.with_key("client").get("/api/v1/queue/jobs").json()["total"] == 0


def test_a_job_of_somebody_else_stays(api: Api, extension: Extension) -> None:
    job_id = replace(api, headers=extension.headers).post("/api/v2/generate", JOB).json()["id"]
    other = api.with_key("client")
    assert other.get(f"/api/v2/jobs/{job_id}/status").status_code == 200
    for method, path in (
        ("POST", f"/api/v2/jobs/{job_id}/cancel"),
        ("POST", f"/api/v2/jobs/{job_id}/retry"),
        ("DELETE", f"/api/v1/queue/jobs/{job_id}"),
    ):
        assert other.call(method, path).json()["error"] == "forbidden"
    assert other.post(f"/api/v2/jobs/{job_id}/priority", {"priority": 5}).json()["error"] == "forbidden"
    assert other.post(f"/api/v2/jobs/{job_id}/move", {"target_server_alias": "any"}).json()["error"] == "forbidden"


def test_a_job_is_moved_ahead_elsewhere_and_tried_again(api: Api, extension: Extension) -> None:
    path = f"/api/v2/jobs/{api.post('/api/v2/generate', JOB).json()['id']}"
    assert api.post(f"{path}/priority", {"priority": "7"}).json()["job"]["priority"] == 7
    assert api.post(f"{path}/priority", {"priority": 70}).json()["details"]["field"] == "priority"
    assert api.post(f"{path}/move", {"target_server_alias": "any"}).json()["job"]["target_server_alias"] == "any"
    assert api.post(f"{path}/move", {"target_server_alias": "Main"}).json()["job"]["target_server_id"] == "Main"
    assert api.post(f"{path}/move", {"target_server_alias": "nowhere"}).json()["error"] == "server_not_found"
    assert api.post(f"{path}/retry").json()["error"] == "job_not_retryable"
    assert api.post(f"{path}/cancel").json()["job"]["state"] == "cancelled"
    assert api.post(f"{path}/retry").json()["job"]["state"] == "pending"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/jobs/88615c9d/status"),
        ("POST", "/api/v2/jobs/88615c9d/cancel"),
        ("GET", "/api/v1/queue/jobs/88615c9d/status"),
        ("POST", "/api/v1/queue/jobs/88615c9d/cancel"),
        ("DELETE", "/api/v1/queue/jobs/88615c9d"),
    ],
)
def test_a_job_that_is_not_there(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "job_not_found")


def test_both_kinds_of_headers_are_taken(extension: Extension) -> None:
    token = base64.b64encode(f"{extension.key}:{extension.secret}".encode()).decode()
    for path in ("/api/v1/servers", "/api/v2/servers"):
        answer = requests.get(extension.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert answer.status_code == 200


def test_the_second_version_lists_servers_with_host_and_port(api: Api, extension: Extension) -> None:
    answer = api.get("/api/v2/servers").json()
    main, attic = answer["servers"]
    assert answer["success"] is True
    assert (main["alias"], main["host"], main["port"]) == ("Main", "192.168.1.100", 7860)
    assert (attic["alias"], attic["host"], attic["port"]) == ("attic", None, None)


# Models


def test_a_list_of_models_has_what_both_kinds_of_clients_read(api: Api, extension: Extension) -> None:
    body = {"sha256": sha("anna"), "type": "LORA", "civitai_id": 257749, "base_model": "Pony"}
    api.post("/api/v1/models/register", body)
    answer = api.get("/api/v1/models", type="lora").json()
    (model,) = answer["models"]
    assert (answer["success"], answer["count"]) == (True, 1)
    assert api.get("/api/v1/models", baseModel="Pony").json()["models"] == [model]
    assert api.get("/api/v1/models", baseModel="SDXL 1.0").json()["models"] == []
    assert model["filename"] == "anna.safetensors" and model["relativePath"] == "models/Lora"
    assert (model["hash_sha256"], model["hash_autov2"]) == (sha("anna"), sha("anna")[:10])
    assert (model["baseModel"], model["civitai_url"]) == ("Pony", "https://civitai.com/models/257749")
    assert (model["sha256"], model["type"], model["base_model"]) == (sha("anna"), "LORA", "Pony")  # ours
    by_id = api.get(f"/api/v1/models/{model['id']}").json()
    assert by_id["model"]["sha256"] == sha("anna")


def test_checkpoints_and_loras_are_plain_lists_in_pages(api: Api) -> None:
    held = [entry(f"c{n}", path=f"sd/Pony/c{n}.safetensors", type="Checkpoint") for n in range(3)]
    held += [entry("l", type="LORA"), entry("d", type="DoRA"), entry("v", type="VAE")]
    api.synced({"models": held})
    api.post("/api/v1/models/register", {"sha256": sha("nowhere"), "type": "Checkpoint"})
    listed = api.get("/api/v1/checkpoints")
    assert {(each["relativePath"], each["filename"]) for each in listed.json()} == {
        ("sd/Pony", f"c{n}.safetensors") for n in range(3)
    }
    assert "X-Next-After" not in listed.headers
    assert {each["type"] for each in api.get("/api/v1/loras").json()} == {"LORA", "DoRA"}
    first = api.get("/api/v1/checkpoints", limit="2")
    second = api.get("/api/v1/checkpoints", limit="2", after=first.headers["X-Next-After"])
    assert len(first.json()) == 2 and len(second.json()) == 1
    assert first.json() + second.json() == listed.json()


def test_availability_is_answered_by_id_as_well(api: Api) -> None:
    api.synced({"models": [entry("anna")]})
    answer = api.availability("1")
    assert (answer["status"], answer["matched_by"], answer["servers"][0]["server_id"]) == ("available", "id", "attic")
    assert api.get("/api/v1/models/999999999/availability").json()["error"] == "model_not_found"


# Keys


def test_an_admin_makes_a_clients_key_and_lists_keys_without_secrets(api: Api) -> None:
    made = api.post("/api/v1/api-keys", {"name": "Extension Key"})
    assert made.status_code == 201
    told = made.json()
    assert (told["api_key"]["key"], told["api_key"]["secret"]) == (told["key"], told["secret"])
    client = replace(api, headers={"X-API-Key": told["key"], "X-API-Secret": told["secret"]})
    assert client.get("/api/v1/servers").status_code == 200
    assert client.get("/api/v1/api-keys").status_code == 403
    assert client.post("/api/v1/api-keys", {"name": "another"}).status_code == 403
    listed = api.get("/api/v1/api-keys")
    assert {each["name"] for each in listed.json()["api_keys"]} == {"a admin", "Extension Key"}
    assert told["secret"] not in listed.text
    assert api.post("/api/v1/api-keys", {}).json()["error"] == "missing_required_field"
    assert api.post("/api/v1/api-keys", {"name": 7}).status_code == 422


# Availability by hand


def stated(api: Api, content: str, server: str, **body: Any) -> requests.Response:
    path = f"/api/v1/models/{sha(content)}/availability"
    return api.post(path, body or None, headers={"x-server-id": server})


def taken_back(api: Api, content: str, server: str) -> requests.Response:
    return api.call("DELETE", f"/api/v1/models/{sha(content)}/availability", headers={"x-server-id": server})


@pytest.fixture
def silent(api: Api) -> Api:
    """A hub with two models on one server, and another server that no agent speaks for."""
    api.synced({"models": [entry("anna"), entry("bert")]}, "attic")
    api.post("/api/v1/servers", {"alias": "cellar"})
    return api


def test_a_server_without_an_agent_is_said_to_have_a_model(silent: Api) -> None:
    answer = stated(silent, "anna", "cellar")
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    attic, cellar = silent.availability(sha("anna"))["servers"]
    assert (cellar["server_id"], cellar["state"], cellar["hash_state"]) == ("cellar", "offline", "claimed")
    assert (cellar["path"], cellar["last_seen"]) == ("anna.safetensors", None)
    assert attic["state"] == "present"
    again = stated(silent, "anna", "cellar").json()
    assert [each["paths"] for each in again["servers"]] == [["models/Lora/anna.safetensors"], ["anna.safetensors"]]
    gone = taken_back(silent, "anna", "cellar")
    assert [each["server_id"] for each in gone.json()["servers"]] == ["attic"]
    assert taken_back(silent, "anna", "cellar").status_code == 200


def test_a_statement_says_where_if_it_can(silent: Api) -> None:
    assert stated(silent, "anna", "cellar", path="loras/a.safetensors").json()["servers"][1]["path"] == (
        "loras/a.safetensors"
    )
    answer = stated(silent, "bert", "cellar", path="loras/a.safetensors")
    assert (answer.status_code, answer.json()["error"]) == (409, "path_taken")
    assert stated(silent, "bert", "cellar", path="../x").json()["details"]["field"] == "path"


def test_the_agent_that_comes_finds_another_digest_and_has_the_last_word(silent: Api) -> None:
    stated(silent, "anna", "cellar")
    stated(silent, "bert", "cellar")
    (cellar,) = [each for each in silent.get("/api/v1/servers").json() if each["alias"] == "cellar"]
    assert cellar["count"] == 2
    own = [entry("bert", path="loras/bert.safetensors")]
    first = silent.heartbeat(own, "cellar")
    assert not first["in_sync"] and first["digest"] == cellar["digest"]
    told = silent.synced({"models": own, "digest": digest_of(own)}, "cellar")
    assert told["in_sync"] and told["changed"] == {"added": 1, "updated": 0, "removed": 2}
    assert silent.heartbeat(own, "cellar")["in_sync"]
    assert [each["server_id"] for each in silent.availability(sha("anna"))["servers"]] == ["attic"]


def test_while_an_agent_speaks_nobody_else_is_asked(silent: Api) -> None:
    for answer in (stated(silent, "anna", "attic"), taken_back(silent, "anna", "attic")):
        assert (answer.status_code, answer.json()["error"]) == (409, "server_has_agent")
    held = [entry("anna"), entry("bert")]
    assert silent.heartbeat(held)["in_sync"]
    silent.clock.now += 3600
    assert taken_back(silent, "anna", "attic").status_code == 200
    assert silent.availability(sha("anna"))["status"] == "unavailable"
    assert not silent.heartbeat(held)["in_sync"]  # the agent is back, and will send what differs


def test_what_is_stated_teaches_the_hub_nothing_of_the_model(silent: Api) -> None:
    before = silent.availability(sha("anna"))["model"]
    stated(silent, "anna", "cellar", path="other/name.ckpt")
    assert silent.availability(sha("anna"))["model"] == before


@pytest.mark.parametrize("scope", ["client", "agent"])
def test_others_may_not_state_what_a_server_has(silent: Api, scope: str) -> None:
    caller = silent.with_key(scope, "attic" if scope == "agent" else None)
    assert stated(caller, "anna", "cellar").status_code == 403
    assert taken_back(caller, "anna", "cellar").status_code == 403


def test_a_statement_without_a_server_or_of_an_unknown_one_is_refused(silent: Api) -> None:
    path = f"/api/v1/models/{sha('anna')}/availability"
    assert silent.post(path).json()["error"] == "missing_required_field"
    assert silent.post(path, {"server_id": 7}).status_code == 422
    assert silent.post(path, {"server_id": "nowhere"}).json()["error"] == "server_not_found"
    assert silent.post(path, {"server_id": "cellar"}).status_code == 200
    assert stated(silent, "unknown", "cellar").json()["error"] == "model_not_found"
    assert silent.delete(path).status_code == 422
    assert silent.delete(path + "?server_id=cellar").status_code == 200
