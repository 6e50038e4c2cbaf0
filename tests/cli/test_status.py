import json
import os
import signal
from pathlib import Path

import pytest
from quartermaster.extension.lock import FileLock
from quartermaster.extension.status_file import lock_path, status_path, write_status
from quartermaster.tests.cli.conftest import Desk
from quartermaster.tests.cli.processes import Home
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another")


def test_where_nothing_runs_the_answer_is_no(home: Home) -> None:
    ended = home.run("status", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert "No agent has run" in ended.err and "--key-file" in ended.err
    assert not home.data.exists()


@posix
def test_a_running_agent_tells_roots_method_queue_last_sync_and_digest(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/models/Lora/a.safetensors")
    desk.home.more = desk.key("agent", "status")
    arguments = ("--hub", desk.hub.address, "--server", "status", "--models", str(tmp_path / "m"))
    with desk.home.started("agent", *arguments) as running:
        eventually(lambda: "models published" in running.err(), "the inventory")
        eventually(lambda: desk.home.run("status", "--json").code == 0, "a status that is in sync")
        ended = desk.home.run("status", "--json")
        agent, *servers = ended.lines()
        agent = agent["agent"]
        assert (agent["server_id"], agent["running"], agent["in_sync"]) == ("status", True, True)
        assert (agent["models"], agent["queue"], agent["unsent"], agent["claimed"]) == (1, 0, 0, 0)
        assert agent["last_sync"] > 0 and len(agent["digest"]) == 16
        assert {"label", "path", "method", "reason", "stale"} <= set(agent["roots"][0])
        mine = [entry["server"] for entry in servers if entry["server"]["server_id"] == "status"]
        assert [(server["state"], server["count"]) for server in mine] == [("present", 1)]
        text = desk.home.run("status")
        assert text.code == 0
        assert "agent status: running, 1 models" in text.out and agent["digest"] in text.out
        assert "in sync, last answer" in text.out and "server status: present, 1 models" in text.out
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    ended = desk.home.run("status", "--json")
    assert ended.code == 1
    assert ended.lines()[0]["agent"]["running"] is False
    assert "agent status: NOT RUNNING, at its end it had 1 models" in desk.home.run("status").out


def test_it_says_whether_jobs_are_taken(home: Home) -> None:
    status_path(home.data, "s").parent.mkdir(parents=True)
    jobs = {"takes": True, "hours": "22:00-07:00", "now": False, "problem": "the web UI does not answer"}
    write_status(status_path(home.data, "s"), {"server_id": "s", "roots": [], "jobs": jobs})
    assert "jobs: taken at 22:00-07:00, while it runs" in home.run("status").out
    with FileLock(lock_path(home.data, "s")):
        assert "jobs: taken at 22:00-07:00; the web UI does not answer" in home.run("status").out


def test_without_a_key_the_hub_is_not_asked(home: Home) -> None:
    status_path(home.data, "s").parent.mkdir(parents=True)
    write_status(status_path(home.data, "s"), {"server_id": "s", "hub": "http://127.0.0.1:9", "in_sync": True})
    with FileLock(lock_path(home.data, "s")):
        ended = home.run("status", "--json")
    assert ended.code == 0
    assert [list(line) for line in ended.lines()] == [["agent"]]
    assert "not asked without a key" in ended.err


def test_an_agent_that_is_not_in_sync_is_a_no_and_says_why(home: Home) -> None:
    status_path(home.data, "s").parent.mkdir(parents=True)
    status = {"server_id": "s", "in_sync": False, "error": "nothing listens at http://x", "problems": 2, "roots": [
        {"label": "models", "path": "/m", "stale": "its volume is not mounted"}
    ]}  # fmt: skip
    write_status(status_path(home.data, "s"), status)
    with FileLock(lock_path(home.data, "s")):
        ended = home.run("status")
    assert ended.code == 1
    assert "not in sync, last answer never" in ended.out and "nothing listens" in ended.out
    assert "STALE: its volume is not mounted" in ended.out and "2 files are passed over" in ended.out


def test_the_hub_that_the_agent_speaks_to_is_asked_and_one_that_is_away_is_3(home: Home) -> None:
    key = home.folder / "key.json"
    key.write_text(json.dumps({"key": "k", "secret": "s"}), encoding="utf-8")
    key.chmod(0o600)
    status_path(home.data, "s").parent.mkdir(parents=True)
    write_status(status_path(home.data, "s"), {"server_id": "s", "hub": "http://127.0.0.1:9", "in_sync": True})
    with FileLock(lock_path(home.data, "s")):
        ended = home.run("status", "--json", "--key-file", str(key))
    assert ended.code == 3
    assert len(ended.lines()) == 1 and "http://127.0.0.1:9" in ended.err


def test_another_data_folder_may_be_asked_and_one_that_is_none_has_no_agents(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in ("missing", "file"):
        ended = home.run("status", "--data", str(tmp_path / place))
        assert (ended.code, ended.out) == (1, "")
