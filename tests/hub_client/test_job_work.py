"""The agent's side of jobs: what is sent, what is read, and how a waiting claim ends."""

import gzip
import json
import socket
import threading
from typing import Any

import pytest
import responses
from quartermaster.hub_client import (
    LEASE_LOST,
    NO_RETRY,
    BadAnswerError,
    Claim,
    ClaimedJob,
    ConflictError,
    Content,
    HubClient,
    MadeImage,
    NeededModel,
    Progress,
    RetryPolicy,
    SetupError,
    StoppedError,
    UnreachableError,
)
from quartermaster.tests.hub_client.conftest import WireServer

HUB = "http://attic.example:7807"
CLAIM = f"{HUB}/api/v1/servers/attic/jobs/claim"
JOB = "5c3b1a3e-6b7e-4d0f-9d4b-0a8f6a1f9f10"
SHA = "ab" * 32
NEEDED = {
    "slot": 0, "role": "checkpoint", "name": "pony", "source": "checkpoint_name", "weight": None,
    "sha256": [SHA.upper()], "paths": ["models/Stable-diffusion/pony.safetensors"],
}  # fmt: skip
GIVEN = {
    "id": JOB, "lease": "secret", "lease_seconds": 60, "attempt": 1, "mode": "img2img", "payload": {"steps": 20},
    "inputs": {"init_images.0": "AAAA"}, "requirements": [NEEDED], "target_server_id": None, "title": "a cat",
}  # fmt: skip


@pytest.fixture
def hub() -> HubClient:
    return HubClient(HUB, retry=NO_RETRY)


def sent(index: int = -1) -> Any:
    request = responses.calls[index].request
    body = request.body
    return json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)


def lost(state: str) -> dict[str, Any]:
    return {"success": False, "error": "lease_lost", "message": "no", "details": {"state": state}}


@responses.activate
def test_a_claim_says_what_runs_and_is_given_a_job(hub: HubClient) -> None:
    responses.post(CLAIM, json={"success": True, "job": GIVEN})
    job = hub.work.claim("attic", Claim("a-1", ["other"], SHA, "forge", 7.5))
    assert job == ClaimedJob(
        JOB, "secret", 60.0, 1, "img2img", {"steps": 20},
        (NeededModel(0, "checkpoint", "pony", (SHA,), (NEEDED["paths"][0],), "checkpoint_name"),),
        {"init_images.0": "AAAA"}, None, "a cat",
    )  # fmt: skip
    assert sent() == {
        "protocol": 1, "agent_id": "a-1", "wait_seconds": 7.5, "running": ["other"], "loaded": SHA, "runtime": "forge",
    }  # fmt: skip


@responses.activate
def test_a_claim_for_which_no_job_came_is_none(hub: HubClient) -> None:
    responses.post(CLAIM, json={"success": True, "job": None})
    assert hub.work.claim("attic", Claim("a-1")) is None


@responses.activate
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lease": None}, "job.lease"),
        ({"payload": []}, "job.payload"),
        ({"requirements": None}, "job.requirements"),
        ({"inputs": {"mask": 3}}, "job.inputs.mask"),
        ({"requirements": [{**NEEDED, "sha256": []}]}, "job.requirements[0].sha256"),
    ],
)
def test_a_job_that_cannot_be_run_as_asked_is_a_bad_answer(hub: HubClient, change: dict[str, Any], field: str) -> None:
    responses.post(CLAIM, json={"success": True, "job": {**GIVEN, **change}})
    with pytest.raises(BadAnswerError) as caught:
        hub.work.claim("attic", Claim("a-1"))
    assert caught.value.field == field


def test_a_waiting_claim_ends_when_the_client_is_told_to_stop(wire: WireServer) -> None:
    stop, asked = threading.Event(), threading.Event()

    def silent(connection: socket.socket) -> None:
        wire.read_request(connection)
        asked.set()
        wire.over.wait()

    hub = HubClient(wire.behave(silent), retry=NO_RETRY, stop=stop)
    ended: list[BaseException] = []

    def claim() -> None:
        try:
            hub.work.claim("attic", Claim("a-1", wait_seconds=3600))
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=claim)
    thread.start()
    assert asked.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(ended[0], StoppedError)


