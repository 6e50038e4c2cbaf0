"""A StableQueue's files are only read: in every journal mode, while they are written, and where nothing may be made."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.stablequeue import source, tables
from quartermaster.hub.stablequeue.source import SourceError, snapshot
from quartermaster.tests.hub.samples import sha
from quartermaster.tests.hub.stablequeue_samples import insert_models, lora, make_models


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that can be seen of a folder's files."""
    found = {}
    for file in sorted(folder.iterdir()):
        stat = file.stat()
        found[file.name] = (stat.st_size, stat.st_mtime_ns, file.read_bytes())
    return found


def names_in(path: Path) -> list[str]:
    with snapshot(path) as connection:
        tables.check(connection, path)
        return [row["name"] for row in tables.rows(connection, tables.MODELS)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_models(tmp_path / "data", [lora(1, sha("one"))])


def left_behind(path: Path, script: str) -> None:
    """Run a program that writes the database and is killed: what it leaves is what a power cut leaves."""
    program = f"import os, sqlite3\nconnection = sqlite3.connect({str(path)!r})\n{script}\nos._exit(9)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 9


INSERT = "connection.execute(\"INSERT INTO models (name, type) VALUES ('two', 'lora')\")\n"


def test_a_plain_file_is_read_and_nothing_is_made_beside_it(path: Path) -> None:
    before = state(path.parent)
    assert names_in(path) == ["library_1.safetensors"]
    assert state(path.parent) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folders without the right to make files in them")
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_read_only_folder_will_do(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    before = state(path.parent)
    try:
        assert names_in(path) == ["library_1.safetensors"]
        assert state(path.parent) == before
    finally:
        path.parent.chmod(0o755)


def test_a_wal_database_at_rest_stays_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert os.listdir(path.parent) == [path.name]
    before = state(path.parent)
    assert names_in(path) == ["library_1.safetensors"]
    assert state(path.parent) == before


@pytest.mark.parametrize("index", ["kept", "lost"])
def test_what_stands_only_in_the_wal_is_read(path: Path, index: str) -> None:
    left_behind(path, f"connection.execute('PRAGMA journal_mode = WAL')\n{INSERT}connection.commit()")
    if index == "lost":  # as of files that were copied without it
        path.with_name(path.name + "-shm").unlink()
    names = set(os.listdir(path.parent))
    main, wal = path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()
    assert names_in(path) == ["library_1.safetensors", "two"]
    assert set(os.listdir(path.parent)) == names
    assert (path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()) == (main, wal)


def test_the_half_done_work_of_a_writer_that_was_killed_is_not_read(path: Path) -> None:
    # A cache of one page makes the writer put pages into the file before it commits, with a journal to undo them.
    script = "connection.execute('PRAGMA cache_size = 1')\n" + INSERT
    script += "connection.executemany('INSERT INTO model_aliases (model_id, alias_path) VALUES (1, ?)', "
    left_behind(path, script + "[('x' * 5000,)] * 200)")
    assert path.with_name(path.name + "-journal").exists()
    before = state(path.parent)
    assert names_in(path) == ["library_1.safetensors"]
    assert state(path.parent) == before


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_database_that_is_written_is_read_as_one_state(path: Path, mode: str) -> None:
    """The writer always adds two rows at once: a reader never sees an odd number of them."""
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            number = 2
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                insert_models(connection, [lora(number, sha(number)), lora(number + 1, sha(number + 1))])
                connection.execute("COMMIT")
                number += 2
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(60)
        for _ in range(5):
            assert len(names_in(path)) % 2 == 1
    finally:
        stop.set()
        writer.join()


def test_a_writer_that_keeps_it_locked_is_waited_for_and_then_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceError, match="locked"):
            names_in(path)
    assert names_in(path) == ["library_1.safetensors"]


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        names_in(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_no_sqlite_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mobilesd_models.sqlite"
    path.write_bytes(b"")
    assert "empty" in refused(path)
    for content in (b"a letter to my aunt " * 100, bytes(range(256)) * 64):  # the second as an encrypted one looks
        path.write_bytes(content)
        assert "no SQLite database, or an encrypted one" in refused(path)
        assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_database_is_refused(tmp_path: Path, share: float) -> None:
    path = make_models(tmp_path, [lora(number, sha(number)) for number in range(1, 500)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged" in refused(path)


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = make_models(tmp_path, [lora(number, sha(number)) for number in range(1, 500)])
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = os.urandom(4096 * 3)
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE recipes (id INTEGER)",
        "CREATE TABLE models (id INTEGER, name TEXT)",
        "CREATE VIEW models AS SELECT 1 AS id, 'a' AS name, 'lora' AS type, 'x' AS hash_sha256",
        "CREATE VIRTUAL TABLE models USING fts5(id, name, type, hash_sha256)",
    ],
)
def test_another_programs_tables_are_refused(tmp_path: Path, script: str) -> None:
    path = tmp_path / "mobilesd_models.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(script)
    assert "no table of models as StableQueue's" in refused(path)


def test_a_hubs_own_database_is_told_apart(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path / "hub")
    Hub(settings).close()
    assert "of a hub of Quartermaster" in refused(settings.database_file)


def test_what_is_not_there_is_refused_with_its_place(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "mobilesd_models.sqlite")
