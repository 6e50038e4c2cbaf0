"""The look-ups as a person meets them: over HTTP, with the job of a running hub."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quartermaster.hub.errors import SettingsError
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.fakes.civitai import FakeCivitai, fake_civitai, version
from quartermaster.tests.hub.samples import Api, entry, sha

ROUTE = "/api/v1/enrichment"


@pytest.fixture
def civitai() -> Iterator[FakeCivitai]:
    with fake_civitai() as service:
        yield service


def until(done: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not done():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_a_running_hub_looks_models_up_when_it_is_told_to(
    settings: HubSettings, start_api: Callable[..., Api], civitai: FakeCivitai
) -> None:
    civitai.knows(version(1, sha("one")))
    api = start_api(replace(settings, civitai_url=civitai.url))
    api.synced({"models": [entry("one"), entry("two")]})
    told = api.get(ROUTE).json()
    assert (told["enabled"], told["enabled_by"], told["counts"]["waiting"]) == (False, "settings", 2)
    assert api.post(ROUTE, {"enabled": True}).json()["enabled"]
    until(lambda: api.get(ROUTE).json()["counts"]["waiting"] == 0)
    told = api.get(ROUTE).json()
    assert told["counts"] == {"asked": 2, "found": 1, "not_found": 1, "error": 0, "waiting": 0}
    assert told["next_at"] > "2027-01-20" and told["trouble"] is None
    assert len(civitai.requests) == 1
    assert api.post(ROUTE, {"hashes": [sha("two").upper()]}).json()["asked_again"] == 1
    until(lambda: len(civitai.requests) == 2)
    assert civitai.requests[1].hashes == [sha("two").upper()]


def test_only_an_admin_changes_anything(api: Api) -> None:
    for key in (api.with_key("client"), api.with_key("agent", "attic")):
        assert key.get(ROUTE).status_code == 200
        assert key.post(ROUTE, {"enabled": True}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "retry"),
        ({"retry": "some"}, 422, "retry"),
        ({"enabled": "yes"}, 422, "enabled"),
        ({"hashes": "x"}, 422, "hashes"),
        ({"hashes": ["x"]}, 422, "hashes"),
        ({"hashes": [7]}, 422, "hashes"),
        ({"hashes": ["a" * 64] * 1001}, 413, "hashes"),
    ],
)
def test_what_makes_no_sense_names_the_field(api: Api, body: Any, status: int, field: str) -> None:
    answer = api.post(ROUTE, body)
    assert answer.status_code == status and answer.json()["details"]["field"] == field


def test_the_environment_sets_the_look_ups_up(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    settings = HubSettings.from_environment(
        tmp_path, {"QUARTERMASTER_CIVITAI": "on", "QUARTERMASTER_CIVITAI_TOKEN_FILE": str(token)}
    )
    assert (settings.civitai, settings.read_civitai_token()) == ("on", "s3cret")
    assert HubSettings(tmp_path).read_civitai_token() is None


@pytest.mark.parametrize(
    "values",
    [
        {"civitai": "perhaps"},
        {"civitai_url": "ftp://civitai.com"},
        {"civitai_url": "https://me:s3cret@civitai.com"},
        {"civitai_url": "http://[civitai.com"},
        {"civitai_url": "http://civitai.com", "civitai_token": "s3cret"},
        {"civitai_not_found_days": 0.0},
        {"civitai_not_found_days": 40.0},
        {"civitai_refresh_days": 0.0},
        {"civitai_pause_seconds": -1.0},
        {"civitai_pause_seconds": float("nan")},
    ],
)
def test_a_setting_that_cannot_be_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        HubSettings(tmp_path, **values)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "mode", "word"),
    [
        ("s3cret", 0o644, "chmod 600"),
        ("", 0o600, "no token"),
        ("s3 cret", 0o600, "no token"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, mode: int, word: str) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
        token.chmod(mode)
    with pytest.raises(SettingsError, match=word) as caught:
        HubSettings(tmp_path, civitai_token_file=str(token)).read_civitai_token()
    assert "s3" not in str(caught.value)
