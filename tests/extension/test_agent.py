import os
import sqlite3
import threading
from pathlib import Path

import pytest
from quartermaster.extension.agent import Agent, wait_until
from quartermaster.extension.config import AgentConfig
from quartermaster.extension.lock import AlreadyRunningError, is_held
from quartermaster.extension.status_file import lock_path, read_all
from quartermaster.hub_client import AddressError
from quartermaster.tests.contract.conftest import Site, eventually, in_sync, site  # noqa: F401 (a fixture)
from quartermaster.tests.fakes.model_files import write_model


def config(tmp_path: Path, **settings: object) -> AgentConfig:
    (tmp_path / "m").mkdir(exist_ok=True)
    return AgentConfig("attic", models=str(tmp_path / "m"), home=tmp_path / "home", **settings)  # type: ignore[arg-type]


def test_two_agents_of_one_server_are_refused_on_one_machine(tmp_path: Path) -> None:
    first = Agent(config(tmp_path))
    with pytest.raises(AlreadyRunningError):
        Agent(config(tmp_path))
    first.stop()
    Agent(config(tmp_path)).stop()


@pytest.mark.parametrize("fault", ["address", "index"])
def test_one_that_cannot_be_made_holds_no_lock(tmp_path: Path, fault: str) -> None:
    if fault == "index":
        (tmp_path / "home/index.sqlite").mkdir(parents=True)
        with pytest.raises((OSError, sqlite3.Error)):
            Agent(config(tmp_path))
    else:
        with pytest.raises(AddressError):
            Agent(config(tmp_path, hub="attic:7807"))
    assert not is_held(lock_path(tmp_path / "home", "attic"))


def test_without_a_hub_it_takes_inventory_all_the_same(tmp_path: Path) -> None:
    write_model(tmp_path / "m/models/Lora/a.safetensors")
    agent = Agent(config(tmp_path))
    agent.start()
    try:
        eventually(lambda: agent.quiet().done, "the inventory")
        status = agent.status()
    finally:
        agent.stop()
    assert (status["models"], status["hub"], status["in_sync"], status["queue"]) == (1, None, None, 0)
    assert status["bytes_read"] == (tmp_path / "m/models/Lora/a.safetensors").stat().st_size


def test_a_restart_reads_nothing_again_and_knows_the_digest(tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    seen = []
    for _ in range(2):
        agent = Agent(config(tmp_path))
        agent.start()
        eventually(lambda agent=agent: agent.quiet().done, "the inventory")  # type: ignore[misc]
        seen.append(agent.status())
        agent.stop()
    assert seen[0]["digest"] == seen[1]["digest"]
    assert (seen[0]["bytes_read"] > 0, seen[1]["bytes_read"]) == (True, 0)


def test_it_leaves_no_thread_and_its_last_status_behind(tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    before = set(threading.enumerate())
    agent = Agent(config(tmp_path))
    agent.start()
    eventually(lambda: agent.quiet().done, "the inventory")
    assert {"qm-disk", "qm-status"} <= {thread.name for thread in threading.enumerate()}
    assert [status["running"] for status in read_all(tmp_path / "home")] == [True]
    agent.stop()
    assert set(threading.enumerate()) == before
    (status,) = read_all(tmp_path / "home")
    assert (status["running"], status["models"], status["server_id"]) == (False, 1, "attic")


def test_one_that_was_made_and_never_started_can_be_stopped(tmp_path: Path) -> None:
    agent = Agent(config(tmp_path, hub="http://127.0.0.1:9"))
    agent.stop()
    assert not is_held(lock_path(tmp_path / "home", "attic"))


def test_it_writes_nothing_beside_the_models(tmp_path: Path) -> None:
    write_model(tmp_path / "m/models/Lora/a.safetensors")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "m").rglob("*")}
    agent = Agent(config(tmp_path))
    agent.start()
    eventually(lambda: agent.quiet().done, "the inventory")
    agent.stop()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "m").rglob("*")} == before


def test_the_hub_may_ask_for_a_new_look(site: Site) -> None:  # noqa: F811 (the fixture)
    models = site.folder / "m"
    write_model(models / "a.safetensors")
    agent = site.agent("attic", models)
    eventually(lambda: in_sync(agent), "the first sync")
    agent.looker.scanned.clear()
    with site.client("admin") as admin:
        admin.call("POST", "/api/v1/servers/attic/requests", {"request": "rescan"}, repeatable=False)
    eventually(agent.looker.scanned.is_set, "the new look")


def test_waiting_ends_with_the_condition_or_the_stop() -> None:
    stop = threading.Event()
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), stop, poll_seconds=0.001)
    stop.set()
    assert not wait_until(lambda: False, stop)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_all_that_it_keeps_is_its_users_only(tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    agent = Agent(config(tmp_path))
    agent.start()
    eventually(lambda: agent.quiet().done, "the inventory")
    modes = {str(path): path.stat().st_mode & 0o077 for path in (tmp_path / "home").rglob("*")}
    agent.stop()
    assert modes and not any(modes.values()), modes
