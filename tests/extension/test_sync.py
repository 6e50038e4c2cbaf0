"""What the agent says when, against a hub whose answers are in the test's hand; the real hub is in tests/contract."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from quartermaster.extension.agent import Agent
from quartermaster.extension.config import AgentConfig
from quartermaster.extension.sync import (
    BACKOFF_SECONDS,
    HEARTBEAT_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    SETTLE_ANSWERS,
    Syncer,
)
from quartermaster.hub_client import BadAnswerError, StoppedError, UnreachableError
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.hub_client.conftest import WireServer, wire  # noqa: F401 (a fixture)

HUB = "http://hub.example:7807"
SYNC = f"{HUB}/api/v1/servers/attic/models/sync"

Make = Callable[..., Agent]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes an agent that has read two models and says nothing of its own accord."""
    made = []

    def agent(hub: str = HUB) -> Agent:
        for name in ("a", "b"):
            write_model(tmp_path / f"models/{name}.safetensors", name.encode())
        agent = Agent(AgentConfig("attic", models=str(tmp_path / "models"), hub=hub, home=tmp_path / "home"))
        made.append(agent)
        agent.start(talk=False)
        eventually(lambda: agent.quiet().done, "the inventory")
        return agent

    yield agent
    for each in made:
        each.stop()


def syncer_of(agent: Agent) -> Syncer:
    assert agent.syncer is not None
    return agent.syncer


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.endswith("extension.sync") and record.levelno >= logging.WARNING
    ]


def in_sync(agent: Agent) -> dict[str, Any]:
    digest, count = agent.ledger.state()
    return {"success": True, "protocol": 1, "server_id": "attic", "in_sync": True, "digest": digest, "count": count}


def redirect(request: Any) -> tuple[int, dict[str, str], str]:
    return 302, {"Location": SYNC}, ""


