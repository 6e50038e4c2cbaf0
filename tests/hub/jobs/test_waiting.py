"""Claims that wait: woken by what becomes possible, superseded by newer ones, let go when the hub stops."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from quartermaster.hub.jobs.claims import Claim
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.job_samples import Agent, agent, checkpoint, have, new_job, queued, row
from quartermaster.tests.hub.samples import Api, FakeClock, together, until


def asking(who: Agent, **more: Any) -> "tuple[threading.Thread, list[Any]]":
    """Let an agent ask in a thread, and return that and where its answer will be."""
    answers: list[Any] = []

    def ask() -> None:
        session = type(who.api.session)()
        with session:
            copy = Agent(Api(who.api.address, session, who.api.headers, who.api.hub, who.api.clock), who.server)
            answers.append(copy.ask(**{"wait_seconds": 60, **more}).json())

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, answers


def answered(thread: threading.Thread, answers: list[Any]) -> Any:
    thread.join(30)
    assert not thread.is_alive()
    return answers[0]["job"]


def test_a_claim_that_waits_is_given_a_job_as_soon_as_one_is_possible(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x")])
    have(api, "cellar", [])
    attic, cellar = asking(agent(api, "attic")), asking(agent(api, "cellar"))
    until(lambda: hub.waiting.count == 2)
    [first] = queued(hub, new_job(hub, "x"))
    assert answered(*attic)["id"] == first
    [second] = queued(hub, new_job(hub, "x", target="cellar"))
    api.synced({"models": [checkpoint("x")], "agent_id": "agent of cellar"}, "cellar")
    assert answered(*cellar)["id"] == second
    until(lambda: hub.waiting.count == 0)


def test_of_several_claims_of_one_server_the_newest_counts(api: Api) -> None:
    have(api, "attic", [checkpoint("x")])
    attic = agent(api, "attic")
    older = asking(attic)
    until(lambda: api.hub.waiting.count == 1)
    newer = asking(attic)
    assert answered(*older) is None
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    assert answered(*newer)["id"] == wanted


def test_who_hung_up_is_given_nothing(api: Api) -> None:
    hub = api.hub
    have(api, "attic", [checkpoint("x")])
    who = agent(api, "attic")
    place = urlsplit(api.address)
    body = b'{"agent_id": "agent of attic", "wait_seconds": 60}'
    lines = [
        "POST /api/v1/servers/attic/jobs/claim HTTP/1.1",
        f"Host: {place.netloc}",
        *(f"{name}: {value}" for name, value in who.api.headers.items()),
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection((str(place.hostname), place.port or 0)) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        until(lambda: hub.waiting.count == 1)
    until(lambda: hub.waiting.count == 0)
    [wanted] = queued(hub, new_job(hub, "x"))
    assert row(hub, wanted).state == "pending"
    assert who.claimed() == wanted


def test_a_hub_that_stops_lets_claims_go(settings: HubSettings, clock: FakeClock) -> None:
    with RunningHub(settings, clock=clock) as running, requests.Session() as session:
        api = Api(running.address, session, {}, running.hub, clock).with_key("admin")
        have(api, "attic", [checkpoint("x")])
        waiting = asking(agent(api, "attic"))
        until(lambda: api.hub.waiting.count == 1)
    assert answered(*waiting) is None


def test_a_key_that_is_revoked_is_given_nothing(api: Api) -> None:
    have(api, "attic", [checkpoint("x")])
    who = agent(api, "attic")
    waiting = asking(who)
    until(lambda: api.hub.waiting.count == 1)
    assert api.delete(f"/api/v1/keys/{who.api.headers['X-API-Key']}").status_code == 200
    [wanted] = queued(api.hub, new_job(api.hub, "x"))
    waiting[0].join(30)
    assert waiting[1][0]["error"] == "unauthorized"
    assert row(api.hub, wanted).state == "pending"


def test_a_claim_is_refused_where_another_agent_holds_the_server_or_there_is_none(api: Api) -> None:
    have(api, "attic", [])
    taken = agent(api, "attic").ask(agent_id="another")
    assert (taken.status_code, taken.json()["error"]) == (409, "server_id_in_use")
    unknown = Agent(api, "nowhere").ask()
    assert (unknown.status_code, unknown.json()["error"]) == (404, "server_not_found")
    assert Agent(agent(api, "attic").api, "cellar").ask().status_code == 403
    wrong = agent(api, "attic").ask(wait_seconds=1e9)
    assert (wrong.status_code, wrong.json()["details"]["field"]) == (422, "wait_seconds")


def test_each_job_is_given_once_however_many_ask(
    settings: HubSettings, start_api: Callable[..., Api], tmp_path: Path
) -> None:
    """Twelve servers at once at two hubs over one database, jobs of a few needs, some of which nobody can do."""
    api = start_api(settings)
    place = settings.data_dir if settings.database_url is None else tmp_path / "another"
    hubs = [api.hub, start_api(HubSettings(place, database_url=settings.database_url)).hub]
    hub, servers = api.hub, [f"server {number}" for number in range(12)]
    for number, server in enumerate(servers):
        have(api, server, [checkpoint("x"), *([checkpoint("y")] if number % 2 else [])])
    have(api, "nas", [checkpoint("z")])
    new = [new_job(hub, name, by=by) for name in "xyxyz" for by in "abc"] * 4
    wanted = queued(hub, *new)
    possible = [name for name, job in zip(wanted, new, strict=True) if job.requirements[0].name != "z"]
    agents = [agent(api, server) for server in servers]

    def work(number: int) -> list[str]:
        given: list[str] = []
        mine = hubs[number % 2]
        claim = Claim(servers[number], "agent of " + servers[number], 0.0)
        allowed = hub.keys.still_valid(api_caller(agents[number]))
        while True:
            token = mine.claims.begin(claim, allowed)
            found = mine.claims.look(claim, token, allowed)
            if found.job is None:
                return given
            given.append(found.job["id"])
            claim = Claim(servers[number], claim.agent_id, 0.0, frozenset(given))

    given = together(len(servers), work)
    assert sorted(name for each in given for name in each) == sorted(possible)


def api_caller(who: Agent) -> Any:
    headers = who.api.headers
    return who.api.hub.keys.recognise(headers["X-API-Key"], headers["X-API-Secret"], None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_claim_that_waits_at_one_process_is_woken_by_another(
    settings: HubSettings, start_api: Callable[..., Api], tmp_path: Path
) -> None:
    here = start_api(settings)
    there = start_api(HubSettings(tmp_path / "there", database_url=settings.database_url))
    have(here, "attic", [checkpoint("x")])
    who = agent(here, "attic")
    waiting = asking(who)
    until(lambda: here.hub.waiting.count == 1)
    [wanted] = queued(there.hub, new_job(there.hub, "x"))
    job = answered(*waiting)
    assert job["id"] == wanted
    elsewhere = Agent(
        Api(there.address, there.session, who.api.headers, there.hub, there.clock), "attic", {wanted: job}
    )
    assert elsewhere.complete(job).json()["accepted"]
