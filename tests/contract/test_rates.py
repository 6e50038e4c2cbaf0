"""A hub that has enough of a caller, and what the real client and a real agent make of that."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import HubClient, RateLimitedError
from quartermaster.hub_client.retry import NO_RETRY
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.model_files import write_model


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Site]:
    """A hub that takes sixty requests a minute of each key, where a usual one takes thousands."""
    with RunningHub(HubSettings(tmp_path / "hub", requests_per_minute=60)) as hub:
        site = Site(tmp_path, hub)
        yield site
        for agent in [*site.agents]:
            site.stop(agent)


def test_a_client_that_asked_too_much_waits_as_it_is_told_and_gets_its_answer(strict: Site) -> None:
    credentials = strict.key()
    with HubClient(strict.hub.address, credentials, retry=NO_RETRY) as hasty, pytest.raises(RateLimitedError) as caught:
        for _ in range(10_000):
            hasty.servers()
    assert caught.value.retry_after_seconds in {1.0, 2.0}
    with HubClient(strict.hub.address, credentials) as patient:
        assert not patient.servers()


def test_an_agent_whose_key_asked_too_much_recovers_by_itself(strict: Site) -> None:
    models = strict.folder / "models"
    write_model(models / "Lora" / "fox.safetensors")
    agent = strict.agent("attic", models)
    eventually(lambda: in_sync(agent), "the first sync")
    with (
        HubClient(strict.hub.address, agent.config.credentials, retry=NO_RETRY) as hasty,
        pytest.raises(RateLimitedError),
    ):
        for _ in range(10_000):
            hasty.servers()
    write_model(models / "Lora" / "owl.safetensors")
    eventually(lambda: strict.hub.hub.servers.get("attic")["count"] == 2, "the second model at the hub")
    eventually(lambda: in_sync(agent), "the sync after the pause")
