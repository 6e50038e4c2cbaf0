"""Two hub processes on one PostgreSQL, one or the other killed again and again: nothing is lost, nothing doubled."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from quartermaster.hub.placing import keyed_digests
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import Credentials, Delta, HubClient, HubError, ModelEntry, RetryPolicy, Sender, Timeouts
from quartermaster.tests.hub.samples import digest_of, entry
from quartermaster.tests.hub.several import HubProcess, RoundRobin

AGENTS = 4
LISTENERS = 4
KILLS = 4
STEPS_BETWEEN = 3
PATIENT = RetryPolicy(attempts=60, base_seconds=0.02, longest_seconds=0.5)


@pytest.fixture
def studio(postgres: Callable[[], str], tmp_path: Path) -> Iterator["Studio"]:
    """Two hubs behind a balancer, and an admin's key."""
    url = postgres()
    hub = Hub(HubSettings(tmp_path / "first", database_url=url))
    made = hub.keys.create("test", "admin")
    try:
        with ExitStack() as stack:
            hubs = [stack.enter_context(HubProcess(tmp_path / name, url)) for name in ("a", "b")]
            balancer = stack.enter_context(RoundRobin(hubs))
            yield Studio(hubs, balancer.address, Credentials(made.key, made.secret), hub)
    finally:
        hub.close()


@dataclass
class Studio:
    hubs: list[HubProcess]
    address: str
    credentials: Credentials
    database: Hub
    """The same database, looked at directly."""

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.credentials.key, "X-API-Secret": self.credentials.secret}


