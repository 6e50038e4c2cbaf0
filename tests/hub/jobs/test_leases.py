"""Whoever has a job's lease may speak of it; whatever dies when, no job is lost and no result is taken twice."""

from collections.abc import Callable
from typing import Any

import pytest
from quartermaster.hub.jobs.job import MAX_ATTEMPTS
from quartermaster.hub.schema import job_attempts, jobs
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.job_samples import (
    Agent,
    agent,
    check_needs,
    checkpoint,
    have,
    new_job,
    queued,
    row,
    stand_still,
)
from quartermaster.tests.hub.samples import Api, FakeClock, until
from sqlalchemy import select, update


@pytest.fixture
def pair(api: Api) -> tuple[Agent, Agent]:
    """Two servers with the same checkpoint."""
    stand_still(api.hub, "leases")
    for server in ("attic", "cellar"):
        have(api, server, [checkpoint("x")])
    return agent(api, "attic"), agent(api, "cellar")


def later(api: Api, seconds: float) -> None:
    api.clock.now += seconds
    while api.hub.leases.expire():
        pass


def attempts(api: Api, public_id: str) -> list[tuple[str, str | None]]:
    with api.hub.database.read() as connection:
        query = select(job_attempts.c.server_id, job_attempts.c.outcome).join(jobs).where(jobs.c.public_id == public_id)
        return [(one[0], one[1]) for one in connection.execute(query.order_by(job_attempts.c.number))]


def test_a_dead_agents_job_goes_to_another_and_after_as_many_as_it_may_fails(
    api: Api, pair: tuple[Agent, Agent]
) -> None:
    attic, cellar = pair
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    assert cellar.claim(loaded=None) is not None
    cellar.give_up()
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    job: Any = attic.claim()
    later(api, 59)
    attic.say("progress", job, progress=0.1)
    later(api, 59)
    assert row(api.hub, wanted).state == "processing"
    later(api, 2)
    assert row(api.hub, wanted).state == "pending"
    check_needs(api.hub)
    assert attic.claim(running=[]) is None  # the other one first
    taken: Any = cellar.claim()
    assert taken["id"] == wanted and taken["lease"] != job["lease"]
    for what in ("progress", "complete", "fail"):
        more = {"images": [{"n": 0, "sha256": "0" * 64}]} if what == "complete" else {"code": "busy", "retry": True}
        late = attic.say(what, job, **more)
        assert (late.status_code, late.json()["error"]) == (409, "lease_lost"), what
    cellar.runs.clear()
    for _ in range(MAX_ATTEMPTS - 2):
        later(api, 61)
        later(api, 61)
        assert attic.claim(running=[]) is not None
    later(api, 61)
    failed = row(api.hub, wanted)
    assert (failed.state, failed.error_code) == ("failed", "attempts_exhausted")
    assert [outcome for _, outcome in attempts(api, wanted)] == ["lost"] * MAX_ATTEMPTS


def test_a_job_whose_answer_was_lost_is_given_again_at_once_and_that_is_no_attempt(
    api: Api, pair: tuple[Agent, Agent]
) -> None:
    attic, _ = pair
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    first: Any = attic.claim()
    again: Any = attic.claim(running=[])
    assert again["id"] == wanted and again["lease"] != first["lease"]
    assert row(api.hub, wanted).attempts == 1
    assert attic.say("progress", first).json()["error"] == "lease_lost"
    assert attic.claim() is None  # it is among those that it runs


def test_an_agent_that_restarted_in_the_middle_has_used_up_an_attempt(api: Api, pair: tuple[Agent, Agent]) -> None:
    attic, _ = pair
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    first: Any = attic.claim()
    attic.say("progress", first, progress=0.4)
    attic.claim(running=[])
    assert row(api.hub, wanted).attempts == 1 and row(api.hub, wanted).state == "pending"
    api.clock.now += 11  # nobody else takes jobs: after a moment it may have it again
    assert attic.claimed(running=[]) == wanted
    assert row(api.hub, wanted).attempts == 2


def test_a_job_that_is_handed_back_has_used_up_nothing_and_the_same_word_twice_is_one(
    api: Api, pair: tuple[Agent, Agent]
) -> None:
    attic, cellar = pair
    assert cellar.claim() is None
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    job: Any = attic.claim()
    said = [attic.say("fail", job, code="busy", message="somebody generates by hand", retry=True) for _ in range(2)]
    assert [one.json() for one in said] == [
        {"success": True, "state": "pending"},
        {"success": True, "state": "pending", "repeated": True},
    ]
    attic.runs.clear()
    assert row(api.hub, wanted).attempts == 0
    assert attic.claim() is None
    assert cellar.claimed() == wanted
    assert attempts(api, wanted) == [("attic", "handed_back"), ("cellar", None)]


