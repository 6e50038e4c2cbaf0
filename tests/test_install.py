"""``install.py`` as the web UI runs it: a process of its own, with ``launch`` on the path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parents[1] / "install.py"
LAUNCH = """
def run_pip(command, desc=None, live=False):
    open("installed", "a").write(command + "\\n")
"""


@pytest.fixture
def web_ui(tmp_path: Path) -> Path:
    """The root of a web UI, which is its working directory and on its ``PYTHONPATH``."""
    (tmp_path / "launch.py").write_text(LAUNCH)
    return tmp_path


def run(web_ui: Path, *, hidden: tuple[str, ...] = ()) -> str:
    """Run it where the ``hidden`` packages are missing, and return what pip was asked for."""
    hook = (
        "import importlib.util as u; find = u.find_spec\n"
        f"u.find_spec = lambda name, package=None: None if name in {hidden!r} else find(name, package)\n"
    )
    code = f"{hook}import runpy; runpy.run_path({str(INSTALL)!r}, run_name='__main__')"
    env = {**os.environ, "PYTHONPATH": str(web_ui)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=web_ui, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    asked = web_ui / "installed"
    return asked.read_text() if asked.exists() else ""


def test_with_everything_there_it_does_nothing(web_ui: Path) -> None:
    assert run(web_ui) == ""


def test_it_asks_for_what_is_missing_and_nothing_else(web_ui: Path) -> None:
    assert run(web_ui, hidden=("watchdog",)) == 'install "watchdog>=4.0,<7"\n'


def test_it_never_names_a_package_that_a_web_ui_pins(web_ui: Path) -> None:
    asked = run(web_ui, hidden=("requests", "watchdog", "yaml"))
    assert asked.count("\n") == 1
    for pinned in ("numpy", "pydantic", "httpx", "protobuf", "fastapi", "gradio", "--upgrade", "-U"):
        assert pinned not in asked
