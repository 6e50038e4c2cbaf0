"""What comes from outside and is wrong: a clear error or a visible state, and never a job lost, doubled or changed."""

import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import pytest
from quartermaster.hub.database import CLOCK
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.jobs.crew import (
    IMAGE,
    Worker,
    checkpoint,
    infotext,
    job_of,
    refused,
    submit,
    worker,
)
from quartermaster.tests.hub.samples import Api, entry, sha, statements_of, together, until

BASE = checkpoint("base")
LONGEST_LEASE_SECONDS = 61.0
HOUR_SECONDS = 3600.0


@pytest.fixture
def attic(api: Api) -> Worker:
    return worker(api).has(BASE)


def is_as_it_was(api: Api, job_id: str, server: str = "attic") -> None:
    told = job_of(api, job_id)
    assert (told["state"], told["server_id"], told["images"]) == ("processing", server, []), told


def history(api: Api, job_id: str) -> list[tuple[str, str | None]]:
    return [(attempt["server_id"], attempt["outcome"]) for attempt in job_of(api, job_id)["attempts"]]


def lapse(api: Api, job_id: str, *workers: Worker) -> None:
    """Let a lease run out, while these servers are heard of."""
    api.clock.now += LONGEST_LEASE_SECONDS
    for each in workers:
        each.has(*each.holds)
    until(lambda: job_of(api, job_id)["state"] != "processing")


def test_an_agent_that_claims_and_dies_loses_the_job_and_the_last_failure_says_so(api: Api, attic: Worker) -> None:
    barn = worker(api, "barn").has(BASE)
    job_id = submit(api)
    for taker in (attic, barn, attic):
        assert taker.take()["id"] == job_id
        lapse(api, job_id, attic, barn)
    told = job_of(api, job_id)
    assert (told["state"], told["error_code"]) == ("failed", "attempts_exhausted")
    assert "3" in told["error_message"]
    assert history(api, job_id) == [("attic", "lost"), ("barn", "lost"), ("attic", "lost")]


def test_a_result_after_the_lease_was_lost_is_not_taken(api: Api, attic: Worker) -> None:
    barn = worker(api, "barn").has(BASE)
    job_id = submit(api)
    late = attic.take()
    assert attic.upload(late).status_code == 200
    lapse(api, job_id, barn)
    mine = barn.take()
    for answer in (attic.progress(late), attic.upload(late), attic.complete(late), attic.fail(late)):
        assert refused(answer, 409, "lease_lost")["details"]["state"] == "processing"
    is_as_it_was(api, job_id, "barn")
    refused(barn.complete(mine), 409, "image_missing")  # the picture that is there is another attempt's
    assert barn.upload(mine).status_code == 200 and barn.complete(mine).json()["accepted"] is True
    assert refused(attic.complete(late), 409, "lease_lost")["details"]["state"] == "completed"
    assert history(api, job_id) == [("attic", "lost"), ("barn", "completed")]


def test_a_job_is_completed_once_however_often_and_at_once_that_is_said(api: Api, attic: Worker) -> None:
    job_id = submit(api)
    job = attic.take()
    assert attic.upload(job).status_code == 200
    answers = together(6, lambda number: attic.complete(job).json())
    assert [answer["accepted"] for answer in answers] == [True] * 6
    assert sorted(bool(answer.get("repeated")) for answer in answers) == [False] + [True] * 5
    assert attic.complete(job).json()["repeated"] is True
    assert attic.fail(job).json()["state"] == "completed", "it is told what became of it, and changes nothing"
    refused(attic.upload(job, IMAGE + b"another"), 409, "lease_lost")
    told = [e for e in api.get("/api/v1/events", kind="job", last=500).json()["events"] if e["data"]["id"] == job_id]
    assert [event["data"]["state"] for event in told].count("completed") == 1
    assert history(api, job_id) == [("attic", "completed")]


def test_nobody_reports_a_job_that_is_not_his(api: Api, attic: Worker) -> None:
    """Not even with the lease, should he have come by it, nor a person who may do everything else."""
    job_id = submit(api)
    job = attic.take()
    barn = worker(api, "barn").has(BASE)
    stranger = Worker(api.with_key("client"), "attic")
    for other, status in ((barn, 403), (stranger, 403)):
        for answer in (other.progress(job), other.upload(job), other.complete(job), other.fail(job)):
            refused(answer, status)
    for guess in ("", "x", "x" * 5000, job["lease"][:-1]):
        wrong = {**job, "lease": guess}
        for answer in (attic.progress(wrong), attic.complete(wrong), attic.fail(wrong)):
            assert answer.status_code in {409, 422}, answer.text
    for unknown in ("nothing", "00000000-0000-4000-8000-000000000000", "%2e%2e", "x" * 300):
        assert attic.progress({**job, "id": unknown}).status_code == 404
    is_as_it_was(api, job_id)
    refused(Worker(barn.api, "attic").ask(), 403)


def test_two_agents_of_one_server_do_not_take_each_others_jobs(api: Api, attic: Worker) -> None:
    job_id = submit(api)
    job = attic.take()
    other = Worker(attic.api, "attic", "another agent")
    refused(other.ask(), 409, "server_id_in_use")
    is_as_it_was(api, job_id)
    assert attic.progress(job).status_code == 200


