import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from quartermaster.extension.inventory.index import KEPT_SECONDS, Facts, Index
from quartermaster.extension.inventory.scan import FileStat

FOUND = FileStat(10, 20, 30, 1, 40, False)
FACTS = Facts("ab" * 32, "cd" * 32, sample="s", identity={"kind": "LORA"}, rules="1")


def test_keeps_what_it_was_told_across_a_restart(tmp_path: Path) -> None:
    index = Index(tmp_path / "home" / "i.sqlite")
    index.put("/m/a", FOUND, FACTS)
    index.close()
    index = Index(tmp_path / "home" / "i.sqlite")
    row = index.get("/m/a")
    assert row is not None
    assert (row.size, row.mtime_ns, row.inode, row.changed_ns, row.facts) == (10, 20, 30, 40, FACTS)
    index.close()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "home" / "i.sqlite"
    Index(path).close()
    file_mode, folder_mode = (0o600, 0o700) if os.name == "posix" else (0o666, 0o777)  # Windows has no modes
    assert stat.S_IMODE(path.stat().st_mode) == file_mode
    assert stat.S_IMODE(path.parent.stat().st_mode) == folder_mode


def test_below_is_the_folder_and_not_its_neighbours(tmp_path: Path) -> None:
    index = Index(tmp_path / "i.sqlite")
    for path in ("/m/a", "/m/sub/b", "/m2/c", "/ma"):
        index.put(path.replace("/", os.sep), FOUND, FACTS)
    assert sorted(index.below(f"{os.sep}m")) == [f"{os.sep}m{os.sep}a", f"{os.sep}m{os.sep}sub{os.sep}b"]
    index.close()


def test_a_path_that_went_away_can_still_be_recognised_by_its_inode_for_a_week(tmp_path: Path) -> None:
    now = 1000.0
    index = Index(tmp_path / "i.sqlite", now=lambda: now)
    index.put("/m/a", FOUND, FACTS)
    index.mark_gone(["/m/a"])
    assert index.below("/m") == {}
    assert [row.path for row in index.with_inode(FOUND)] == ["/m/a"]
    now += KEPT_SECONDS + 1
    index.prune()
    assert index.with_inode(FOUND) == []
    index.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_damaged_index_is_set_aside_and_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i.sqlite"
    Index(path).close()
    path.write_bytes(content)
    index = Index(path)
    index.put("/m/a", FOUND, FACTS)
    assert index.get("/m/a") is not None
    index.close()
    aside = list(tmp_path.glob("i.sqlite.damaged-*"))
    assert bool(aside) == bool(content)  # an empty file is a new database to SQLite
    assert bool(index.messages) == bool(content)


def test_pages_that_were_overwritten_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    index = Index(path)
    index.put_all([(f"/m/{n}", FOUND, FACTS) for n in range(500)])
    index.close()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 4))
    index = Index(path)
    assert index.below("/m") == {}
    assert "damaged" in index.messages[0]
    index.close()


def test_an_index_of_a_newer_version_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    Index(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    index = Index(path)
    assert "newer version" in index.messages[0]
    index.close()
    assert len(list(tmp_path.glob("i.sqlite.newer-*"))) == 1


def test_two_processes_share_it(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    index = Index(path)
    code = (
        "import sys, pathlib; from quartermaster.extension.inventory.index import *; "
        "i = Index(pathlib.Path(sys.argv[1])); "
        "i.put('/m/other', FileStat(1, 2, 3, 4, 5, False), Facts('ef' * 32)); i.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    row = index.get("/m/other")
    assert row is not None
    assert row.facts.sha256 == "ef" * 32
    index.close()


def test_a_kill_in_the_middle_of_writing_leaves_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    code = (
        "import sys, pathlib; from quartermaster.extension.inventory.index import *; "
        "i = Index(pathlib.Path(sys.argv[1])); print('up', flush=True); n = 0\n"
        "while True: n += 1; i.put(f'/m/{n}', FileStat(n, 2, 3, 4, 5, False), Facts('ef' * 32)); print(n, flush=True)"
    )
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            while (last := process.stdout.readline().strip()) != "20":
                assert last, "the writer ended early"
            process.kill()
        index = Index(path)
        assert index.messages == []
        assert len(index.below("/m")) >= 20
        index.close()


def test_an_agent_keeps_its_id(tmp_path: Path) -> None:
    index = Index(tmp_path / "i.sqlite")
    assert index.agent_id("attic") == index.agent_id("attic")
    assert index.agent_id("attic") != index.agent_id("cellar")
    index.close()
