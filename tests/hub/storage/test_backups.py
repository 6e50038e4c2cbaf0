import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest
from quartermaster.hub.errors import BackupError
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.storage.backups import Backups

REVISION = "0001"


@pytest.fixture
def filled(settings: HubSettings) -> HubSettings:
    """The settings of a hub whose database holds something."""
    hub = Hub(settings)
    hub.keys.create("a key", "admin")
    hub.close()
    return settings


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_a_backup_is_dated_and_its_owners_alone(filled: HubSettings) -> None:
    told: list[tuple[int, int | None]] = []
    made = Backups(filled).make(REVISION, watch=lambda done, total: told.append((done, total)))
    kind = "dump" if filled.database_url else "sqlite"
    assert made.path.parent == filled.data_dir / "backups"
    assert made.path.match(f"hub-20??????T??????Z-{REVISION}.{kind}")
    assert (made.revision, made.size_bytes) == (REVISION, made.path.stat().st_size)
    if os.name == "posix":
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert names(made.path.parent) == [made.path.name]
    if not filled.database_url:
        assert told[-1] == (made.size_bytes, made.size_bytes)


def test_two_of_one_second_are_two(filled: HubSettings) -> None:
    made = [Backups(filled).make(REVISION).path for _ in range(3)]
    assert names(made[0].parent) == sorted(path.name for path in made)


def test_the_newest_are_kept_and_what_is_no_backup_is_left_alone(filled: HubSettings) -> None:
    few = replace(filled, backups_kept=2)
    folder = few.data_dir / "backups"
    folder.mkdir(parents=True)
    ending = ".dump" if few.database_url else ".sqlite"
    old = [f"hub-20200101T00000{number}Z-0001{ending}" for number in range(3)]
    foreign = ["hub.sqlite", "holiday.jpg", "hub-20200101T000000Z-0001.sqlite.txt", "damaged-x"]
    for name in [*old, *foreign]:
        (folder / name).write_bytes(b"")
    made = Backups(few).make(REVISION, sparing=folder / old[0]).path
    assert set(names(folder)) == {made.name, old[2], old[0], *foreign}


def test_a_person_may_say_where_to_and_no_file_of_theirs_is_replaced(filled: HubSettings, tmp_path: Path) -> None:
    target = tmp_path / "mine.backup"
    assert Backups(filled).make(REVISION, target).path == target
    before = target.read_bytes()
    with pytest.raises(BackupError, match="another name"):
        Backups(filled).make(REVISION, target)
    with pytest.raises(BackupError, match="nowhere"):
        Backups(filled).make(REVISION, tmp_path / "nowhere" / "b")
    assert target.read_bytes() == before
    assert names(tmp_path) == ["hub", "mine.backup"]
    assert names(filled.data_dir / "backups") == []


def test_what_a_killed_backup_left_is_removed_by_the_next(filled: HubSettings) -> None:
    folder = filled.data_dir / "backups"
    folder.mkdir(parents=True)
    (folder / "hub-20200101T000000Z-0001.sqlite.abc.part").write_bytes(b"half")
    made = Backups(filled).make(REVISION)
    assert names(folder) == [made.path.name]


def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path / "hub")
    Hub(settings).close()
    content = bytearray(settings.database_file.read_bytes())
    content[4096:8192] = bytes(range(256)) * 16
    settings.database_file.write_bytes(content)
    with pytest.raises(BackupError):
        Backups(settings).make(REVISION)
    assert names(settings.data_dir / "backups") == []


def test_a_disk_without_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HubSettings(tmp_path / "hub")
    Hub(settings).close()
    usage = type("usage", (), {"free": 5 << 20})
    monkeypatch.setattr("quartermaster.hub.storage.backups.shutil.disk_usage", lambda _path: usage)
    with pytest.raises(BackupError, match=r"5 MiB free.*--to FILE"):
        Backups(settings).make(REVISION)
    assert names(settings.data_dir / "backups") == []


@pytest.fixture
def on_postgres(postgres: Callable[[], str], tmp_path: Path) -> HubSettings:
    settings = HubSettings(tmp_path / "hub", postgres())
    Hub(settings).close()
    return settings


def test_a_pg_dump_that_is_older_than_the_server_is_said_so(
    on_postgres: HubSettings, postgres_programs: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, newest = min(postgres_programs), max(postgres_programs)
    monkeypatch.setenv("PATH", str(postgres_programs[oldest]))
    with pytest.raises(
        BackupError, match=rf"version {oldest}\..*server of version {newest}.*install.*{newest} or newer"
    ):
        Backups(on_postgres).make(REVISION)
    assert names(on_postgres.data_dir / "backups") == []


def test_a_pg_dump_that_is_missing_is_said_so(
    on_postgres: HubSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed"):
        Backups(on_postgres).make(REVISION)


@pytest.mark.skipif(os.name == "nt", reason="the program that listens in is a script with a #! line")
def test_a_password_is_on_no_command_line(
    on_postgres: HubSettings, postgres_programs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_postgres.database_url is not None
    secret = on_postgres.database_url.replace("postgres:@", "postgres:s3cret@", 1)
    assert "s3cret" in secret
    programs, heard = tmp_path / "programs", tmp_path / "heard"
    programs.mkdir()
    real = postgres_programs[max(postgres_programs)] / "pg_dump"
    spy = programs / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\nprintf \'%s\\n\' "$PGPASSWORD" "$@" > {quote(str(heard))}\nexec {quote(str(real))} "$@"\n'
    )
    spy.chmod(0o700)
    monkeypatch.setenv("PATH", str(programs))
    made = Backups(replace(on_postgres, database_url=secret)).make(REVISION)
    assert made.size_bytes > 1000
    password, *arguments = heard.read_text().splitlines()
    assert arguments and "s3cret" not in str(arguments) and password == "s3cret"


def test_what_a_program_says_of_its_failure_is_told_without_the_password(
    on_postgres: HubSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / "pg_dump"
    script.write_text('#!/bin/sh\necho "no luck with $PGPASSWORD" >&2\nexit 1\n')
    script.chmod(0o700)
    monkeypatch.setenv("PATH", str(programs))
    assert on_postgres.database_url is not None
    secret = on_postgres.database_url.replace("postgres:@", "postgres:s3cret@", 1)
    with pytest.raises(BackupError, match="no luck with …"):
        Backups(replace(on_postgres, database_url=secret)).make(REVISION)
