import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from quartermaster.extension.agent import Agent
from quartermaster.extension.config import AgentConfig
from quartermaster.extension.looker import _outermost
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model

FOREVER_SECONDS = 3600.0


@contextmanager
def looking(tmp_path: Path, **settings: object) -> Iterator[Agent]:
    values = {"settle_seconds": 0.1, "reconcile_seconds": FOREVER_SECONDS, "poll_seconds": FOREVER_SECONDS, **settings}
    (tmp_path / "m").mkdir(exist_ok=True)
    config = AgentConfig("attic", models=str(tmp_path / "m"), home=tmp_path / "home", **values)  # type: ignore[arg-type]
    agent = Agent(config)
    agent.start()
    try:
        eventually(lambda: agent.quiet().done, "the first look")
        yield agent
    finally:
        agent.stop()


def names(agent: Agent) -> set[str]:
    return {record.name for record in agent.library.records() if record.facts is not None}


def test_what_comes_goes_and_moves_is_followed(tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    with looking(tmp_path) as agent:
        assert names(agent) == {"m/a.safetensors"}
        write_model(tmp_path / "m/deep/er/b.safetensors", b"b", settled=False)
        eventually(lambda: "m/deep/er/b.safetensors" in names(agent), "a file in a new folder")
        (tmp_path / "m/deep").rename(tmp_path / "m/moved")
        eventually(lambda: names(agent) == {"m/a.safetensors", "m/moved/er/b.safetensors"}, "the move")
        shutil.rmtree(tmp_path / "m/moved")
        eventually(lambda: names(agent) == {"m/a.safetensors"}, "the removal")


def test_a_download_is_published_when_its_control_file_goes(tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    (tmp_path / "m/a.safetensors.aria2").write_bytes(b"")
    with looking(tmp_path) as agent:
        assert names(agent) == set()
        (tmp_path / "m/a.safetensors.aria2").unlink()
        eventually(lambda: names(agent) == {"m/a.safetensors"}, "the finished download")


def test_what_no_event_told_of_is_found_by_a_rescan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(tmp_path) as agent:
        monkeypatch.setattr(agent.looker, "hint", lambda root, paths: None)
        assert agent.looker._watcher is not None
        agent.looker._watcher.stop()
        write_model(tmp_path / "m/a.safetensors")
        assert names(agent) == set()
        agent.looker.rescan()
        eventually(lambda: names(agent) == {"m/a.safetensors"}, "the rescan")


def test_a_reconcile_comes_of_itself(tmp_path: Path) -> None:
    with looking(tmp_path, reconcile_seconds=0.2) as agent:
        assert agent.looker._watcher is not None
        agent.looker._watcher.stop()
        write_model(tmp_path / "m/a.safetensors")
        eventually(lambda: names(agent) == {"m/a.safetensors"}, "the reconcile")


def test_a_root_that_goes_away_is_stale_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_model(tmp_path / "m/a.safetensors")
    with looking(tmp_path) as agent:
        read = agent.status()["bytes_read"]
        (tmp_path / "m").rename(tmp_path / "away")
        agent.looker.rescan()
        eventually(lambda: agent.library.stale_roots(), "the stale root")
        (record,) = agent.library.records()
        assert record.stale and record.facts is not None
        (tmp_path / "away").rename(tmp_path / "m")
        agent.looker.rescan()
        eventually(lambda: not agent.library.stale_roots(), "its return")
        assert [record.stale for record in agent.library.records()] == [False]
        assert agent.status()["bytes_read"] == read, "nothing is read again"
    assert sum("cannot be looked at" in record.getMessage() for record in caplog.records) == 1
    assert sum("is back" in record.getMessage() for record in caplog.records) == 1


def test_a_folder_with_a_known_name_that_is_made_later_becomes_a_root(tmp_path: Path) -> None:
    (tmp_path / "m/models/Lora").mkdir(parents=True)
    (tmp_path / "m/webui.py").write_bytes(b"")
    with looking(tmp_path) as agent:
        write_model(tmp_path / "m/models/VAE/v.safetensors")
        agent.looker.rescan()
        eventually(lambda: "models/VAE" in {root.label for root in agent.library.roots()}, "the root")
        eventually(lambda: "models/VAE/v.safetensors" in names(agent), "its model")
        assert agent.looker.choices().keys() == {root.path for root in agent.library.roots()}


def test_a_look_that_fails_is_logged_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with looking(tmp_path) as agent:
        failed = threading.Event()
        look = agent.looker._look_at_everything

        def once(stop: threading.Event) -> None:
            if not failed.is_set():
                failed.set()
                raise OSError("the disk is full")
            look(stop)

        monkeypatch.setattr(agent.looker, "_look_at_everything", once)
        agent.looker.rescan()
        assert failed.wait(60)
        write_model(tmp_path / "m/a.safetensors")
        agent.looker.rescan()
        eventually(lambda: names(agent) == {"m/a.safetensors"}, "the next look")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["Looking at the disk failed; it is tried again."]


def test_of_folders_within_each_other_the_outer_ones_are_scanned() -> None:
    assert _outermost({"a/b", "a", "ab", "c/d/e", "c/d"}) == ["a", "ab", "c/d"]
    assert _outermost({"", "a"}) == [""]
    assert _outermost(set()) == []