@responses.activate
def test_progress_keeps_the_lease_and_is_sent_once() -> None:
    hub = HubClient(HUB, retry=RetryPolicy(attempts=3, base_seconds=0.0))
    url = f"{HUB}/api/v1/jobs/{JOB}/progress"
    responses.post(url, json={"success": True, "lease_seconds": 60})
    assert hub.work.progress(JOB, "secret", Progress(0.5, "running", 10, 20, preview="AAAA")) == 60.0
    assert sent() == {
        "lease": "secret", "progress": 0.5, "phase": "running", "step": 10, "steps": 20, "preview": "AAAA",
    }  # fmt: skip
    responses.replace("POST", url, body=ConnectionResetError())
    with pytest.raises(UnreachableError):
        hub.work.progress(JOB, "secret", Progress(0.6, "running"))
    assert len(responses.calls) == 2


@responses.activate
def test_an_image_goes_as_it_is_with_its_lease(hub: HubClient) -> None:
    responses.put(f"{HUB}/api/v1/jobs/{JOB}/images/0", json={"success": True})
    hub.work.upload(JOB, "secret", 0, Content(b"\x89PNG" + b"\0" * 5000, "image/png"))
    request = responses.calls[0].request
    assert request.body == b"\x89PNG" + b"\0" * 5000
    assert request.headers["Content-Type"] == "image/png"
    assert request.headers["X-Job-Lease"] == "secret"
    assert "Content-Encoding" not in request.headers


@responses.activate
def test_a_job_is_completed_with_its_images(hub: HubClient) -> None:
    url = f"{HUB}/api/v1/jobs/{JOB}/complete"
    responses.post(url, json={"success": True, "accepted": True, "repeated": True})
    hub.work.complete(JOB, "secret", [MadeImage(0, SHA, "a cat\nSteps: 20")], seconds=3.5, loaded=SHA)
    image = {"n": 0, "sha256": SHA, "infotext": "a cat\nSteps: 20"}
    assert sent() == {"lease": "secret", "images": [image], "seconds": 3.5, "loaded": SHA}
    responses.replace("POST", url, json={"success": True, "accepted": False, "message": "made with another\x1b"})
    with pytest.raises(BadAnswerError, match=r"did not accept .* made with another $") as caught:
        hub.work.complete(JOB, "secret", [], seconds=1.0)
    assert caught.value.field == "accepted"


@responses.activate
def test_a_job_is_handed_back_even_by_an_agent_that_stops() -> None:
    stop = threading.Event()
    stop.set()
    hub = HubClient(HUB, stop=stop)
    responses.post(f"{HUB}/api/v1/jobs/{JOB}/fail", json={"success": True})
    with pytest.raises(StoppedError):
        hub.work.fail(JOB, "secret", "stopping", "the web UI ends", retry=True)
    hub.work.fail(JOB, "secret", "stopping", "the web UI ends", retry=True, farewell=True)
    assert sent() == {
        "lease": "secret", "code": "stopping", "message": "the web UI ends", "retry": True, "missing": [],
    }  # fmt: skip


@responses.activate
def test_a_lost_lease_says_in_which_state_the_job_is(hub: HubClient) -> None:
    for method, word in (("POST", "progress"), ("PUT", "images/0"), ("POST", "complete"), ("POST", "fail")):
        responses.add(method, f"{HUB}/api/v1/jobs/{JOB}/{word}", json=lost("cancelled"), status=409)
    for call in (
        lambda: hub.work.progress(JOB, "old", Progress(0.1, "loading")),
        lambda: hub.work.upload(JOB, "old", 0, Content(b"x", "image/png")),
        lambda: hub.work.complete(JOB, "old", [], seconds=1.0),
        lambda: hub.work.fail(JOB, "old", "busy", "no"),
    ):
        with pytest.raises(ConflictError) as caught:
            call()
        assert caught.value.code == LEASE_LOST
        assert caught.value.details["state"] == "cancelled"


@pytest.mark.parametrize("job_id", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(hub: HubClient, job_id: str) -> None:
    with pytest.raises(SetupError):
        hub.work.fail(job_id, "lease", "busy", "no")
    with pytest.raises(SetupError):
        hub.work.claim(job_id, Claim("a-1"))