def test_the_leases_of_another_server_and_guessed_ones_are_refused(api: Api, pair: tuple[Agent, Agent]) -> None:
    attic, cellar = pair
    queued(api.hub, new_job(api.hub, "x"))
    job: Any = attic.claim()
    stolen = cellar.say("progress", job)
    assert (stolen.status_code, stolen.json()["error"]) == (403, "forbidden")
    guessed = cellar.say("complete", {**job, "lease": "0" * 40}, images=[{"n": 0, "sha256": "0" * 64}])
    assert (guessed.status_code, guessed.json()["error"]) == (409, "lease_lost")
    unknown = attic.say("fail", {**job, "id": "no-such-job"}, code="busy")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "job_not_found")
    client = api.with_key("client").post(f"/api/v1/jobs/{job['id']}/progress", {"lease": job["lease"]})
    assert client.status_code == 403


def test_a_hub_that_was_away_lets_who_runs_jobs_come_back_first(
    settings: HubSettings, start_api: Callable[..., Api], clock: FakeClock
) -> None:
    before = start_api(settings)
    stand_still(before.hub, "leases")
    have(before, "attic", [checkpoint("x")])
    attic = agent(before, "attic")
    [wanted] = queued(before.hub, new_job(before.hub, "x"))
    job: Any = attic.claim()
    clock.now += 3600
    after = start_api(settings)  # the other one counts as killed
    stand_still(after.hub, "leases")
    after.hub.leases.expire()
    assert row(after.hub, wanted).state == "processing"
    attic.api = Api(after.address, attic.api.session, attic.api.headers, after.hub, clock)
    assert attic.complete(job).json()["accepted"]


def test_a_hub_whose_clock_was_set_back_waits_no_longer_than_a_lease(
    settings: HubSettings, start_api: Callable[..., Api], clock: FakeClock
) -> None:
    before = start_api(settings)
    stand_still(before.hub, "leases")
    have(before, "attic", [checkpoint("x")])
    [wanted] = queued(before.hub, new_job(before.hub, "x"))
    assert agent(before, "attic").claim() is not None
    clock.now -= 3600
    after = start_api(settings)
    later(after, 61)
    assert row(after.hub, wanted).state == "pending"


def test_what_a_removed_server_ran_is_taken_back(api: Api) -> None:
    for server in ("attic", "cellar"):
        have(api, server, [checkpoint("x")])
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    assert agent(api, "attic").claim() is not None
    api.clock.now += 61
    have(api, "cellar", [checkpoint("x")])
    assert api.delete("/api/v1/servers/attic").status_code == 200
    until(lambda: row(api.hub, wanted).state == "pending")
    check_needs(api.hub)
    assert agent(api, "cellar").claimed() == wanted


def test_a_lease_that_ran_out_and_was_not_taken_back_yet_still_counts(api: Api, pair: tuple[Agent, Agent]) -> None:
    attic, _ = pair
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    job: Any = attic.claim()
    api.hub.database.write(
        lambda connection: connection.execute(update(jobs).where(jobs.c.public_id == wanted).values(lease_until=1.0))
    )
    assert attic.complete(job).json()["accepted"]


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("progress", {}, "lease"),
        ("progress", {"lease": "x", "progress": 2}, "progress"),
        ("progress", {"lease": "x", "phase": "dreaming"}, "phase"),
        ("progress", {"lease": "x", "preview": "bm8gaW1hZ2U="}, "preview"),
        ("complete", {"lease": "x", "images": []}, "images"),
        ("complete", {"lease": "x", "images": [{"n": 0}]}, "images[0].sha256"),
        ("fail", {"lease": "x"}, "code"),
        ("fail", {"lease": "x", "code": "Out of memory"}, "code"),
        ("fail", {"lease": "x", "code": "busy", "missing": ["x"]}, "missing"),
    ],
)
def test_reports_that_are_none_say_which_field_is_wrong(
    pair: tuple[Agent, Agent], what: str, body: dict[str, Any], field: str
) -> None:
    answer = pair[0].api.post(f"/api/v1/jobs/any/{what}", body)
    assert (answer.status_code, answer.json()["details"].get("field")) == (422, field), answer.text
