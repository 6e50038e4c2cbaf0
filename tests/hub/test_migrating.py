import os
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from quartermaster.hub.database import Database
from quartermaster.hub.errors import DatabaseUnusableError
from quartermaster.hub.migrating import current_revision, migrate, newest_revision
from quartermaster.hub.schema import FTS5_TABLE, metadata
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.old_hubs import SHA256, leave_old_database
from quartermaster.tests.hub.samples import together


@pytest.fixture
def database(settings: HubSettings):
    database = Database(settings)
    yield database
    database.close()


def test_an_empty_database_is_brought_to_the_newest_migration(database: Database) -> None:
    with database.read() as connection:
        assert current_revision(connection) is None
    assert migrate(database) == newest_revision()
    assert migrate(database) == newest_revision()
    with database.read() as connection:
        assert current_revision(connection) == newest_revision()


def is_portable(name: str | None, _type: str, _parents: object) -> bool:
    """Say whether SQLAlchemy can describe a table or index for both databases: not FTS5's tables, nor GIN."""
    return name is None or (not name.startswith(FTS5_TABLE) and name != "search_documents_words")


def test_the_migrations_lead_to_the_schema_that_the_code_uses(database: Database) -> None:
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_schemas": False, "include_name": is_portable})
        assert compare_metadata(context, metadata) == []


def test_what_an_older_hub_wrote_is_kept(settings: HubSettings) -> None:
    leave_old_database(settings)
    hub = Hub(settings)
    try:
        assert hub.keys.recognise("k", "s", None).scope == "admin"
        assert not hub.keys.listed()[0].by_pairing
        shown = hub.registry.get(SHA256)["model"]
        assert (shown["type"], shown["ecosystem"], shown["override"]) == ("LORA", "SDXL", None)
    finally:
        hub.close()


def test_two_hubs_that_start_at_once_migrate_once(settings: HubSettings) -> None:
    def start(_number: int) -> str:
        hub = Hub(settings)
        hub.close()
        return hub.migration

    assert together(4, start) == [newest_revision()] * 4


def test_a_newer_database_is_refused_with_words(settings: HubSettings, database: Database) -> None:
    migrate(database)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusableError, match="9999"):
        Hub(settings)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    settings.database_file.write_bytes(b"a letter to my aunt " * 100)
    with pytest.raises(DatabaseUnusableError, match=r"hub\.sqlite"):
        Hub(settings)
    assert settings.database_file.read_bytes().startswith(b"a letter")


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnusableError, match="file"):
        Hub(HubSettings(tmp_path / "file" / "hub"))


@pytest.mark.parametrize("url", ["mysql://me:s3cret@host/x", "nonsense s3cret", "sqlite:///s3cret"])
def test_a_url_of_no_postgresql_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnusableError) as caught:
        Hub(HubSettings(tmp_path, database_url=url))
    assert "s3cret" not in str(caught.value)


def test_a_postgresql_that_is_not_there_is_refused_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/qm?connect_timeout=5"
    with pytest.raises(DatabaseUnusableError, match="cannot be opened") as caught:
        Hub(HubSettings(tmp_path, database_url=url))
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in access lists, which a new file inherits")
def test_the_databases_files_are_the_owners_alone(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path / "hub")
    Hub(settings).close()
    assert settings.data_dir.stat().st_mode & 0o077 == 0
    assert settings.database_file.stat().st_mode & 0o077 == 0
    with sqlite3.connect(settings.database_file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