@dataclass
class Agent:
    """Changes its inventory step by step, and tells each step until the hub has taken it."""

    studio: Studio
    server_id: str
    over: threading.Event
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each step: how many entries were added, how many removed, how many there were then."""
    failure: Exception | None = None

    def run(self) -> None:
        try:
            draw = random.Random(self.server_id)
            with HubClient(self.studio.address, self.studio.credentials, retry=PATIENT, timeouts=QUICK) as client:
                while not self.over.is_set():
                    self._step(client, draw)
        except (HubError, AssertionError) as error:
            self.failure = error

    def _step(self, client: HubClient, draw: random.Random) -> None:
        before = list(self.held.values())
        number = len(self.told)
        names = [f"{number} {each}" for each in range(draw.randint(1, 9))]  # all agents bring the same new models
        new = [ModelEntry.from_wire(entry(f"{self.server_id} {name}", content=name)).to_wire() for name in names]
        gone = draw.sample(sorted(self.held), draw.randint(0, len(self.held) // 2))
        for path in gone:
            del self.held[path]
        self.held.update({item["path"]: item for item in new})
        delta = Delta(
            digest_of(before),
            digest_of(list(self.held.values())),
            upserts=tuple(map(ModelEntry.from_wire, new)),
            removed=tuple(gone),
        )
        answer = client.push_delta(self.server_id, delta, Sender(self.server_id))
        assert answer.in_sync
        self.told.append((len(new), len(gone), len(self.held)))


QUICK = Timeouts(connect_seconds=5, read_seconds=20, total_seconds=60)


@dataclass
class Listener:
    """Listens through the balancer, and goes on at its last cursor whenever its stream ends."""

    studio: Studio
    cursor: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    resumed: int = -1
    resets: int = 0

    def run(self) -> None:
        while not self._is_over():
            self.resumed += 1
            headers = {**self.studio.headers, "Accept": "text/event-stream", "Last-Event-ID": self.cursor}
            try:
                with requests.get(
                    f"{self.studio.address}/api/v1/events", headers=headers, stream=True, timeout=(5, 60)
                ) as answer:
                    if answer.status_code == 200:
                        self._read(answer)
            except requests.RequestException:
                threading.Event().wait(0.05)  # its hub was killed; where no hub takes it, not too often

    def _read(self, answer: requests.Response) -> None:
        cursor = kind = data = ""
        for line in answer.iter_lines(chunk_size=None, decode_unicode=True):
            name, _, value = line.partition(": ")
            cursor, kind, data = (
                value if name == "id" else cursor,
                value if name == "event" else kind,
                value if name == "data" else data,
            )
            if not line:
                self.cursor = cursor or self.cursor
                self.resets += kind == "reset"
                if data and kind != "reset":
                    self.heard.append(json.loads(data))
                cursor = kind = data = ""
                if self._is_over():
                    return

    def _is_over(self) -> bool:
        return bool(self.heard) and self.heard[-1]["server_id"] == "the end"


@dataclass
class Visitor:
    """A person who logs in to the web page once and looks around, whichever process answers."""

    studio: Studio
    over: threading.Event
    seen: int = 0
    refused: list[tuple[str, int]] = field(default_factory=list)

    def run(self) -> None:
        with requests.Session() as browser:
            code = self.studio.database.login_codes.make().code
            assert browser.post(f"{self.studio.address}/login", data={"code": code}, timeout=60).status_code == 200
            while not self.over.is_set():
                for path in ("/", "/models", "/activity", "/keys"):
                    try:
                        answer = browser.get(self.studio.address + path, timeout=60, allow_redirects=False)
                    except requests.RequestException:
                        continue  # its hub was killed: a browser says so, and the person loads the page again
                    if answer.status_code == 200:
                        self.seen += 1
                    else:
                        self.refused.append((path, answer.status_code))


def test_a_hub_that_is_killed_loses_and_doubles_nothing(studio: Studio) -> None:
    over = threading.Event()
    visitor = Visitor(studio, over)
    begin = studio.database.events.end()
    agents = [Agent(studio, f"server {number}", over) for number in range(AGENTS)]
    listeners = [Listener(studio, str(begin)) for _ in range(LISTENERS)]
    threads = [threading.Thread(target=one.run) for one in (*agents, visitor, *listeners)]
    for thread in threads:
        thread.start()
    try:
        for kill in range(KILLS):
            progress(agents)
            hub = studio.hubs[kill % len(studio.hubs)]
            hub.kill()
            pages = visitor.seen
            progress(agents)
            while visitor.seen < pages + 4:
                threading.Event().wait(0.01)
            hub.start()
        progress(agents)
    finally:
        over.set()
        for thread in threads[: AGENTS + 1]:
            thread.join()
        with HubClient(studio.address, studio.credentials, retry=PATIENT) as client:
            client.call("POST", "/api/v1/servers", {"alias": "the end"})
        for thread in threads[AGENTS + 1 :]:
            thread.join()
    assert visitor.refused == []
    assert [agent.failure for agent in agents] == [None] * AGENTS
    inventories_are_as_told(studio, agents)
    everything_was_heard_once(studio, begin, agents, listeners)


def progress(agents: list[Agent]) -> None:
    """Wait until each agent has told some more."""
    goal = [len(agent.told) + STEPS_BETWEEN for agent in agents]
    pause = threading.Event()
    while any(len(agent.told) < least for agent, least in zip(agents, goal, strict=True)):
        assert [agent.failure for agent in agents] == [None] * len(agents)
        pause.wait(0.01)


def inventories_are_as_told(studio: Studio, agents: list[Agent]) -> None:
    listed = {server["server_id"]: server for server in studio.database.servers.listed()}
    with studio.database.database.read() as connection:
        for agent in agents:
            rows = keyed_digests(connection, agent.server_id)
            mine = digest_of(list(agent.held.values()))
            assert f"{sum(digest for _, digest in rows) % 2**64:016x}" == mine
            assert (listed[agent.server_id]["digest"], listed[agent.server_id]["count"]) == (mine, len(agent.held))


def everything_was_heard_once(studio: Studio, begin: Any, agents: list[Agent], listeners: list[Listener]) -> None:
    kept = [event.to_wire() for event in studio.database.events.following(begin.seq, 100_000)]
    assert sum(listener.resumed for listener in listeners) > 0, "no stream was broken by a kill"
    for listener in listeners:
        assert (listener.heard, listener.resets) == (kept, 0)
    for agent in agents:
        changes = [
            (event["data"]["added"], event["data"]["removed"], event["data"]["count"])
            for event in kept
            if event["kind"] == "inventory_changed" and event["server_id"] == agent.server_id
        ]
        assert changes == agent.told
    assert len([event for event in kept if event["kind"] == "server_added"]) == len(agents) + 1


def test_what_one_process_tells_another_hears_at_once_and_a_revoked_key_ends_on_both(studio: Studio) -> None:
    made = studio.database.keys.create("client", "client")
    headers = {"X-API-Key": made.key, "X-API-Secret": made.secret, "Accept": "text/event-stream"}
    with ExitStack() as stack:
        streams = [
            stack.enter_context(requests.get(f"{hub.address}/api/v1/events", headers=headers, stream=True, timeout=60))
            for hub in studio.hubs
        ]
        lines = [stream.iter_lines(chunk_size=None, decode_unicode=True) for stream in streams]
        for each in lines:
            assert next(each).startswith("retry")
        address = studio.hubs[0].address
        requests.post(f"{address}/api/v1/servers", json={"alias": "attic"}, headers=studio.headers, timeout=60)
        for each in lines:
            while next(each) != "event: server_added":
                pass
        studio.database.keys.revoke(made.key)
        for each in lines:
            assert all(not line.startswith("event") for line in each)


def test_a_hub_that_is_stopped_ends_its_streams_at_once_and_in_order(studio: Studio) -> None:
    headers = {**studio.headers, "Accept": "text/event-stream"}
    hub = studio.hubs[0]
    with requests.get(f"{hub.address}/api/v1/events", headers=headers, stream=True, timeout=60) as stream:
        lines = stream.iter_lines(chunk_size=None, decode_unicode=True)
        assert next(lines).startswith("retry")
        assert hub.stop() == 0
        assert list(lines)[:2][-1] == ""
    assert "timeout graceful shutdown exceeded" not in hub.log()
