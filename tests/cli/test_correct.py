import hashlib

import pytest
from quartermaster.cli.main import main
from quartermaster.hub_client import Credentials, FullList, HubClient, ModelEntry
from quartermaster.tests.cli.conftest import Desk

SHA, OTHER = (hashlib.sha256(word).hexdigest() for word in (b"one", b"two"))


@pytest.fixture
def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> HubClient:
    """A hub with two models, and the environment of an admin who speaks to it."""
    for name, value in {**desk.key("admin"), "QUARTERMASTER_HUB": desk.hub.address}.items():
        monkeypatch.setenv(name, value)
    made = desk.hub.hub.keys.create("attic's", "agent", "attic")
    with HubClient(desk.hub.address, Credentials(made.key, made.secret)) as agent:
        agent.push_full("attic", FullList([ModelEntry(f"{sha}.pt", "LORA", 1, sha) for sha in (SHA, OTHER)]))
    return desk.client()


def test_models_are_corrected_and_what_is_not_named_stays(asked: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["correct", SHA, OTHER, "--base-model", "pony", "--note", "by eye"]) == 0
    assert capsys.readouterr().out == f"{SHA}  base model Pony (by eye)\n{OTHER}  base model Pony (by eye)\n"
    assert main(["correct", SHA[:10].upper(), "--type", "locon"]) == 0
    assert capsys.readouterr().out == f"{SHA[:10].upper()}  base model Pony, type LoCon (by eye)\n"
    assert asked.model(SHA)["model"]["ecosystem"] == "Pony"
    assert main(["correct", SHA, OTHER, "--clear", "--json"]) == 0
    assert capsys.readouterr().out.count('"override": null') == 2
    assert asked.override_of(SHA) is None


@pytest.mark.parametrize(
    "arguments",
    [[], ["--note", "x"], ["--clear", "--type", "LORA"], ["--clear", "--note", "x"], ["--base-model", "nonsense"]],
)
def test_what_makes_no_sense_is_wrong_use(
    asked: HubClient, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["correct", SHA, *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("quartermaster: ")
    assert main(["correct", "nonsense", "--type", "LORA"]) == 2
    assert asked.override_of(SHA) is None


def test_a_model_that_the_hub_does_not_know_is_a_no(asked: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["correct", "0" * 64, "--type", "LORA"]) == 1
    assert "0000" in capsys.readouterr().err
