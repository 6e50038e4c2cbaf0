from dataclasses import fields
from pathlib import Path

import pytest
from quartermaster.hub.errors import SettingsError
from quartermaster.hub.limits import Limits
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import REPOSITORY


def documented() -> str:
    return (REPOSITORY / "docs" / "hub.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "item", [f for f in fields(HubSettings) if f.name not in {"data_dir", "limits"}], ids=lambda f: f.name
)
def test_every_setting_is_documented_with_its_default(item) -> None:
    plain = item.default is None or isinstance(item.default, str)
    default = (item.default or "") if plain else f"{item.default:g}"
    assert f"| `QUARTERMASTER_{item.name.upper()}` | {default} |".replace("|  |", "| |") in documented()


@pytest.mark.parametrize("item", fields(Limits), ids=lambda f: f.name)
def test_every_limit_is_documented_with_its_default(item) -> None:
    assert f"| `{item.name}` | {item.default:,} |".replace(".0 |", " |") in documented()


def test_the_environment_sets_what_it_names() -> None:
    settings = HubSettings.from_environment(
        Path("x"),
        {
            "QUARTERMASTER_DATABASE_URL": "postgresql://h/d",
            "QUARTERMASTER_STALE_AFTER_SECONDS": "1.5",
            "QUARTERMASTER_LARGE_BODY_SLOTS": "2",
            "QUARTERMASTER_OFFLINE_AFTER_SECONDS": " ",
        },
    )
    assert settings == HubSettings(Path("x"), "postgresql://h/d", stale_after_seconds=1.5, large_body_slots=2)


@pytest.mark.parametrize(
    "environment",
    [
        {"QUARTERMASTER_STALE_AFTER_SECONDS": "soon"},
        {"QUARTERMASTER_STALE_AFTER_SECONDS": "0"},
        {"QUARTERMASTER_STALE_AFTER_SECONDS": "nan"},
        {"QUARTERMASTER_OFFLINE_AFTER_SECONDS": "10"},
        {"QUARTERMASTER_LARGE_BODY_SLOTS": "1.5"},
        {"QUARTERMASTER_LARGE_BODY_SLOTS": "0"},
        {"QUARTERMASTER_BUSY_TIMEOUT_SECONDS": "-1"},
        {"QUARTERMASTER_CORS_ORIGINS": "*"},
        {"QUARTERMASTER_CORS_ORIGINS": "localhost:7860"},
        {"QUARTERMASTER_CORS_ORIGINS": "http://localhost:7860/page"},
    ],
)
def test_a_setting_that_cannot_be_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        HubSettings.from_environment(Path("x"), environment)


def test_origins_are_listed_with_commas_or_there_are_none() -> None:
    def origins(text: str) -> tuple[str, ...]:
        return HubSettings.from_environment(Path("x"), {"QUARTERMASTER_CORS_ORIGINS": text}).origins

    assert origins("http://forge:7860/, https://sd.example") == ("http://forge:7860", "https://sd.example")
    assert origins("none") == ()


def test_a_password_is_never_shown() -> None:
    settings = HubSettings(Path("x"), database_url="postgresql://me:s3cret@host:5432/qm?password=s3cret")
    assert settings.describe_database() == "postgresql://me@host:5432/qm"
    assert "s3cret" not in repr(settings)
