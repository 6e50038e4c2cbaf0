import json
from pathlib import Path

import pytest
from quartermaster.cli.hub_enrich import THIS_MACHINE
from quartermaster.cli.main import main
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.fakes.civitai import CDN_PAGE, answer, fake_civitai, version
from quartermaster.tests.hub.samples import sha


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a hub that knows two models."""
    hub = Hub(HubSettings(tmp_path / "hub"))
    for word in ("one", "two"):
        hub.registrations.register({"sha256": sha(word), "type": "LORA"}, THIS_MACHINE)
    hub.close()
    return tmp_path / "hub"


def test_models_are_looked_up_here_and_now_once_that_is_switched_on(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_civitai() as civitai:
        civitai.knows(version(1, sha("one"), baseModel="Some Model 9"))
        monkeypatch.setenv("QUARTERMASTER_CIVITAI_URL", civitai.url)
        enrich = ["hub", "enrich", "--data", str(data)]
        assert main([*enrich, "--now"]) == 0
        assert civitai.requests == [] and "off (by the settings)" in capsys.readouterr().out
        assert main([*enrich, "--on", "--now"]) == 0
        shown = capsys.readouterr().out
        assert "on (by hand)" in shown and "found:     1" in shown and "not found: 1" in shown
        assert "unknown base model: Some Model 9 (1)" in shown
        assert len(civitai.requests) == 1
        assert main([*enrich, "--retry", "not_found", "--now", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"]["asked"] == 2
        assert civitai.requests[1].hashes == [sha("two").upper()]
        assert main([*enrich, "--as-set"]) == 0
        assert "off (by the settings)" in capsys.readouterr().out


def test_a_service_that_is_away_is_a_no(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_civitai() as civitai:
        civitai.always = answer(503, CDN_PAGE)
        monkeypatch.setenv("QUARTERMASTER_CIVITAI_URL", civitai.url)
        monkeypatch.setenv("QUARTERMASTER_CIVITAI", "on")
        assert main(["hub", "enrich", "--data", str(data), "--now"]) == 1
        assert "trouble: unavailable" in capsys.readouterr().out
