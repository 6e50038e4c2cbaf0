"""The client's side of jobs."""

import json
import threading
from typing import Any

import pytest
import responses
from quartermaster.hub_client import (
    NO_RETRY,
    BadAnswerError,
    Content,
    HubClient,
    NotFoundError,
    RetryPolicy,
    StoppedError,
    UnreachableError,
)

HUB = "http://attic.example:7807"
JOBS = f"{HUB}/api/v2/jobs"
JOB = "5c3b1a3e-6b7e-4d0f-9d4b-0a8f6a1f9f10"


@pytest.fixture
def hub() -> HubClient:
    return HubClient(HUB, retry=NO_RETRY)


def told(state: str = "pending", **more: Any) -> dict[str, Any]:
    return {"success": True, "job": {"id": JOB, "state": state, **more}}


@responses.activate
def test_a_job_is_submitted_once_whatever_happens() -> None:
    hub = HubClient(HUB, retry=RetryPolicy(attempts=3, base_seconds=0.0))
    url = f"{HUB}/api/v2/generate"
    warnings = [{"code": "lora_ecosystem", "message": "does not go with it"}]
    answer = {"success": True, "stablequeue_job_id": JOB, "requirements": [{"role": "lora"}], "warnings": warnings}
    responses.post(url, json=answer, status=202)
    made = hub.jobs.submit({"target_server_alias": "any", "generation_params": {"positive_prompt": "a cat"}})
    assert (made.ids, made.requirements, made.warnings) == ((JOB,), ({"role": "lora"},), tuple(warnings))
    assert made.wire == answer
    responses.replace("POST", url, body=ConnectionResetError())
    with pytest.raises(UnreachableError):
        hub.jobs.submit({})
    assert len(responses.calls) == 2


@responses.activate
def test_a_check_queues_nothing_and_a_bulk_has_many_ids(hub: HubClient) -> None:
    responses.post(f"{HUB}/api/v2/generate/check", json={"success": True, "able": [{"server_id": "attic"}]})
    checked = hub.jobs.check({})
    assert (checked.ids, checked.able) == ((), ({"server_id": "attic"},))
    bulk = {"success": True, "jobs": [{"stablequeue_job_id": "a"}, {"stablequeue_job_id": "b"}]}
    responses.post(f"{HUB}/api/v2/generate/bulk", json=bulk, status=202)
    assert hub.jobs.bulk({"bulk_quantity": 2}).ids == ("a", "b")


@responses.activate
def test_jobs_come_page_by_page(hub: HubClient) -> None:
    for query, answer in (
        ({"status": "pending"}, {"jobs": [told()["job"]], "next_cursor": "a&b"}),
        ({"status": "pending", "cursor": "a&b"}, {"jobs": [told(progress=0)["job"]], "next_cursor": None}),
    ):
        responses.get(JOBS, json=answer, match=[responses.matchers.query_param_matcher(query)])
    assert [job.id for job in hub.jobs.listed({"status": "pending"})] == [JOB, JOB]
    assert len(responses.calls) == 2


@responses.activate
def test_a_list_of_jobs_that_turns_in_a_circle_ends(hub: HubClient) -> None:
    responses.get(JOBS, json={"jobs": [], "next_cursor": "again"})
    with pytest.raises(BadAnswerError, match="never end"):
        list(hub.jobs.listed())


@responses.activate
def test_one_job_is_changed_by_the_routes_of_its_id(hub: HubClient) -> None:
    for word in ("cancel", "retry", "priority", "move"):
        responses.post(f"{JOBS}/{JOB}/{word}", json=told("cancelled"))
    jobs = hub.jobs
    for changed in (jobs.cancel(JOB), jobs.retry(JOB), jobs.set_priority(JOB, 3), jobs.move(JOB, None)):
        assert (changed.state, changed.has_ended) == ("cancelled", True)
    bodies = [call.request.body for call in responses.calls]
    assert bodies[:2] == [None, None]
    assert [json.loads(body) for body in bodies[2:] if body] == [{"priority": 3}, {"target_server_alias": "any"}]


