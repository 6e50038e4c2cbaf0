"""From a code on the hub's screen to a server whose corrections hold: no key was ever copied."""

import hashlib

import pytest
from quartermaster.extension.agent import Agent
from quartermaster.extension.config import AgentConfig
from quartermaster.hub_client import ForbiddenError, HubClient, NotFoundError, pair
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.model_files import write_model


def paired_agent(site: Site) -> tuple[Agent, HubClient]:
    """Pair as a web UI does, and start the agent with what that gave."""
    paired = pair(site.hub.address, site.hub.hub.pairing.make("attic").code.lower())
    config = AgentConfig(
        paired.server_id,
        models=str(site.folder / "models"),
        hub=paired.address,
        credentials=paired.credentials,
        home=site.folder / "home",
        settle_seconds=0.2,
        debounce_seconds=0.2,
        heartbeat_seconds=1.0,
    )
    agent = Agent(config)
    site.agents.append(agent)
    agent.start()
    return agent, HubClient(paired.address, paired.credentials)


def test_a_paired_agent_syncs_and_its_correction_survives_the_model(site: Site) -> None:
    path = site.folder / "models/Lora/x.safetensors"
    sha256 = hashlib.sha256(write_model(path)).hexdigest()
    agent, client = paired_agent(site)
    eventually(lambda: in_sync(agent), "the first sync")

    made = client.override(sha256, base_model="pony", type="locon", note="by eye")
    assert (made.base_model, made.ecosystem, made.type, made.note) == ("Pony", "Pony", "LoCon", "by eye")
    assert made.by and made.at

    path.rename(site.folder / "away")
    eventually(lambda: client.availability(sha256).status == "unavailable", "the model's leaving")
    (site.folder / "away").rename(path)
    eventually(lambda: client.availability(sha256).status == "available", "the model's return")
    model = client.availability(sha256).model
    assert model is not None
    assert (model["type"], model["ecosystem"], model["override"]["note"]) == ("LoCon", "Pony", "by eye")
    assert [each["sha256"] for each in client.models({"type": "LoCon", "ecosystem": "pony"})] == [sha256]

    client.clear_override(sha256)
    assert client.override_of(sha256) is None
    assert list(client.models({"type": "LoCon"})) == []


def test_a_paired_agent_corrects_nothing_that_its_server_lacks(site: Site) -> None:
    client = site.client("agent", "cellar")
    client.register({"sha256": "a" * 64, "type": "LORA"})
    with pytest.raises(ForbiddenError, match="cellar"):
        client.override("a" * 64, type="VAE")
    with pytest.raises(NotFoundError):
        client.override("b" * 64, type="VAE")


def test_a_code_that_was_used_says_what_to_do(site: Site) -> None:
    code = site.hub.hub.pairing.make("attic").code
    pair(site.hub.address, code)
    with pytest.raises(NotFoundError, match="hub pair") as caught:
        pair(site.hub.address, code)
    assert caught.value.code == "pairing_code_invalid"
