import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from quartermaster.extension.lock import AlreadyRunningError, FileLock, is_held

HOLD = (
    "import pathlib, sys\n"
    "from quartermaster.extension.lock import FileLock\n"
    "lock = FileLock(pathlib.Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def test_a_lock_is_had_by_one_and_free_again_after_it(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "attic.lock"
    assert not is_held(path)
    with FileLock(path):
        assert is_held(path)
        with pytest.raises(AlreadyRunningError, match=r"attic\.lock"):
            FileLock(path)
        assert is_held(path)
    assert not is_held(path)
    FileLock(path).release()


def test_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.release()
    lock.release()
    assert not is_held(tmp_path / "lock")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM] if os.name == "posix" else [signal.SIGTERM])
def test_a_process_that_dies_frees_its_lock(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_held(path)
        process.send_signal(number)
        process.wait()
    assert not is_held(path)
    FileLock(path).release()


@pytest.mark.skipif(os.name == "nt", reason="asks with flock")
def test_whoever_only_asks_does_not_stand_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    path = tmp_path / "lock"
    FileLock(path).release()
    with path.open("rb+") as probe:
        fcntl.flock(probe, fcntl.LOCK_EX)
        monkeypatch.setattr("quartermaster.extension.lock.time.sleep", lambda seconds: probe.close())
        with FileLock(path):
            assert probe.closed


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_only_its_user_may_open_it(tmp_path: Path) -> None:
    with FileLock(tmp_path / "agents" / "lock"):
        assert stat.S_IMODE((tmp_path / "agents" / "lock").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "agents").stat().st_mode) == 0o700


def test_a_place_that_cannot_hold_a_lock_is_the_disks_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "lock", tmp_path / "folder"):
        with pytest.raises(OSError):
            FileLock(path)
