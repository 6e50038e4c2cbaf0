"""``dev.py`` as a newcomer runs it, up to where it would fetch something."""

import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a tëst" / "clone"
    (folder / "constraints").mkdir(parents=True)
    for name in ("dev.py", "pyproject.toml", "constraints/dev.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def dev(clone: Path, *arguments: str, python: str = sys.executable) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.defpath, "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    return subprocess.run(
        [python, str(clone / "dev.py"), *arguments], env=environment, cwd=clone, capture_output=True, check=False,
        encoding="utf-8",
    )  # fmt: skip


def test_help_names_every_command_and_what_is_none_is_wrong_use(clone: Path) -> None:
    helped = dev(clone, "--help")
    assert helped.returncode == 0
    for command in ("run", "test", "lint", "bench", "docs", "lock"):
        assert f"\n  {command} " in helped.stdout
    for arguments in ([], ["nonsense"]):
        assert dev(clone, *arguments).returncode == 2
    assert not (clone / ".dev").exists()


def test_a_python_without_pip_is_told_where_to_get_it(clone: Path, tmp_path: Path) -> None:
    place = tmp_path / "bare"
    venv.create(place, with_pip=False)
    ended = dev(clone, "run", python=str(place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "has no pip" in ended.stderr and "python3-pip" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_written_to_is_said_before_anything_is_fetched(clone: Path) -> None:
    (clone / ".dev").write_bytes(b"a file, which holds back root as well")
    ended = dev(clone, "run")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "cannot be written to" in ended.stderr and "folder of your own" in ended.stderr
    assert "fetching" not in ended.stderr and "Traceback" not in ended.stderr


def test_an_older_python_is_told_which_it_takes(clone: Path) -> None:
    code = (
        "import runpy, sys\n"
        "sys.version_info = (3, 9, 18)\n"
        "sys.argv = ['dev.py', 'run']\n"
        "runpy.run_path('dev.py', run_name='__main__')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=clone, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "needs Python 3.10 or newer" in ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another")
def test_ctrl_c_while_something_is_fetched_is_not_blamed_on_the_network(clone: Path, tmp_path: Path) -> None:
    pip = tmp_path / "fake" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").write_bytes(b"")
    (pip / "__main__.py").write_text(
        "import signal, sys\n"
        "if 'install' in sys.argv:\n"
        "    print('fetching for ever', flush=True)\n"
        "    signal.pause()\n",
        encoding="utf-8",
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path / "fake")}
    with subprocess.Popen(
        [sys.executable, str(clone / "dev.py"), "run"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "fetching for ever\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert "network" not in process.stderr.read()
