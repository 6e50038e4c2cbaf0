import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from quartermaster.hub.database import Database, postgresql_url
from quartermaster.hub.errors import DatabaseUnusableError, InUseError, OverloadedError, RestoreError
from quartermaster.hub.migrating import newest_revision
from quartermaster.hub.placing import keyed_digests, to_signed
from quartermaster.hub.schema import placements, servers
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.storage.backups import Backups, connect
from quartermaster.hub.storage.occupancy import connection_alone, file_alone
from quartermaster.hub.storage.restoring import restore
from quartermaster.hub_client.digest import MODULUS
from quartermaster.tests.hub.samples import Api, entry
from sqlalchemy import select, text


def write_key(settings: HubSettings, name: str) -> None:
    hub = Hub(settings)
    hub.keys.create(name, "admin")
    hub.close()


def keys_of(settings: HubSettings) -> list[str]:
    hub = Hub(settings)
    try:
        return sorted(info.name for info in hub.keys.listed())
    finally:
        hub.close()


def back_up(settings: HubSettings) -> Path:
    return Backups(settings).make(newest_revision()).path


def test_a_backup_comes_back_and_that_can_be_undone(settings: HubSettings) -> None:
    write_key(settings, "first")
    backup = back_up(settings)
    write_key(settings, "second")
    done = restore(settings, backup)
    assert done.revision == newest_revision() and done.undo is not None
    assert keys_of(settings) == ["first"]
    again = restore(settings, done.undo)
    assert keys_of(settings) == ["first", "second"]
    assert again.undo is not None and again.undo != done.undo


def test_a_backup_restores_into_a_place_where_nothing_is(settings: HubSettings, tmp_path: Path) -> None:
    write_key(settings, "first")
    backup = back_up(settings)
    if settings.database_url is None:
        settings = HubSettings(tmp_path / "elsewhere")
    else:
        with psycopg.connect(settings.database_url) as connection:
            row = connection.execute("SELECT current_schema()").fetchone()
            assert row is not None
            connection.execute(f"DROP SCHEMA {row[0]} CASCADE".encode())
            connection.execute(f"CREATE SCHEMA {row[0]}".encode())
    assert restore(settings, backup).undo is None
    assert keys_of(settings) == ["first"]
    if os.name == "posix" and settings.database_url is None:
        assert settings.database_file.stat().st_mode & 0o077 == 0


def test_a_backup_taken_while_agents_write_is_of_one_moment(settings: HubSettings, api: Api) -> None:
    inventories = [[entry(f"{number} {each}", content=each) for each in range(300)] for number in range(3)]
    stop = threading.Event()

    def push() -> None:
        while not stop.is_set():
            for held in inventories:
                api.synced({"models": held})

    agent = threading.Thread(target=push)
    api.synced({"models": inventories[0]})
    agent.start()
    try:
        backups = [back_up(settings) for _ in range(3)]
    finally:
        stop.set()
        agent.join()
    api.hub.database.write(lambda connection: connection.execute(placements.delete()))
    api.session.close()
    for backup in backups:
        assert_whole(backup, settings)


def assert_whole(backup: Path, settings: HubSettings) -> None:
    """Assert that the digest beside an inventory is that of its rows."""
    if settings.database_url is None:
        copied = HubSettings(backup.with_suffix(".restored"))
        restore(copied, backup)
        database = Database(copied)
    else:
        rows = subprocess.run(
            ["pg_restore", "--data-only", "--file=-", backup],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        server = copied_rows(rows, "servers")[0]
        held = [int(row["entry_digest"]) for row in copied_rows(rows, "model_server_availability")]
        assert (int(server["entry_count"]), len(held)) == (300, 300)
        assert int(server["digest"]) == to_signed(sum(held) % MODULUS)
        return
    try:
        with database.read() as connection:
            server = connection.execute(select(servers)).one()
            digests = keyed_digests(connection, "attic")
        assert (server.entry_count, len(digests)) == (300, 300)
        assert server.digest == to_signed(sum(digest for _, digest in digests) % MODULUS)
    finally:
        database.close()


def copied_rows(script: str, table: str) -> list[dict[str, str]]:
    """Return the rows that a dump's script has of a table."""
    head, _, rest = script.partition(f".{table} (")[2].partition(") FROM stdin;\n")
    columns = [name.strip() for name in head.split(",")]
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in rest.partition("\n\\.")[0].splitlines()]