@responses.activate
def test_a_job_that_is_not_there_is_not_found(hub: HubClient) -> None:
    refused = {"success": False, "error": "job_not_found", "message": "no", "details": {}}
    responses.get(f"{JOBS}/{JOB}/status", json=refused, status=404)
    with pytest.raises(NotFoundError) as caught:
        hub.jobs.get(JOB)
    assert caught.value.code == "job_not_found"


@responses.activate
def test_images_are_listed_and_fetched(hub: HubClient) -> None:
    responses.get(f"{JOBS}/{JOB}/images", json={"images": [{"n": 0, "content_type": "image/png"}]})
    responses.get(f"{JOBS}/{JOB}/images/0", body=b"\x89PNG", content_type="image/PNG; x=y")
    responses.get(f"{JOBS}/{JOB}/preview", body=b"\xff\xd8", content_type="image/jpeg")
    assert hub.jobs.images(JOB) == ({"n": 0, "content_type": "image/png"},)
    assert hub.jobs.image(JOB, 0) == Content(b"\x89PNG", "image/png")
    assert hub.jobs.preview(JOB) == Content(b"\xff\xd8", "image/jpeg")
    assert responses.calls[1].request.headers["Accept"].startswith("image/png")


@responses.activate
def test_what_is_no_image_is_not_taken_for_one(hub: HubClient) -> None:
    responses.get(f"{JOBS}/{JOB}/images/0", body=b"<html>", content_type="text/html")
    with pytest.raises(BadAnswerError, match="text/html"):
        hub.jobs.image(JOB, 0)
    refused = {"success": False, "error": "image_not_found", "message": "it was deleted", "details": {}}
    responses.replace("GET", f"{JOBS}/{JOB}/images/0", json=refused, status=404)
    with pytest.raises(NotFoundError, match="it was deleted"):
        hub.jobs.image(JOB, 0)


@responses.activate
def test_watching_tells_each_change_until_the_end(hub: HubClient) -> None:
    for state, progress in (("pending", 0), ("processing", 0.5), ("processing", 0.5), ("completed", 1)):
        responses.get(f"{JOBS}/{JOB}/status", json=told(state, progress=progress))
    seen = [(job.state, job.progress) for job in hub.jobs.watch(JOB, every_seconds=0.0)]
    assert seen == [("pending", 0.0), ("processing", 0.5), ("completed", 1.0)]


@responses.activate
def test_waiting_ends_in_time_or_when_it_is_told_to() -> None:
    stop = threading.Event()
    hub = HubClient(HUB, retry=NO_RETRY, stop=stop)
    responses.get(f"{JOBS}/{JOB}/status", json=told("processing"))
    assert hub.jobs.wait(JOB, timeout_seconds=0).state == "processing"
    watching = hub.jobs.watch(JOB, every_seconds=3600)
    assert next(watching).state == "processing"
    stop.set()
    with pytest.raises(StoppedError):
        next(watching)


@responses.activate
def test_watching_bears_a_hub_that_restarts_but_not_one_that_was_never_there(hub: HubClient) -> None:
    url = f"{JOBS}/{JOB}/status"
    responses.get(url, body=ConnectionResetError())
    with pytest.raises(UnreachableError):
        next(hub.jobs.watch(JOB, patience_seconds=60))
    responses.replace("GET", url, json=told("processing"))
    for answer in ({"body": ConnectionResetError()}, {"status": 503}, {"json": told("completed")}):
        responses.get(url, **answer)
    seen = [job.state for job in hub.jobs.watch(JOB, every_seconds=0.0, patience_seconds=60)]
    assert seen == ["processing", "completed"]
    for answer in ({"json": told("processing")}, {"body": ConnectionResetError()}):
        responses.get(url, **answer)
    watching = hub.jobs.watch(JOB, every_seconds=0.0)
    assert next(watching).state == "processing"
    with pytest.raises(UnreachableError):
        next(watching)
