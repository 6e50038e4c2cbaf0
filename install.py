"""Installs what the web UI's process lacks, and nothing else. The web UI runs this at every start.

It imports no room of ours: at the first start their packages are not there yet. Versions are the oldest that we work
with, and none is ever replaced: the web UI's own pins (numpy, pydantic, fastapi, gradio…) stay as they are.
"""

import importlib.util
from collections.abc import Callable

WANTED = {"requests": "requests>=2.31", "watchdog": "watchdog>=4.0,<7", "yaml": "PyYAML>=6.0"}
"""Package to import -> what to install where it is missing."""


def missing(find: Callable[[str], object] = importlib.util.find_spec) -> list[str]:
    """Return the requirements that are not met, without importing anything."""
    return [requirement for name, requirement in WANTED.items() if find(name) is None]


def main() -> None:
    """Install what is missing with the web UI's own pip; a failure is told, and the web UI starts without us."""
    wanted = missing()
    if wanted:
        import launch

        named = " ".join(f'"{name}"' for name in wanted)  # quoted as both a shell and cmd.exe take it
        launch.run_pip(f"install {named}", f"what Quartermaster needs: {', '.join(wanted)}")


if __name__ == "__main__":
    main()