def test_a_hub_that_runs_keeps_a_restore_away_until_it_ends(settings: HubSettings) -> None:
    write_key(settings, "first")
    backup = back_up(settings)
    hub = Hub(settings)
    with pytest.raises(InUseError, match="stop"):
        restore(settings, backup)
    hub.keys.create("second", "admin")
    hub.close()
    assert keys_of(settings) == ["first", "second"]
    restore(settings, backup)
    assert keys_of(settings) == ["first"]


def test_so_does_one_in_another_process_even_while_it_idles_and_a_killed_one_does_not(settings: HubSettings) -> None:
    write_key(settings, "first")
    backup = back_up(settings)
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(settings.data_dir)]
    environment = {**os.environ, "QUARTERMASTER_DATABASE_URL": settings.database_url or ""}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline().startswith("listening")
        with pytest.raises(InUseError):
            restore(settings, backup)
    finally:
        process.kill()
        process.communicate()
    assert restore(settings, backup).revision == newest_revision()


def test_no_hub_starts_in_the_middle_of_a_restore(settings: HubSettings) -> None:
    write_key(settings, "first")
    if settings.database_url is None:
        with file_alone(settings.data_dir), pytest.raises(DatabaseUnusableError, match="being restored"):
            Hub(settings)
    else:
        with (
            connect(postgresql_url(settings.database_url), settings) as connection,
            connection_alone(connection, "here"),
            pytest.raises(DatabaseUnusableError, match="being restored"),
        ):
            Hub(settings)
    assert keys_of(settings) == ["first"]


def test_a_hub_that_connects_again_in_the_middle_of_a_restore_says_so(
    postgres: Callable[[], str], tmp_path: Path
) -> None:
    settings = HubSettings(tmp_path / "hub", postgres())
    hub = Hub(settings)
    try:
        hub.database.engine.dispose()  # as when the server was restarted
        assert settings.database_url is not None
        with (
            connect(postgresql_url(settings.database_url), settings) as connection,
            connection_alone(connection, "here"),
            pytest.raises(OverloadedError, match="being restored"),
        ):
            hub.keys.listed()
        assert hub.keys.listed() == []
    finally:
        hub.close()


