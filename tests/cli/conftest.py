from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import Credentials, HubClient
from quartermaster.tests.cli.processes import Home


@dataclass
class Desk:
    """A hub that runs, and the home of a user who has a key to it."""

    hub: RunningHub
    home: Home

    def key(self, scope: str, server: str | None = None) -> dict[str, str]:
        made = self.hub.hub.keys.create(f"{scope} of a test", scope, server)
        return {"QUARTERMASTER_API_KEY": made.key, "QUARTERMASTER_API_SECRET": made.secret}

    def client(self) -> HubClient:
        made = self.hub.hub.keys.create("a test", "client")
        return HubClient(self.hub.address, Credentials(made.key, made.secret))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with RunningHub(HubSettings(tmp_path_factory.mktemp("hub"))) as hub:
        yield hub


@pytest.fixture
def desk(hub: RunningHub, home: Home) -> Desk:
    return Desk(hub, home)
