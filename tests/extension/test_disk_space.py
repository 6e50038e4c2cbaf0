import os
import threading
from pathlib import Path

import pytest
from quartermaster.extension import disk_space
from quartermaster.extension.disk_space import STEP_BYTES, DiskSpaces, measure


def test_roots_of_one_file_system_are_one_disk(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (disk,) = measure([("models", str(tmp_path / "a")), ("nas", str(tmp_path / "gone")), ("more", str(tmp_path / "b"))])
    assert disk.roots == ("models", "more")
    assert 0 <= disk.free_bytes <= disk.total_bytes and disk.free_bytes % STEP_BYTES == 0
    if hasattr(os, "statvfs"):
        told = os.statvfs(tmp_path)
        assert disk.total_bytes == told.f_blocks * told.f_frsize


def test_it_measures_until_told_to_stop(tmp_path: Path) -> None:
    spaces, stop = DiskSpaces(lambda: [("models", str(tmp_path))]), threading.Event()
    assert spaces.last == ()
    running = threading.Thread(target=spaces.run, args=(stop,))
    running.start()
    while not spaces.last:
        assert running.is_alive()
    stop.set()
    running.join(timeout=10)
    assert not running.is_alive() and spaces.last[0].roots == ("models",)


def test_roots_that_are_found_later_are_measured_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "EVERY_SECONDS", 1e6)  # whoever waits for that is ended by the test's time limit
    looks = iter([[], [], [("models", str(tmp_path))]])
    stop = threading.Event()
    spaces = DiskSpaces(lambda: next(looks))
    running = threading.Thread(target=spaces.run, args=(stop,))
    running.start()
    while not spaces.last:
        assert running.is_alive()
        stop.wait(0.01)
    stop.set()
    running.join()
