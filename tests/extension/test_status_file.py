import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.lock import FileLock
from quartermaster.extension.status_file import keep_writing, lock_path, read_all, status_path, write_status


def put(home: Path, server_id: str, **status: Any) -> Path:
    path = status_path(home, server_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert write_status(path, {"server_id": server_id, **status})
    return path


def test_what_an_agent_says_is_read_by_others_of_this_user_only(tmp_path: Path) -> None:
    path = put(tmp_path, "attic", models=3)
    assert read_all(tmp_path) == [{"server_id": "attic", "models": 3, "running": False, "file": str(path)}]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_agent_runs_while_its_lock_is_held_whatever_its_file_says(tmp_path: Path) -> None:
    put(tmp_path, "attic", running=True)
    put(tmp_path, "cellar")
    with FileLock(lock_path(tmp_path, "cellar")):
        assert [(s["server_id"], s["running"]) for s in read_all(tmp_path)] == [("attic", False), ("cellar", True)]
    assert [s["running"] for s in read_all(tmp_path)] == [False, False]


def test_where_no_agent_ever_ran_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_all(tmp_path / "missing") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_passed_over(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "attic").write_bytes(content)
    put(tmp_path, "cellar")
    assert [status["server_id"] for status in read_all(tmp_path)] == ["cellar"]


def test_a_status_that_cannot_be_written_is_no_fault_of_the_agent(tmp_path: Path) -> None:
    assert write_status(tmp_path / "missing" / "attic.json", {}) is False


def test_it_is_written_at_once_when_it_changed_and_a_last_time(tmp_path: Path) -> None:
    path = tmp_path / "attic.json"
    stop, asked = threading.Event(), 0

    def status() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1:
            stop.set()  # while the first is being written
        return {"asked": asked}

    keep_writing(path, status, stop)
    assert asked == 2
    assert json.loads(path.read_text(encoding="utf-8")) == {"asked": 2}
    assert os.listdir(tmp_path) == ["attic.json"]