class TooLarge:
    """200 MB that are made as they are sent."""

    size = 200_000_000

    def __init__(self) -> None:
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < self.size:
            self.sent += 1 << 20
            yield b"x" * (1 << 20)


def test_an_image_of_200_mb_is_refused_and_costs_no_memory_and_no_job(api: Api, attic: Worker) -> None:
    submit(api)
    job = attic.take()
    body = TooLarge()
    told = refused(attic.upload(job, iter(body)), 413, "body_too_large")
    assert "64 MiB" in told["message"] or "67108864" in told["message"]
    told = refused(attic.upload(job, b"", **{"Content-Length": str(TooLarge.size)}), 413, "body_too_large")
    assert attic.upload(job).status_code == 200
    assert attic.complete(job).json()["accepted"] is True


@pytest.mark.parametrize("lie", [-HOUR_SECONDS, HOUR_SECONDS])
def test_a_hub_whose_clock_was_an_hour_off_keeps_no_job_from_running(
    settings: HubSettings, start_api: Any, lie: float
) -> None:
    api: Api = start_api(settings)
    api.clock.now += lie
    attic = worker(api).has(BASE)
    job_id = submit(api)
    job = attic.take()
    api.clock.now -= lie
    api = start_api(
        settings
    )  # as another process of the same hub, or the same one started anew, with a clock set right
    attic = worker(api)
    attic.has(BASE)
    barn = worker(api, "barn").has(BASE)
    lapse(api, job_id, barn)
    mine = barn.take()
    refused(attic.complete(job), 409, "lease_lost")
    assert barn.upload(mine).status_code == 200 and barn.complete(mine).json()["accepted"] is True


def test_hubs_that_share_a_database_share_its_time(
    settings: HubSettings, lay_out: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose machine is an hour ahead would take every job away from its server, again and again."""
    lay_out(settings)
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + HOUR_SECONDS)
    with closing(Hub(settings)) as hub:
        ahead_seconds = hub.clock() - true_time()
        with hub.database.read() as connection:
            assert connection.get_execution_options()[CLOCK] is hub.clock
        # With SQLite all hubs are on one machine, whose clock this is.
        assert (abs(ahead_seconds) < HOUR_SECONDS / 2) is not hub.database.is_sqlite


def test_a_picture_of_another_model_fails_the_job_and_says_which(api: Api, attic: Worker) -> None:
    job_id = submit(api, model_hash=sha("base")[:10])
    job = attic.take()
    assert attic.upload(job).status_code == 200
    said = infotext(Model_hash=sha("other")[:10], Model="other")
    image = {"n": 0, "sha256": sha256(IMAGE).hexdigest(), "infotext": said}
    attic.complete(job, images=[image])
    told = job_of(api, job_id)
    assert (told["state"], told["error_code"]) == ("failed", "wrong_model")
    assert sha("other")[:10] in told["error_message"] and told["images"] == []


def test_a_hash_that_nobody_knows_waits_until_somebody_has_it(api: Api, attic: Worker) -> None:
    unknown = sha("to come")
    job_id = submit(api, "to come", model_hash=unknown[:10])
    told = job_of(api, job_id)
    assert (told["state"], told["waiting"]["code"]) == ("pending", "unknown_model"), told
    assert "to come" in told["waiting"]["message"]
    assert attic.claim() is None
    attic.has(BASE, checkpoint("to come"))
    until(lambda: (attic.claim() or {}).get("id") == job_id)


def test_five_hundred_lora_tags_are_five_hundred_requirements(api: Api, attic: Worker) -> None:
    names = [f"lora {n:03}" for n in range(500)]
    job_id = submit(api, positive_prompt="a cat " + " ".join(f"<lora:{name}:0.5>" for name in names))
    assert attic.claim() is None
    told = job_of(api, job_id)
    assert len(told["requirements"]) == 501 and told["waiting"]["message"]
    attic.has(BASE, *(entry(name) for name in names[:-1]))
    assert attic.claim() is None
    attic.has(BASE, *(entry(name) for name in names))
    taken: list[dict[str, Any]] = []
    until(lambda: bool((job := attic.claim()) and not taken.append(job)))
    [job] = taken
    assert sorted(each["name"] for each in job["requirements"] if each["role"] == "lora") == names


def test_names_that_become_known_together_are_written_together(api: Api, attic: Worker) -> None:
    """One at a time, each with a look at all that its job asks for, 500 of them took the hub 20 seconds."""
    api.hub.waking.job.work = lambda: False  # what runs beside shall not come first

    def statements_for(count: int) -> int:
        names = [f"{number} of {count}" for number in range(count)]
        job_id = submit(api, positive_prompt=" ".join(f"<lora:{name}:0.5>" for name in names))
        attic.has(BASE, *(entry(name) for name in names))
        api.hub.indexing.refresh()
        with statements_of(api) as seen:
            assert api.hub.waking.look() is False
        assert attic.take()["id"] == job_id
        return len(seen)

    assert statements_for(5) == statements_for(200)
