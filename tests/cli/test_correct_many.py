"""Corrections from a file, against a real hub."""

import hashlib
import json
from pathlib import Path

import pytest
from quartermaster.cli.main import main
from quartermaster.hub_client import Credentials, FullList, HubClient, ModelEntry
from quartermaster.tests.cli.conftest import Desk

SHA, OTHER = (hashlib.sha256(word).hexdigest() for word in (b"first", b"second"))


@pytest.fixture
def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> HubClient:
    for name, value in {**desk.key("admin"), "QUARTERMASTER_HUB": desk.hub.address}.items():
        monkeypatch.setenv(name, value)
    made = desk.hub.hub.keys.create("many's", "agent", "many")
    with HubClient(desk.hub.address, Credentials(made.key, made.secret)) as agent:
        agent.push_full("many", FullList([ModelEntry(f"{sha}.pt", "LORA", 1, sha) for sha in (SHA, OTHER)]))
    client = desk.client()
    for sha in (SHA, OTHER):
        desk.hub.hub.overrides.clear(sha, desk.hub.hub.keys.recognise(made.key, made.secret, None))
    return client


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_many_are_corrected_from_a_csv_file_and_taken_back_by_what_was_saved(
    asked: HubClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = f"\ufeffhash, base_model,type\n{SHA},pony,\n{OTHER.upper()},,locon\n"
    file, undo = written(tmp_path / "all.csv", asked_for), tmp_path / "undo.json"
    assert main(["correct", "--from", file, "--dry-run"]) == 0
    assert capsys.readouterr().out == f"{SHA}  base model Pony\n{OTHER.upper()}  type LoCon\n"
    assert asked.override_of(SHA) is None
    assert main(["correct", "--from", file, "--undo-to", str(undo)]) == 0
    held = asked.override_of(SHA), asked.override_of(OTHER)
    assert [each and (each.base_model, each.type) for each in held] == [("Pony", None), (None, "LoCon")]
    capsys.readouterr()
    assert main(["correct", "--from", str(undo), "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["override"] for each in shown] == [None, None]
    assert asked.override_of(SHA) is None and asked.override_of(OTHER) is None


def test_one_that_cannot_be_done_holds_up_all_unless_told_to_go_on(
    asked: HubClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"hash": SHA, "base_model": "pony"}, {"hash": "0" * 64, "type": "VAE"}]
    file = written(tmp_path / "all.json", json.dumps(items))
    assert main(["correct", "--from", file]) == 1
    assert f"{'0' * 64}  refused: " in capsys.readouterr().out
    assert asked.override_of(SHA) is None
    assert main(["correct", "--from", file, "--keep-going"]) == 1
    assert "1 corrected, 1 refused" in capsys.readouterr().err
    assert asked.override_of(SHA) is not None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "holds no corrections"),
        ("name,type\nx,VAE\n", "the first line"),
        ("hash,type,colour\nx,VAE,red\n", "the first line"),
        ("hash,type\nx\n", "line 2"),
        ("hash,type\nx,VAE,more\n", "line 2"),
        ("[", "no JSON"),
        ("{}", "a list of objects"),
        ('["x"]', "a list of objects"),
        ('[{"type": "VAE"}]', "item 0"),
        ('[{"hash": "x", "colour": 1}]', "item 0"),
    ],
)
def test_a_file_that_makes_no_sense_is_wrong_use_and_says_where(
    asked: HubClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, word: str
) -> None:
    assert main(["correct", "--from", written(tmp_path / "file", text)]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[SHA], ["--type", "VAE"], ["--clear"], ["--undo-to", "."]], ids=["hash", "type", "clear", "undo"]
)
def test_arguments_that_contradict_a_file_are_wrong_use(asked: HubClient, tmp_path: Path, arguments: list[str]) -> None:
    assert main(["correct", "--from", written(tmp_path / "all.csv", f"hash,type\n{SHA},VAE\n"), *arguments]) == 2
    assert asked.override_of(SHA) is None


def test_what_goes_with_a_file_goes_with_nothing_else(asked: HubClient) -> None:
    assert main(["correct", SHA, "--type", "VAE", "--dry-run"]) == 2
    assert main(["correct", "--from", "nowhere.csv"]) == 2
    assert asked.override_of(SHA) is None
