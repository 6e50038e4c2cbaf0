"""Jobs that servers give back: when they are tried there again, and what is said of it meanwhile."""

from typing import Any

from quartermaster.hub.jobs.returns import ALONE_SECONDS, LONGEST_SECONDS
from quartermaster.hub.keys import Caller
from quartermaster.tests.hub.job_samples import Agent, agent, checkpoint, have, new_job, queued
from quartermaster.tests.hub.samples import Api

ADMIN = Caller(None, "admin", None, "the admin")


def give_back(who: Agent, code: str) -> str:
    """Take a job and hand it back."""
    job: Any = who.claim()
    assert job is not None
    assert who.say("fail", job, code=code, message="two files bear that name", retry=True).status_code == 200
    who.runs.clear()
    return str(job["id"])


def waiting(api: Api, wanted: str) -> dict[str, str]:
    told: dict[str, str] = api.hub.job_list.one(wanted)["waiting"]
    return told


def test_what_will_be_wrong_the_next_time_is_tried_ever_later_and_the_job_says_why_it_waits(api: Api) -> None:
    have(api, "attic", [checkpoint("x")])
    attic = agent(api, "attic")
    assert attic.claim() is None
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    pauses = []
    for _ in range(8):
        give_back(attic, "ambiguous_name")
        have(api, "attic", [checkpoint("x")])  # it was heard of
        told, began = waiting(api, wanted), api.clock.now
        assert told["code"] == "handed_back" and "attic gave it back (ambiguous_name: two files" in told["message"]
        api.clock.now = began + min(ALONE_SECONDS * 2 ** len(pauses), LONGEST_SECONDS) - 1
        assert attic.claim() is None
        api.clock.now += 2
        pauses.append(api.clock.now - 1 - began)
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600]
    give_back(attic, "ambiguous_name")
    have(api, "attic", [checkpoint("x")])
    assert waiting(api, wanted)["message"].endswith("it is tried there again in 10 min")
    api.hub.changing.cancel(wanted, ADMIN)
    api.hub.changing.retry(wanted, ADMIN)
    assert waiting(api, wanted)["code"] == "queued"
    assert attic.claimed() == wanted


def test_what_passes_is_tried_again_as_soon_each_time(api: Api) -> None:
    have(api, "attic", [checkpoint("x")])
    attic = agent(api, "attic")
    queued(api.hub, new_job(api.hub, "x"))
    for _ in range(3):
        give_back(attic, "busy")
        api.clock.now += ALONE_SECONDS + 1


def test_two_servers_that_give_a_job_back_do_not_pass_it_to_and_fro(api: Api) -> None:
    agents = [agent(api, server) for server in ("attic", "cellar")]
    for who in agents:
        have(api, who.server, [checkpoint("x")])
        assert who.claim() is None
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    for who in agents:
        assert give_back(who, "busy") == wanted
    assert [who.claim() for who in agents] == [None, None]
    api.clock.now += ALONE_SECONDS + 1
    assert agents[0].claimed() == wanted
