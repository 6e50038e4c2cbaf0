"""Agents of one machine and their hub, stepped by hand: nothing happens but what the test does."""

import shutil
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from quartermaster.extension.agent import Agent, World
from quartermaster.extension.config import AgentConfig
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.watch_method import Choice
from quartermaster.hub_client import Credentials
from quartermaster.tests.convergence.clock import Clock
from quartermaster.tests.convergence.hub_house import HubHouse
from quartermaster.tests.convergence.wire import Wire

HUB = "http://hub"
SETTLING_ROUNDS = 8
"""A heartbeat finds a difference, buckets mend it, deltas tell what came meanwhile: more than these are a fault."""


class NoEvents:
    """In the place of the watcher: the test says what was noticed, through ``Looker.hint``."""

    def __init__(self, roots: Iterable[Root], _on_change: object, *, choices: dict[str, Choice], **_: object) -> None:
        self.choices = choices

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


@dataclass
class Member:
    """One agent of the machine, running or not."""

    server_id: str
    config: AgentConfig
    agent: Agent | None = None
    known: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Published path -> its SHA-256 and inode, as the agent had it last; it outlives the agent."""


class Household:
    """One machine with its agents, one hub, and the wire between."""

    def __init__(self, fresh: Path, key: Credentials, servers: dict[str, tuple[str, ...]]) -> None:
        """Make it, in a new temporary folder.

        Args:
            fresh: the data folder of an empty hub that knows ``key``.
            key: the key of all agents.
            servers: server id -> the labels of its roots; equal labels are the same folder.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="quartermaster-convergence-"))
        self.clock = Clock()
        self.hub_clock = Clock()
        self.house = HubHouse(self.folder / "hub", self.hub_clock, fresh, key)
        self.house.start()
        self.wire = Wire(self.house)
        self.stop = threading.Event()
        self.draws = 0
        labels = sorted({label for roots in servers.values() for label in roots})
        self.roots = {label: self.folder / "disk" / label for label in labels}
        for root in self.roots.values():
            root.mkdir(parents=True)
        self.members = [Member(server_id, self._config(server_id, roots)) for server_id, roots in servers.items()]
        for member in self.members:
            self.start_agent(member)

    def _config(self, server_id: str, labels: Iterable[str]) -> AgentConfig:
        named = tuple((None, str(self.roots[label])) for label in labels)
        return AgentConfig(
            server_id, named=named, hub=HUB, credentials=self.house.key, home=self.folder / "home", settle_seconds=2.0
        )

    def close(self) -> None:
        for member in self.members:
            self.kill_agent(member)
        self.house.close()
        shutil.rmtree(self.folder)

    # --- time

    def advance(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.clock.advance(seconds)
        self.hub_clock.advance(seconds)

    def _draw(self) -> float:
        self.draws += 1
        return self.draws * 0.618 % 1.0

    # --- agents

    def start_agent(self, member: Member) -> None:
        if member.agent is None:
            world = World(self.clock.wall, self.clock.steady, self._draw, NoEvents, self.wire.session())
            member.agent = Agent(member.config, world)

    def kill_agent(self, member: Member) -> None:
        """Drop an agent with all it has in memory; what the operating system frees of a dead process is freed."""
        agent, member.agent = member.agent, None
        if agent is not None:
            agent.index.close()
            agent._lock.release()
            with suppress(AttributeError):
                agent.syncer.client.close()  # type: ignore[union-attr]  # it has a hub

    def look(self, member: Member) -> None:
        """Let the agent look at what it finds due."""
        if member.agent is not None:
            member.agent.looker.look(self.stop)
            self._note(member)

    def look_everywhere(self, member: Member) -> None:
        if member.agent is not None:
            member.agent.looker.rescan()
            self.look(member)

    def read(self, member: Member, most: int = 1_000_000) -> None:
        """Let the agent read files that it has queued."""
        if member.agent is not None:
            while most and member.agent.pool.read_next():
                most -= 1
            self._note(member)

    def talk(self, member: Member) -> None:
        """Let the agent talk to the hub where it would by now."""
        syncer = member.agent.syncer if member.agent is not None else None
        if syncer is not None and syncer.due_at() <= self.clock.steady():
            syncer.round()

    def _note(self, member: Member) -> None:
        assert member.agent is not None
        if not member.agent.looker.scanned.is_set():
            return  # it has only begun: what its index holds is known, and shown with its first scan
        records = member.agent.library.records()
        member.known = {r.name: (r.facts.sha256, r.found.inode) for r in records if r.facts is not None}

    # --- the end

    def settle(self) -> None:
        """Let the disk rest and the messages through, until everybody is content."""
        self.wire.fates.clear()
        self.house.start()
        for member in self.members:
            self.start_agent(member)
        self.wire.deliver_late()
        self.advance(3600)
        for _ in range(SETTLING_ROUNDS):
            for member in self.members:
                self.look_everywhere(member)
                self.read(member)
                self.advance(15)
                self.look(member)
                self.read(member)
                self.advance(60)
                self.talk(member)
            if all(self.is_content(member) for member in self.members):
                return
        said = [(m.server_id, m.agent and m.agent.quiet(), m.agent and m.agent.syncer) for m in self.members]
        raise AssertionError(f"not in sync after {SETTLING_ROUNDS} rounds: {said}")

    def is_content(self, member: Member) -> bool:
        agent = member.agent
        assert agent is not None and agent.syncer is not None
        return agent.quiet().done and agent.syncer.complete() and not self.house.wanted(member.server_id)
