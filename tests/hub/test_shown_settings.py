from dataclasses import fields
from pathlib import Path

from quartermaster.hub.database_facts import database_facts
from quartermaster.hub.setting_meanings import MEANINGS
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.shown_settings import shown_settings
from quartermaster.tests.hub.samples import Api


def test_every_setting_has_a_meaning() -> None:
    assert {item.name for item in fields(HubSettings)} - {"limits"} <= set(MEANINGS)


def test_a_setting_says_where_its_value_comes_from() -> None:
    settings = HubSettings(Path("x"), stale_after_seconds=30, event_streams=5)
    shown = {each.name: each for each in shown_settings(settings, {"QUARTERMASTER_STALE_AFTER_SECONDS": "30"})}
    assert (shown["stale_after_seconds"].value, shown["stale_after_seconds"].source) == ("30", "environment")
    assert (shown["event_streams"].value, shown["event_streams"].source) == ("5", "command line")
    assert (shown["offline_after_seconds"].value, shown["offline_after_seconds"].source) == ("600", "default")
    assert shown["database_url"].value is None and "limits" not in shown


def test_no_secret_is_shown() -> None:
    settings = HubSettings(Path("x"), database_url="postgresql://me:s3cret@host/qm?password=s3cret")
    assert "s3cret" not in repr(shown_settings(settings, {"QUARTERMASTER_DATABASE_URL": "postgresql://me:s3cret@host"}))


def test_a_database_tells_about_itself(api: Api) -> None:
    facts = database_facts(api.hub.database)
    assert facts.kind.startswith("SQLite 3." if api.hub.database.is_sqlite else "PostgreSQL ")
    assert facts.migration == api.hub.migration
    assert facts.size_bytes > 10_000
