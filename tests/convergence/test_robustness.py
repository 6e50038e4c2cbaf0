"""What the world does to agents and hubs, step by step, on clocks of the test's own."""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.agent import Agent
from quartermaster.extension.inventory.index import Index
from quartermaster.extension.inventory.library import Library
from quartermaster.extension.ledger import Ledger
from quartermaster.extension.sync import LONGEST_BACKOFF_SECONDS, Syncer
from quartermaster.hub import bodies
from quartermaster.hub_client import Credentials, Heartbeat, HubClient, Sender, SyncAnswer, UnreachableError
from quartermaster.tests.convergence import truth
from quartermaster.tests.convergence.clock import Clock
from quartermaster.tests.convergence.household import Household, Member
from quartermaster.tests.fakes.model_files import write_model

DAY_SECONDS = 86400.0
FLEET = 200


@pytest.fixture
def home(fresh_hub: tuple[Path, Credentials]) -> Iterator[Household]:
    household = Household(*fresh_hub, {"attic": ("a",)})
    yield household
    household.close()


@pytest.fixture
def member(home: Household) -> Member:
    return home.members[0]


def agent_of(member: Member) -> Agent:
    assert member.agent is not None
    return member.agent


def syncer_of(member: Member) -> Syncer:
    syncer = agent_of(member).syncer
    assert syncer is not None
    return syncer


class SilentHub:
    """In the place of a hub's client: away until told otherwise, it notes who came when."""

    address = "http://hub"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.away = True
        self.calls: list[float] = []

    def heartbeat(self, _server_id: str, body: Heartbeat, _sender: Sender) -> SyncAnswer:
        self.calls.append(self.clock.steady())
        if self.away:
            raise UnreachableError("nothing listens at http://hub")
        return SyncAnswer(in_sync=True, digest=body.digest, count=0)


def make_fleet(hub: SilentHub, tmp_path: Path) -> Iterator[Syncer]:
    index = Index(tmp_path / "index.sqlite")
    dice = random.Random(1)
    for number in range(FLEET):
        ledger = Ledger()
        library = Library(f"s{number}", index, None, lambda _record: None)  # type: ignore[arg-type]  # reads nothing
        yield Syncer(
            hub, f"s{number}", Sender(f"{number}"), library, ledger, draw=dice.random, monotonic=hub.clock.steady
        )  # type: ignore[arg-type]  # all that a syncer with an empty ledger asks
    index.close()


def run_until(fleet: list[Syncer], clock: Clock, until: float) -> None:
    """Let each agent come when it would."""
    while (at := min(syncer.due_at() for syncer in fleet)) < until:
        clock.steady_seconds = max(at, clock.steady_seconds)
        for syncer in fleet:
            if syncer.due_at() <= clock.steady():
                syncer.round()
    clock.steady_seconds = until


