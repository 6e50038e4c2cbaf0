"""diskcache_store over real SQLite files: closed, open in another process, left by a killed one, hostile."""

import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.claims import diskcache_store
from quartermaster.extension.claims.diskcache_store import StoreError, read_store
from quartermaster.tests.fakes.hash_stores import entry, snapshot, store_in_use, write_store

ENTRY = {"mtime": 1700000000.25, "sha256": "ab" * 32}
PICKLED = entry(1700000000.25, "ab" * 32)


def test_a_closed_store_is_read_and_nothing_is_left_in_its_folder(tmp_path: Path) -> None:
    write_store(tmp_path, {"checkpoint/a.safetensors": PICKLED, "checkpoint/ä\nb": PICKLED})
    before = snapshot(tmp_path)
    assert list(before) == ["cache.db"]
    assert read_store(tmp_path) == {"checkpoint/a.safetensors": ENTRY, "checkpoint/ä\nb": ENTRY}
    assert snapshot(tmp_path) == before


def test_what_a_running_web_ui_wrote_last_is_seen_and_its_files_are_left_alone(tmp_path: Path) -> None:
    with store_in_use(tmp_path, {"checkpoint/a": PICKLED, "checkpoint/b": PICKLED}) as owner:
        before = snapshot(tmp_path)
        assert set(before) == {"cache.db", "cache.db-shm", "cache.db-wal"}
        assert read_store(tmp_path) == {"checkpoint/a": ENTRY, "checkpoint/b": ENTRY}
        assert snapshot(tmp_path) == before
        output, _ = owner.communicate("\n", timeout=60)
        assert output == "3\n"


def test_what_a_killed_web_ui_left_is_seen_and_left_alone(tmp_path: Path) -> None:
    with store_in_use(tmp_path, {"checkpoint/a": PICKLED}) as owner:
        owner.kill()
        owner.wait()
        before = snapshot(tmp_path)
        assert "cache.db-wal" in before
        assert read_store(tmp_path) == {"checkpoint/a": ENTRY}
        assert snapshot(tmp_path) == before


def test_a_pending_log_without_its_index_leaves_the_store_for_later(tmp_path: Path) -> None:
    with store_in_use(tmp_path, {"checkpoint/a": PICKLED}) as owner:
        owner.kill()
        owner.wait()
        (tmp_path / "cache.db-shm").unlink()
        before = snapshot(tmp_path)
        with pytest.raises(StoreError, match=r"cache\.db"):
            read_store(tmp_path)
        assert snapshot(tmp_path) == before


def test_an_empty_log_does_not_matter(tmp_path: Path) -> None:
    write_store(tmp_path, {"checkpoint/a": PICKLED})
    (tmp_path / "cache.db-wal").touch()
    before = snapshot(tmp_path)
    assert read_store(tmp_path) == {"checkpoint/a": ENTRY}
    assert snapshot(tmp_path) == before


def test_a_store_that_is_written_to_meanwhile_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_store(tmp_path, {"checkpoint/a": PICKLED})
    reads = []
    read = diskcache_store._read

    def meddle(database: Path, *, immutable: bool) -> dict[str, dict[object, object]]:
        entries = read(database, immutable=immutable)
        reads.append(immutable)
        if len(reads) == 1:
            write_store(tmp_path, {"checkpoint/b": PICKLED})
        return entries

    monkeypatch.setattr(diskcache_store, "_read", meddle)
    assert set(read_store(tmp_path)) == {"checkpoint/a", "checkpoint/b"}
    assert len(reads) == 2


def test_a_store_that_never_rests_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_store(tmp_path, {"checkpoint/a": PICKLED})
    reads = []

    def meddle(database: Path, *, immutable: bool) -> dict[str, dict[object, object]]:
        reads.append(immutable)
        os.utime(database, (len(reads), len(reads)))
        return {}

    monkeypatch.setattr(diskcache_store, "_read", meddle)
    with pytest.raises(StoreError, match="being written to"):
        read_store(tmp_path)


