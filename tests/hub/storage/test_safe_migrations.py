"""A migration keeps what was there: a backup before it, and the old database where it fails or is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from quartermaster.hub.database import Database
from quartermaster.hub.errors import BackupError, DatabaseUnusableError, MigrationFailedError
from quartermaster.hub.migrating import current_revision, newest_revision
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.storage.inspection import inspect_database
from quartermaster.hub.storage.restoring import restore
from quartermaster.tests.hub.old_hubs import SHA256, leave_old_database
from quartermaster.tests.hub.samples import together
from sqlalchemy import text

OLD = "0001"
HALF_WAY = """
import sys, threading
from pathlib import Path
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from sqlalchemy import Engine, event

@event.listens_for(Engine, "before_cursor_execute")
def before(_connection, _cursor, statement, *_more):
    if statement.startswith("UPDATE alembic_version"):  # the tables of a migration are changed, nothing is committed
        print("half-way", flush=True)
        threading.Event().wait()

Hub(HubSettings(Path(sys.argv[1]), database_url=sys.argv[2] or None))
"""


def backups_of(settings: HubSettings) -> list[Path]:
    return sorted((settings.data_dir / "backups").glob("hub-*"))


def assert_as_the_old_hub_left_it(settings: HubSettings) -> None:
    assert inspect_database(settings).revision == OLD
    database = Database(settings)
    try:
        with database.read() as connection:
            assert connection.execute(text("SELECT name, hash_sha256 FROM models")).all() == [("old", SHA256)]
            columns = connection.execute(text("SELECT * FROM api_keys")).keys()
            assert "by_pairing" not in columns  # which the migration after it adds
    finally:
        database.close()


def assert_migrates(settings: HubSettings) -> None:
    hub = Hub(settings)
    try:
        assert hub.migration == newest_revision()
        assert hub.registry.get(SHA256)["model"]["name"] == "old"
        assert hub.keys.recognise("k", "s", None).scope == "admin"
    finally:
        hub.close()


def environment(settings: HubSettings) -> dict[str, str]:
    return {**os.environ, "QUARTERMASTER_DATABASE_URL": settings.database_url or ""}


def hub_command(settings: HubSettings, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "quartermaster", "hub", *arguments, "--data", str(settings.data_dir)]
    return subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_a_backup_that_can_be_restored_comes_before_a_migration(settings: HubSettings) -> None:
    leave_old_database(settings)
    assert_migrates(settings)
    (backup,) = backups_of(settings)
    assert f"-{OLD}." in backup.name
    assert restore(settings, backup).revision == OLD
    assert_as_the_old_hub_left_it(settings)
    assert_migrates(settings)


@pytest.mark.parametrize("start", [None, OLD])
def test_what_holds_nothing_is_migrated_without_a_backup(settings: HubSettings, start: str | None) -> None:
    if start is not None:
        leave_old_database(settings, start, rows=False)
    Hub(settings).close()
    assert inspect_database(settings).revision == newest_revision()
    assert backups_of(settings) == []


def test_nor_is_there_one_where_nothing_is_to_migrate_or_nobody_wants_it(settings: HubSettings) -> None:
    leave_old_database(settings)
    assert_migrates(replace(settings, backup_before_migrating=False))
    assert_migrates(settings)
    assert backups_of(settings) == []


def test_a_migration_that_fails_leaves_the_old_database_and_names_the_backup(settings: HubSettings) -> None:
    leave_old_database(settings)
    database = Database(settings)
    # Somebody's own table has the name of one that a later migration makes.
    database.write(lambda connection: connection.execute(text("CREATE TABLE pairing_codes (mine INTEGER)")))
    database.close()
    with pytest.raises(MigrationFailedError, match=r"pairing_codes.* already exists") as caught:
        Hub(settings)
    (backup,) = backups_of(settings)
    assert str(backup) in str(caught.value) and "as it was" in str(caught.value)
    assert_as_the_old_hub_left_it(settings)
    for action in (["migrate"], ["serve", "--port", "0"], ["key", "list"]):
        ended = hub_command(settings, *action)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "as it was" in ended.stderr and "Traceback" not in ended.stderr
    assert_as_the_old_hub_left_it(settings)


def test_processes_that_start_at_once_migrate_once_and_back_up_once(settings: HubSettings) -> None:
    leave_old_database(settings)
    ended = together(4, lambda _number: hub_command(settings, "migrate", "--json"))
    assert [each.returncode for each in ended] == [0] * 4, ended
    assert len(backups_of(settings)) == 1
    assert sum('"backup": null' not in each.stdout for each in ended) == 1
    assert_migrates(settings)


def test_a_migration_killed_half_way_leaves_the_old_database_and_the_next_start_migrates(settings: HubSettings) -> None:
    leave_old_database(settings)
    command = [sys.executable, "-c", HALF_WAY, str(settings.data_dir), settings.database_url or ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "half-way\n"
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == (-signal.SIGKILL if os.name == "posix" else 1)
    assert_as_the_old_hub_left_it(settings)
    assert_migrates(settings)
    assert len(backups_of(settings)) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot limit what a process writes")
def test_a_full_disk_at_the_backup_leaves_the_old_database_and_nothing_else(settings: HubSettings) -> None:
    import resource

    leave_old_database(settings)
    room = 4096 if settings.database_url else 40_960  # SQLite could not even open its database with less
    ended = hub_command(settings, "migrate", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--no-backup" in ended.stderr and "Traceback" not in ended.stderr
    assert [path.name for path in (settings.data_dir / "backups").iterdir()] == [".lock"]
    assert_as_the_old_hub_left_it(settings)
    assert_migrates(settings)


@contextmanager
def locked(settings: HubSettings) -> Iterator[None]:
    """Let another program keep the database locked."""
    if settings.database_url is None:
        with closing(sqlite3.connect(settings.database_file, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("LOCK TABLE models IN ROW EXCLUSIVE MODE")
            yield


def test_a_database_that_another_program_keeps_locked_is_said(settings: HubSettings) -> None:
    leave_old_database(settings)
    impatient = replace(settings, busy_timeout_seconds=0.2)
    with locked(settings), pytest.raises(DatabaseUnusableError, match="another program keeps it locked"):
        Hub(impatient)
    assert backups_of(settings) == []
    assert_as_the_old_hub_left_it(settings)
    assert_migrates(settings)


def test_without_pg_dump_the_refusal_names_the_way_to_go_on(
    postgres: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HubSettings(tmp_path / "hub", postgres())
    leave_old_database(settings)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match=r"pg_dump is not installed.*[\s\S]*--no-backup"):
        Hub(settings)
    assert_as_the_old_hub_left_it(settings)
    ended = hub_command(settings, "migrate", "--no-backup")
    assert (ended.returncode, ended.stdout) == (0, f"migrated from {OLD} to {newest_revision()}\n")
    assert_migrates(settings)


def test_a_migration_waits_for_writers_and_backs_up_what_they_wrote(settings: HubSettings) -> None:
    leave_old_database(settings)
    old = Database(settings)  # a hub of the old version, which still runs
    writing, go_on = threading.Event(), threading.Event()

    def write() -> None:
        def insert(connection: Any) -> None:
            connection.execute(text("UPDATE models SET name = 'last words'"))
            writing.set()
            assert go_on.wait(60)

        old.write(insert)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert writing.wait(60)
        threading.Timer(0.2, go_on.set).start()
        Hub(settings).close()
    finally:
        go_on.set()
        thread.join()
        old.close()
    (backup,) = backups_of(settings)
    restore(settings, backup)
    again = Database(settings)
    with again.read() as connection:
        assert current_revision(connection) == OLD
        assert connection.scalar(text("SELECT name FROM models")) == "last words"
    again.close()
