"""Jobs between the real client and the real hub: asked for, run by a server's agent, watched, fetched."""

import hashlib
import threading

import pytest
from quartermaster.hub_client import (
    LEASE_LOST,
    Claim,
    ClaimedJob,
    ConflictError,
    Content,
    ForbiddenError,
    FullList,
    HubClient,
    InvalidRequestError,
    MadeImage,
    ModelEntry,
    NotFoundError,
    Progress,
)
from quartermaster.hub_client.errors import BadAnswerError
from quartermaster.tests.contract.conftest import Site, eventually
from quartermaster.tests.hub.jobs.rows import png

SHA = hashlib.sha256(b"pony").hexdigest()
ASKED = {"positive_prompt": "a cat", "checkpoint_name": "pony", "seed": 7, "steps": 20}
BODY = {"target_server_alias": "any", "generation_params": ASKED}
IMAGE = png(300_000)


@pytest.fixture
def attic(site: Site) -> HubClient:
    """The agent of a server that has one checkpoint."""
    agent = site.client("agent", "attic")
    agent.push_full("attic", FullList([ModelEntry("models/Stable-diffusion/pony.safetensors", "Checkpoint", 9, SHA)]))
    return agent


def claimed(agent: HubClient, server: str = "attic") -> ClaimedJob:
    job = agent.work.claim(server, Claim("a-1", wait_seconds=60.0, runtime="forge"))
    assert job is not None
    return job


def infotext(sha: str = SHA) -> str:
    return f"a cat\nSteps: 20, Seed: 7, Model hash: {sha[:10]}, Model: pony"


def made(agent: HubClient, job: ClaimedJob, sha: str = SHA) -> None:
    agent.work.upload(job.id, job.lease, 0, Content(IMAGE, "image/png"))
    image = MadeImage(0, hashlib.sha256(IMAGE).hexdigest(), infotext(sha))
    agent.work.complete(job.id, job.lease, [image], seconds=2.0, loaded=SHA)


def test_a_job_goes_all_the_way(site: Site, attic: HubClient) -> None:
    client = site.client()
    checked = client.jobs.check(BODY)
    assert checked.ids == () and checked.requirements[0]["status"] == "available"
    (job_id,) = client.jobs.submit(BODY).ids
    seen: list[str] = []
    ended = threading.Thread(target=lambda: seen.extend(job.state for job in client.jobs.watch(job_id, 0.05)))
    ended.start()
    eventually(lambda: seen == ["pending"] or seen, "somebody who watches")

    job = claimed(attic)
    assert (job.id, job.mode, job.attempt) == (job_id, "txt2img", 1)
    assert (job.payload["prompt"], job.payload["seed"]) == ("a cat", 7)
    (needed,) = job.requirements
    assert (needed.role, needed.sha256) == ("checkpoint", (SHA,))
    assert needed.paths == ("models/Stable-diffusion/pony.safetensors",)
    assert attic.work.progress(job.id, job.lease, Progress(0.25, "running", 5, 20, 3.0)) > 0
    told = client.jobs.get(job_id)
    assert (told.state, told.server_id, told.progress, told.phase) == ("processing", "attic", 0.25, "running")
    made(attic, job)
    made(attic, job)  # its answer was lost: the same again is taken for the same
    ended.join(60)
    assert seen[0] == "pending" and seen[-1] == "completed"

    (image,) = client.jobs.images(job_id)
    assert (image["sha256"], image["infotext"]) == (hashlib.sha256(IMAGE).hexdigest(), infotext())
    assert client.jobs.image(job_id, 0) == Content(IMAGE, "image/png")
    assert client.jobs.get(job_id).images[0]["n"] == 0
    with pytest.raises(NotFoundError):
        client.jobs.preview(job_id)


def test_an_image_of_another_model_fails_the_job_and_is_not_kept(site: Site, attic: HubClient) -> None:
    client = site.client()
    (job_id,) = client.jobs.submit(BODY).ids
    with pytest.raises(BadAnswerError, match="did not accept") as caught:
        made(attic, claimed(attic), "0" * 64)
    assert caught.value.field == "accepted"
    told = client.jobs.wait(job_id, timeout_seconds=60)
    assert (told.state, told.error_code, told.images) == ("failed", "wrong_model", ())
    assert client.jobs.images(job_id) == ()
    assert client.jobs.retry(job_id).state == "pending"
    assert claimed(attic).id == job_id


def test_a_lease_that_was_lost_is_lost_for_everything(site: Site, attic: HubClient) -> None:
    client = site.client()
    first, second = client.jobs.bulk({**BODY, "bulk_quantity": 2, "seed_variation": "increment"}).ids
    job = claimed(attic)
    assert job.id == first
    assert client.jobs.cancel(first).state == "cancelled"
    for say in (
        lambda: attic.work.progress(first, job.lease, Progress(0.5, "running")),
        lambda: attic.work.upload(first, job.lease, 0, Content(IMAGE, "image/png")),
        lambda: attic.work.fail(first, job.lease, "generation_failed", "no"),
    ):
        with pytest.raises(ConflictError) as caught:
            say()
        assert (caught.value.code, caught.value.details["state"]) == (LEASE_LOST, "cancelled")
    again = claimed(attic)
    assert again.id == second and again.payload["seed"] == 8
    attic.work.fail(second, again.lease, "busy", "somebody draws here", retry=True)
    assert client.jobs.get(second).state == "pending"
    assert [job.id for job in client.jobs.listed({"limit": "1"})] == [second, first]


def test_a_job_is_moved_and_put_ahead_by_whoever_submitted_it(site: Site, attic: HubClient) -> None:
    client, other = site.client(), site.client()
    (job_id,) = client.jobs.submit(BODY).ids
    assert client.jobs.set_priority(job_id, 3).priority == 3
    assert client.jobs.move(job_id, "attic").target_server_id == "attic"
    assert client.jobs.move(job_id, None).target_server_id is None
    with pytest.raises(ForbiddenError):
        other.jobs.cancel(job_id)
    with pytest.raises(NotFoundError) as caught:
        client.jobs.move(job_id, "nowhere")
    assert caught.value.code == "server_not_found"
    with pytest.raises(InvalidRequestError) as wrong:
        client.jobs.submit({"target_server_alias": "any"})
    assert wrong.value.code == "missing_required_field"
    with pytest.raises(NotFoundError) as nobody:
        client.jobs.get("5c3b1a3e-6b7e-4d0f-9d4b-0a8f6a1f9f10")
    assert nobody.value.code == "job_not_found"


def test_an_image_over_the_limit_is_refused_and_one_at_it_is_taken(site: Site, attic: HubClient) -> None:
    client = site.client()
    (job_id,) = client.jobs.submit(BODY).ids
    job = claimed(attic)
    with pytest.raises(InvalidRequestError) as caught:
        attic.work.upload(job_id, job.lease, 0, Content(png(65 * 2**20), "image/png"))
    assert (caught.value.status, caught.value.code) == (413, "body_too_large")
    attic.work.upload(job_id, job.lease, 0, Content(png(63 * 2**20), "image/png"))