def test_a_hub_that_fails_is_said_once_per_change_of_state(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    agent = make()
    syncer = syncer_of(agent)
    states: list[tuple[str, Callable[[responses.RequestsMock], object]]] = [
        ("down", lambda hub: hub.post(SYNC, body=requests.ConnectionError("refused"))),
        ("500", lambda hub: hub.post(SYNC, status=500, body="<html>oops</html>", content_type="text/html")),
        ("HTML", lambda hub: hub.post(SYNC, status=200, body="<html>a router</html>", content_type="text/html")),
        ("a redirect", lambda hub: hub.add_callback("POST", SYNC, redirect)),
        ("well", lambda hub: hub.post(SYNC, json=in_sync(agent))),
        ("slow", lambda hub: hub.post(SYNC, body=requests.ReadTimeout("slow"))),
        ("well", lambda hub: hub.post(SYNC, json=in_sync(agent))),
    ]
    for name, answer in states:
        before = len(said(caplog))
        with responses.RequestsMock() as hub:
            answer(hub)
            for _ in range(4):
                syncer.round()
            assert len(hub.calls) <= 4 * 2, "a redirect loop is not followed round and round"
        new = said(caplog)[before:]
        if name == "well":
            assert new == [f"The hub at {HUB} answers again."]
            assert syncer.complete() and syncer.state.error is None
        else:
            assert len(new) <= 1, (name, new)
            assert not syncer.complete()
            assert syncer.state.error and syncer.state.failures >= 4
    assert len([text for text in said(caplog) if "does not have this inventory now" in text]) >= 4


@pytest.mark.parametrize(
    "blocks",
    [
        (b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"success": tr',),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"suc',),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnull",),
        (b"not HTTP at all\r\n\r\n",),
        (),
    ],
)
def test_half_an_answer_is_none_and_said_once(
    make: Make,
    wire: WireServer,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    blocks: tuple[bytes, ...],
) -> None:
    agent = make(wire.answer(*blocks))
    syncer = syncer_of(agent)
    for _ in range(3):
        syncer.round()
    assert not syncer.complete()
    assert len(said(caplog)) == 1
    assert agent.ledger.state()[1] == 2, "the inventory is as it was"


def test_an_agent_that_is_stopped_while_the_hub_hangs_stops_at_once(make: Make, wire: WireServer) -> None:  # noqa: F811
    agent = make(wire.behave(lambda connection: wire.over.wait() and None))
    syncer = syncer_of(agent)
    ended = threading.Event()

    def talk() -> None:
        syncer.run(agent._stop)
        ended.set()

    thread = threading.Thread(target=talk)
    thread.start()
    eventually(lambda: wire.connection_count, "the request")
    agent._stop.set()
    syncer.hurry()
    wire.close()
    assert ended.wait(60)
    thread.join()


def test_trying_again_takes_longer_each_time_at_random_and_has_an_end(make: Make) -> None:
    syncer = syncer_of(make())
    syncer._draw = lambda: 1.0
    with responses.RequestsMock() as hub:
        hub.post(SYNC, body=requests.ConnectionError("refused"))
        waits = [syncer.round() for _ in range(12)]
        syncer._draw = lambda: 0.0
        assert syncer.round() == 0.0, "full jitter: a fleet does not come back all at once"
    assert waits[:4] == [BACKOFF_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert waits[-1] == LONGEST_BACKOFF_SECONDS == max(waits)


def test_the_hubs_own_word_on_when_to_come_again_is_kept(make: Make) -> None:
    syncer = syncer_of(make())
    syncer._draw = lambda: 0.0
    busy = {"success": False, "error": "busy", "message": "later", "details": {}}
    with responses.RequestsMock() as hub:
        hub.post(SYNC, status=503, json=busy, headers={"Retry-After": "7"})
        assert syncer.round() == 7.0


def test_a_hub_that_is_well_hears_a_heartbeat_about_every_thirty_seconds(make: Make) -> None:
    agent = make()
    syncer = syncer_of(agent)
    waits = []
    with responses.RequestsMock() as hub:
        hub.post(SYNC, json=in_sync(agent))
        for draw in (0.0, 0.5, 1.0):
            syncer._draw = lambda draw=draw: draw  # type: ignore[misc]
            waits.append(syncer.round())
        assert len(hub.calls) == 3
    assert waits == pytest.approx([0.9 * HEARTBEAT_SECONDS, HEARTBEAT_SECONDS, 1.1 * HEARTBEAT_SECONDS])


def test_once_gives_up_on_a_hub_that_is_down_and_says_so(make: Make) -> None:
    syncer = syncer_of(make())
    syncer._draw = lambda: 0.0
    with responses.RequestsMock() as hub:
        hub.post(SYNC, body=requests.ConnectionError("refused"))
        assert isinstance(syncer.settle(threading.Event(), tries=3), UnreachableError)
        assert len(hub.calls) == 3


def test_once_does_not_repeat_what_will_never_be_allowed(make: Make) -> None:
    syncer = syncer_of(make())
    words = {"success": False, "error": "forbidden", "message": "another server's key", "details": {}}
    with responses.RequestsMock() as hub:
        hub.post(SYNC, status=403, json=words)
        error = syncer.settle(threading.Event())
        assert len(hub.calls) == 1
    assert error is not None and "another server's key" in str(error)


def test_once_does_not_talk_for_ever_to_a_hub_that_never_holds_what_it_takes(make: Make) -> None:
    agent = make()
    liar = {**in_sync(agent), "in_sync": False, "digest": "0" * 16, "count": 0, "buckets": {"bits": 8, "digests": {}}}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        hub.post(SYNC, json=liar)
        error = syncer_of(agent).settle(threading.Event(), tries=1)
        assert len(hub.calls) <= 3 * SETTLE_ANSWERS
    assert isinstance(error, BadAnswerError)
    assert "does not hold it" in str(error)


def test_once_that_is_stopped_says_so(make: Make) -> None:
    stop = threading.Event()
    stop.set()
    assert isinstance(syncer_of(make()).settle(stop), StoppedError)


def test_what_a_failed_round_was_to_tell_is_told_by_the_next(make: Make, tmp_path: Path) -> None:
    agent = make()
    syncer = syncer_of(agent)
    with responses.RequestsMock() as hub:
        hub.post(SYNC, json=in_sync(agent))
        syncer.round()
    write_model(tmp_path / "models/c.safetensors", b"c")
    agent.looker.rescan()
    eventually(lambda: agent.ledger.state()[1] == 3, "the new model")
    with responses.RequestsMock() as hub:
        hub.post(SYNC, status=500, body="")
        syncer.round()
    assert agent.ledger.dirty_count() == 1
    assert not syncer.complete()


def test_a_farewell_that_does_not_arrive_is_no_matter(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    syncer = syncer_of(make())
    with responses.RequestsMock() as hub:
        hub.post(SYNC, body=requests.ConnectionError("refused"))
        syncer.leave()
    assert said(caplog) == []


@responses.activate
def test_what_an_agent_says_of_itself_is_told_when_it_is_news(make: Make) -> None:
    agent = make()
    syncer, problems, moment = syncer_of(agent), [0], [1000.0]
    syncer._describe_self, syncer._monotonic = (lambda: {"problems": problems[0]}), (lambda: moment[0])
    responses.post(SYNC, json=in_sync(agent))
    for step in range(5):
        problems[0] = 7 if step >= 2 else 0
        moment[0] += 601 if step == 4 else 30
        syncer.round()
    told = [json.loads(call.request.body or "{}").get("agent") for call in responses.calls]
    assert told == [{"problems": 0}, None, {"problems": 7}, None, {"problems": 7}]