def test_what_is_no_hash_entry_is_left_out(tmp_path: Path) -> None:
    odd: dict[Any, Any] = {
        "checkpoint/expired": {"value": PICKLED, "expire_time": 1.0},
        "checkpoint/file": {"value": None, "filename": "../../../etc/passwd"},
        "checkpoint/raw": {"value": "ab" * 32, "mode": 1},
        "checkpoint/number": {"value": 5},
        "checkpoint/huge": {"value": PICKLED + b"x" * 5000},
        "checkpoint/list": pickle.dumps([1]),
        "checkpoint/rubbish": b"\x00\xff",
        b"checkpoint/bytes": PICKLED,
        7: PICKLED,
        "checkpoint/pickled key": {"value": PICKLED, "raw": 0},
        "checkpoint/unexpired": {"value": PICKLED, "expire_time": 9e9},
        "checkpoint/good": PICKLED,
    }
    assert read_store(write_store(tmp_path, odd)) == {"checkpoint/good": ENTRY, "checkpoint/unexpired": ENTRY}


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_hostile_entry_is_never_run_and_does_not_hide_the_others(tmp_path: Path) -> None:
    canary = Canary(tmp_path / "sang")
    hostile = pickle.dumps({"mtime": 1.0, "sha256": canary})
    store = write_store(tmp_path / "store", {"checkpoint/a": hostile, "checkpoint/b": PICKLED})
    assert read_store(store) == {"checkpoint/b": ENTRY}
    assert not canary.path.exists()


def test_a_key_that_is_not_utf8_does_not_hide_the_others(tmp_path: Path) -> None:
    write_store(tmp_path, {"checkpoint/a": PICKLED, "checkpoint/b": PICKLED})
    with closing(sqlite3.connect(tmp_path / "cache.db")) as connection, connection:
        connection.execute("UPDATE Cache SET key = CAST(X'FF' AS TEXT) WHERE key = 'checkpoint/a'")
    assert read_store(tmp_path)["checkpoint/b"] == ENTRY


def test_a_store_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_store(tmp_path)


def sql(*statements: str) -> Any:
    def make(database: Path) -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return make


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000),
        lambda path: path.write_text("not a database at all " * 100),
        lambda path: path.mkdir(),
        sql("CREATE TABLE Other (key, value)"),
        sql("CREATE TABLE Cache (key, value)"),
        sql(f"CREATE VIEW Cache AS {ENDLESS} 'k' key, x'80' value, 1 raw, 4 mode, NULL expire_time FROM n"),
    ],
    ids=["empty", "corrupt", "text", "folder", "no table", "other columns", "view"],
)
def test_what_is_no_store_is_refused_in_words(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "cache.db")
    with pytest.raises(StoreError, match=r"cache\.db"):
        read_store(tmp_path)


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    database = write_store(tmp_path, {f"checkpoint/{i}": PICKLED for i in range(2000)}) / "cache.db"
    content = bytearray(database.read_bytes())
    content[4096 * 3 :: 512] = b"\xff" * len(content[4096 * 3 :: 512])
    database.write_bytes(content)
    with pytest.raises(StoreError, match=r"cache\.db"):
        read_store(tmp_path)


def test_a_query_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_store(tmp_path, {f"checkpoint/{i}": PICKLED for i in range(5000)})
    monkeypatch.setattr(diskcache_store, "READ_SECONDS", -1.0)
    with pytest.raises(StoreError, match="interrupted"):
        read_store(tmp_path)


def test_a_fifo_in_its_place_blocks_nobody(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "cache.db")
        with pytest.raises(StoreError, match="not a regular file"):
            read_store(tmp_path)


@pytest.mark.parametrize("name", ["a b?mode=rwc", "100%", "#1", "é~", "a&b=c"])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    if os.name == "nt":
        name = name.replace("?", "")
    store = write_store(tmp_path / name, {"checkpoint/a": PICKLED})
    assert read_store(store) == {"checkpoint/a": ENTRY}
    assert list(snapshot(store)) == ["cache.db"]
