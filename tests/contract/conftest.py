"""The real hub over a real socket, and real agents over real folders."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.agent import Agent
from quartermaster.extension.config import AgentConfig
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import Credentials, HubClient

PATIENCE_SECONDS = 120.0


def eventually(
    condition: Callable[[], Any], what: str = "the condition", patience_seconds: float = PATIENCE_SECONDS
) -> Any:
    """Wait for a condition to hold and return its value; fail with its name when it never does."""
    until = time.monotonic() + patience_seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"{what} did not come about in {patience_seconds:.0f} s"
        time.sleep(0.02)  # the poll of a condition, not a wait for luck
    return value


@dataclass
class Site:
    """One hub and the agents that report to it."""

    folder: Path
    hub: RunningHub
    agents: list[Agent] = field(default_factory=list)

    def key(self, scope: str = "client", server: str | None = None) -> Credentials:
        made = self.hub.hub.keys.create(f"{scope} of the test", scope, server)
        return Credentials(made.key, made.secret)

    def client(self, scope: str = "client", server: str | None = None) -> HubClient:
        return HubClient(self.hub.address, self.key(scope, server))

    def agent(self, server: str, models: Path, *, talk: bool = True, **settings: Any) -> Agent:
        values: dict[str, Any] = {"settle_seconds": 0.2, "debounce_seconds": 0.2, "heartbeat_seconds": 1.0, **settings}
        config = AgentConfig(
            server,
            models=str(models),
            hub=self.hub.address,
            credentials=self.key("agent", server),
            **{"home": self.folder / f"home-{server}", **values},
        )
        agent = Agent(config)
        self.agents.append(agent)
        agent.start(talk=talk)
        return agent

    def stop(self, agent: Agent) -> None:
        self.agents.remove(agent)
        agent.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with RunningHub(HubSettings(tmp_path / "hub")) as hub:
        site = Site(tmp_path, hub)
        yield site
        for agent in list(site.agents):
            site.stop(agent)


def in_sync(agent: Agent) -> bool:
    """Tell whether the agent is done and the hub has all of it."""
    assert agent.syncer is not None
    return agent.quiet().done and agent.syncer.complete()