def spoil(backup: Path, how: str, tmp_path: Path) -> Path:
    """Return a file that is no backup for this hub, made in one of the ways that there are."""
    bad = tmp_path / "bad"
    if how == "missing":
        return bad
    if how == "folder":
        bad.mkdir()
    elif how == "truncated":
        bad.write_bytes(backup.read_bytes()[: backup.stat().st_size * 2 // 3])
    elif how == "empty":
        bad.write_bytes(b"")
    elif how == "a letter":
        bad.write_bytes(b"Dear aunt, " * 1000)
    elif how == "another program's":
        with closing(sqlite3.connect(bad)) as connection:
            connection.execute("CREATE TABLE recipes (cake TEXT)")
    elif how == "the other kind":
        bad.write_bytes(b"PGDMP" + bytes(100) if backup.suffix == ".sqlite" else b"SQLite format 3\0" + bytes(100))
    return bad


@pytest.mark.parametrize(
    "how", ["missing", "folder", "truncated", "empty", "a letter", "another program's", "the other kind"]
)
def test_what_is_no_backup_is_refused_and_the_database_left_alone(
    settings: HubSettings, tmp_path: Path, how: str
) -> None:
    write_key(settings, "first")
    backup = back_up(settings)
    write_key(settings, "second")
    before = sorted(backup.parent.iterdir())
    with pytest.raises(RestoreError, match="bad"):
        restore(settings, spoil(backup, how, tmp_path))
    assert keys_of(settings) == ["first", "second"]
    assert sorted(backup.parent.iterdir()) == before
    assert [path.name for path in settings.data_dir.iterdir() if path.suffix == ".part"] == []


def test_a_backup_of_a_newer_version_is_refused(settings: HubSettings) -> None:
    write_key(settings, "first")
    rename(settings, "9999")
    backup = back_up(settings)
    rename(settings, newest_revision())
    with pytest.raises(RestoreError, match=r"newer Quartermaster \(migration 9999\)"):
        restore(settings, backup)
    assert keys_of(settings) == ["first"]


def rename(settings: HubSettings, revision: str) -> None:
    database = Database(settings)
    statement = text("UPDATE alembic_version SET version_num = :to")
    database.write(lambda connection: connection.execute(statement, {"to": revision}))
    database.close()


def test_the_database_itself_is_no_backup_of_it(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    write_key(settings, "first")
    with pytest.raises(RestoreError, match="itself"):
        restore(settings, settings.database_file)
    assert keys_of(settings) == ["first"]


def test_a_database_that_another_program_has_open_is_not_replaced(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    write_key(settings, "first")
    backup = back_up(settings)
    write_key(settings, "second")
    with closing(sqlite3.connect(settings.database_file)) as browser:
        browser.execute("SELECT count(*) FROM api_keys").fetchone()
        with pytest.raises(InUseError, match="another program"):
            restore(settings, backup)
    assert keys_of(settings) == ["first", "second"]


def test_a_damaged_database_is_kept_aside_and_the_backup_takes_its_place(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    write_key(settings, "first")
    backup = back_up(settings)
    settings.database_file.write_bytes(b"not what it was " * 1000)
    settings.database_file.with_name("hub.sqlite-wal").write_bytes(b"nor this")
    done = restore(settings, backup)
    assert keys_of(settings) == ["first"]
    assert done.undo is not None and done.undo.read_bytes().startswith(b"not what it was")
    assert done.undo.with_name("hub.sqlite-wal").read_bytes() == b"nor this"


def test_so_is_one_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    write_key(settings, "first")
    backup = back_up(settings)
    content = bytearray(settings.database_file.read_bytes())
    content[8192:16384] = bytes(range(256)) * 32
    settings.database_file.write_bytes(content)
    done = restore(settings, backup)
    assert keys_of(settings) == ["first"]
    assert done.undo is not None and done.undo.parent.name.startswith("damaged-")
    assert done.undo.stat().st_size == len(content)


def test_the_oldest_backup_can_be_restored_where_few_are_kept(settings: HubSettings) -> None:
    few = replace(settings, backups_kept=1)
    write_key(few, "first")
    backup = back_up(few)
    write_key(few, "second")
    restore(few, backup)
    assert keys_of(few) == ["first"] and backup.exists()


@pytest.mark.skipif(os.name == "nt", reason="the program that breaks off is a script with a #! line")
@pytest.mark.parametrize("name", ["pg_restore", "psql"])
def test_a_program_that_breaks_off_leaves_the_database_as_it_was(
    postgres: Callable[[], str],
    postgres_programs: dict[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    settings = HubSettings(tmp_path / "hub", postgres())
    write_key(settings, "first")
    backup = back_up(settings)
    write_key(settings, "second")
    real = postgres_programs[max(postgres_programs)]
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / name
    if name == "pg_restore":  # which breaks off in the middle of the script
        script.write_text(
            f'#!/bin/sh\ncase "$*" in *--clean*) "{real}/pg_restore" "$@" | head -c 6000; exit 1;; esac\n'
            f'exec "{real}/pg_restore" "$@"\n'
        )
    else:  # which gets something else to do in the middle of it
        script.write_text(f'#!/bin/sh\n(head -c 6000; echo; echo "SELECT no_such_thing;"; cat) | "{real}/psql" "$@"\n')
    script.chmod(0o700)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), str(real), os.environ["PATH"]]))
    with pytest.raises(RestoreError, match=f"{name} failed"):
        restore(settings, backup)
    assert keys_of(settings) == ["first", "second"]


def test_a_schema_with_tables_of_another_program_is_left_alone(postgres: Callable[[], str], tmp_path: Path) -> None:
    settings = HubSettings(tmp_path / "hub", postgres())
    write_key(settings, "first")
    backup = back_up(settings)
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(RestoreError, match=r"another program: .*api_keys"):
        restore(settings, backup)
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute("SELECT name FROM api_keys").fetchall() == [("first",)]


def test_a_dump_of_another_schema_is_refused(postgres: Callable[[], str], tmp_path: Path) -> None:
    one, other = (HubSettings(tmp_path / name, postgres()) for name in ("one", "other"))
    write_key(one, "first")
    with pytest.raises(RestoreError, match="schema"):
        restore(other, back_up(one))


def test_without_the_programs_the_refusal_says_what_to_install(
    postgres: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HubSettings(tmp_path / "hub", postgres())
    write_key(settings, "first")
    backup = back_up(settings)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(RestoreError, match="pg_restore is not installed"):
            restore(settings, backup)
    assert keys_of(settings) == ["first"]