def test_a_fleet_spreads_out_over_a_hub_that_comes_back(tmp_path: Path) -> None:
    """Two hundred agents that were started at one moment, and a hub that was away for ten minutes."""
    clock = Clock()
    hub = SilentHub(clock)
    fleet = list(make_fleet(hub, tmp_path))
    back = clock.steady() + 600
    run_until(fleet, clock, back)
    in_a_minute = [at for at in hub.calls if at >= back - 60]
    assert len(in_a_minute) < 4 * FLEET, "an agent that waits asks every half minute or so"
    hub.away = False
    hub.calls.clear()
    run_until(fleet, clock, back + LONGEST_BACKOFF_SECONDS)
    assert all(syncer.complete() for syncer in fleet), "each of them has come within a minute"
    per_second = Counter(int(at - back) for at in hub.calls)
    assert max(per_second.values()) <= 0.1 * FLEET
    quarters = Counter(int((at - back) // 15) for at in hub.calls)
    assert all(quarters[quarter] >= 0.1 * FLEET for quarter in range(4))


def test_agents_that_were_started_together_do_not_stay_in_step(tmp_path: Path) -> None:
    clock = Clock()
    hub = SilentHub(clock)
    hub.away = False
    fleet = list(make_fleet(hub, tmp_path))
    began = clock.steady()
    run_until(fleet, clock, began + 900)
    last = [at for at in hub.calls if at >= began + 840]
    assert max(Counter(int(at) for at in last).values()) <= 0.1 * FLEET


def test_a_hub_that_was_away_for_a_week_costs_one_reconcile(home: Household, member: Member) -> None:
    for number in range(300):
        write_model(home.roots["a"] / f"{number}.safetensors", b"%d" % number)
    home.settle()
    home.house.kill()
    asked = 0
    week_ends = home.clock.steady() + 7 * DAY_SECONDS
    while home.clock.steady() < week_ends:
        due = syncer_of(member).due_at()
        home.advance(max(due - home.clock.steady(), 0.001))
        asked += 1
        if asked == 1000:
            write_model(home.roots["a"] / "7.safetensors", b"changed meanwhile")
            home.look_everywhere(member)
            home.read(member)
        home.talk(member)
    assert asked < 7 * DAY_SECONDS / 20, "it asks every half minute or so"
    home.house.start()
    home.house.requests = home.house.bytes_received = 0
    home.advance(LONGEST_BACKOFF_SECONDS)
    home.talk(member)
    assert syncer_of(member).complete()
    assert home.house.requests <= 3, "a heartbeat, the bucket that differs, and what the hub wants described"
    assert home.house.bytes_received < 4096
    home.settle()


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_a_clock_that_jumps_harms_no_settle_time(home: Household, member: Member, days: int) -> None:
    home.settle()
    path = home.roots["a"] / "fresh.safetensors"
    write_model(path)
    before = int(home.clock.wall() * 1e9)
    home.clock.jump(days * DAY_SECONDS)
    truth_of = {"a": home.roots["a"]}
    write_at(path, before)
    home.look_everywhere(member)
    home.read(member)
    home.advance(1)
    assert days > 0 or not member.known, "written in what is the future now, it has to be watched for two seconds"
    home.advance(1.5)
    home.look(member)
    home.read(member)
    assert list(member.known) == list(truth.published(truth_of)) == ["a/fresh.safetensors"]


def write_at(path: Path, mtime_ns: int) -> None:
    os.utime(path, ns=(mtime_ns, mtime_ns))


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_a_hub_whose_clock_jumps_makes_no_server_older_or_younger(home: Household, member: Member, days: int) -> None:
    home.settle()
    states = []
    home.hub_clock.jump(days * DAY_SECONDS)
    for seconds in (0, 80, 20, 600):
        home.hub_clock.advance(seconds)
        states.append(home.house.hub.servers.get("attic")["state"])
    assert states == ["present", "present", "stale", "offline"]
    home.settle()
    assert home.house.hub.servers.get("attic")["state"] == "present"


def test_a_download_of_hours_is_read_once(home: Household, member: Member) -> None:
    """20,000 s, as 20 GB take at 1 MB/s; each second some bytes come, and an event tells of them."""
    home.settle()
    agent = agent_of(member)
    (root,) = agent.library.roots()
    path = home.roots["a"] / "large.ckpt"
    seconds, part_bytes, reads = 20_000, 1000, 0
    with path.open("wb") as file:
        for second in range(seconds):
            file.truncate((second + 1) * part_bytes)
            write_at(path, int(home.clock.wall() * 1e9))
            if second % 4 == 0:
                agent.looker.hint(root, frozenset({str(path)}))
            agent.looker.look(home.stop)
            reads += agent.pool.read_next()
            home.advance(1)
    assert reads == 0
    home.advance(10)
    agent.looker.look(home.stop)
    while agent.pool.read_next():
        reads += 1
    home.settle()
    assert reads == 1
    assert agent.pool.meter.bytes_read_ever == seconds * part_bytes


def second_agent(home: Household, member: Member) -> Member:
    """Return an agent with the same server id on what might be another machine."""
    other = Member("attic", replace(member.config, home=home.folder / "another machine"))
    home.members.append(other)
    home.start_agent(other)
    return other


def test_a_second_live_agent_is_refused_and_takes_over_when_the_first_is_gone(home: Household, member: Member) -> None:
    home.settle()
    other = second_agent(home, member)
    home.look_everywhere(other)
    home.talk(other)
    assert "another live agent holds the server 'attic'" in (syncer_of(other).state.error or "")
    home.kill_agent(member)
    home.members.remove(member)
    home.advance(89)
    home.talk(other)
    assert not syncer_of(other).complete()
    home.advance(LONGEST_BACKOFF_SECONDS)
    home.talk(other)
    assert syncer_of(other).complete()


@pytest.mark.parametrize(("hub_speaks", "works"), [(1, True), (2, True), (3, False)])
def test_versions_one_apart_work_and_two_apart_are_refused(
    home: Household, member: Member, monkeypatch: pytest.MonkeyPatch, hub_speaks: int, works: bool
) -> None:
    monkeypatch.setattr(bodies, "PROTOCOL", hub_speaks)
    write_model(home.roots["a"] / "x.safetensors")
    home.look_everywhere(member)
    home.read(member)
    home.talk(member)
    assert syncer_of(member).complete() is works
    error = syncer_of(member).state.error
    assert error is None if works else "update the agent" in (error or "")


@pytest.mark.parametrize(("agent_speaks", "works"), [(1, True), (2, True), (3, False)])
def test_an_agent_that_is_ahead_of_its_hub_is_told_to_update_the_hub(
    home: Household, monkeypatch: pytest.MonkeyPatch, agent_speaks: int, works: bool
) -> None:
    monkeypatch.setattr("quartermaster.hub_client.client.PROTOCOL", agent_speaks)
    with HubClient("http://hub", home.house.key, session=home.wire.session()) as client:
        error = refusal(client)
    assert error is None if works else "update the hub" in (error or "")


def refusal(client: HubClient) -> str | None:
    try:
        client.heartbeat("attic", Heartbeat("0" * 16, 0), Sender("a"))
    except Exception as error:
        return str(error)
    return None


def test_what_came_while_the_disk_under_the_index_was_full_is_kept_when_there_is_room(
    home: Household, member: Member
) -> None:
    home.settle()
    connection: Any = agent_of(member).index._connection
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes what the file has now: it may not grow
    for number in range(200):
        write_model(home.roots["a"] / f"{number}.safetensors", b"%d" % number)
    home.look_everywhere(member)
    home.read(member)
    assert len(member.known) < 200
    connection.execute("PRAGMA max_page_count = 1000000")
    home.settle()
    assert set(member.known) == set(truth.published({"a": home.roots["a"]}))


def test_a_damaged_index_is_made_anew_and_the_hub_keeps_what_is_true(home: Household, member: Member) -> None:
    for number in range(20):
        write_model(home.roots["a"] / f"{number}.safetensors", b"%d" % number)
    home.settle()
    home.kill_agent(member)
    index = home.folder / "home" / "index.sqlite"
    index.write_bytes(b"no database" * 1000)
    index.with_name("index.sqlite-wal").unlink(missing_ok=True)
    home.advance(91)  # the new index gives the agent a new id, and the hub waits for the old one's silence
    home.settle()
    assert home.house.stated("attic")[1] == 20
    assert list(index.parent.glob("index.sqlite.damaged-*"))


def test_an_index_that_another_program_locks_is_said_to_be_locked(home: Household, member: Member) -> None:
    home.kill_agent(member)
    index = home.folder / "home" / "index.sqlite"
    other = sqlite3.connect(index, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Index(index, busy_seconds=0.1)
    finally:
        other.close()
    home.settle()
