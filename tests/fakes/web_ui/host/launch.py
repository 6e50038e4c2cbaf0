"""The stand-in's start: every extension's install.py as a program of its own, then the web UI."""

import os
import subprocess
import sys

from modules.launch_utils import is_installed, run, run_pip  # noqa: F401 (extensions import them from here)
from modules.paths_internal import extensions_dir, script_path


def run_installers() -> None:
    """Run each extension's install.py as the hosts do; a failure is printed, and the start goes on."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([script_path, os.environ.get("PYTHONPATH", "")])}
    for name in sorted(os.listdir(extensions_dir)) if os.path.isdir(extensions_dir) else []:
        installer = os.path.join(extensions_dir, name, "install.py")
        if os.path.isfile(installer):
            done = subprocess.run([sys.executable, installer], env=env, capture_output=True, text=True, check=False)
            print(done.stdout + done.stderr if done.returncode else done.stdout, end="", flush=True)


if __name__ == "__main__":
    run_installers()
    import webui

    webui.main()
