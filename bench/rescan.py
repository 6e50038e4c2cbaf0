"""What it costs a running agent to look at everything again when nothing changed: its reconcile, every 15 minutes.

A third of the files are models; previews and sidecars stand beside them, as they do in a web UI's folders. The whole
pass of a real agent is timed, from finding the roots to the last record compared, in CPU time of all its threads.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from ..ecosystems.identify import rules_version
from ..extension.agent import INDEX_NAME, Agent
from ..extension.config import AgentConfig
from ..extension.inventory.index import Facts, Index
from ..extension.inventory.scan import UNSURE_NS, FileStat, scan_root
from .rounds import in_turn
from .row import Row, at_most

FILES = 30_000
MANY_FILES = 100_000
ROUNDS = 12
FILES_PER_FOLDER = 200
_FOLDERS = ("Lora", "Stable-diffusion", "Lora")
_SUFFIXES = (".safetensors", ".preview.png", ".civitai.info")
_LONG_AGO_NS = 1_700_000_000_123_456_789
_PATIENCE_SECONDS = 600.0


def measure(files: int = FILES, many_files: int = MANY_FILES, rounds: int = ROUNDS) -> list[Row]:
    """Let two agents look again in turn; takes half a minute and makes so many files, which hold nothing."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder, ExitStack() as stack:
        few, many = Path(folder, "few"), Path(folder, "many")
        make_files(few, files)
        make_files(many, many_files)
        agents = [
            stack.enter_context(running_agent(models, Path(folder, f"home-{models.name}"))) for models in (few, many)
        ]
        works = [partial(bare_loop, str(few)), *(partial(look_again, agent) for agent in agents)]
        bare, ours, ours_many = map(min, in_turn(works, rounds))
    return [
        at_most(
            f"rescan of {-(-files // 3):,} models, {files:,} files", ours / bare, 1.5, "a bare scandir and stat loop"
        ),
        at_most(
            f"rescan of {many_files:,} files, per file",
            (ours_many / many_files) / (ours / files),
            1.15,
            f"the same of {files:,} files: linear growth",
        ),
    ]


def make_files(base: Path, count: int) -> None:
    """Make so many files below a folder, a third of them models; they take no space on the disk."""
    for number in range(count):
        group, place = divmod(number, FILES_PER_FOLDER)
        folder = base / _FOLDERS[group % len(_FOLDERS)] / f"style {group:04}"
        if not place:
            folder.mkdir(parents=True)
        path = folder / f"a name as people give {number // 3:06}{_SUFFIXES[number % 3]}"
        with open(path, "wb") as file:
            file.truncate(1000 + number)
        os.utime(path, ns=(_LONG_AGO_NS + number, _LONG_AGO_NS + number))


@contextmanager
def running_agent(models: Path, home: Path) -> Iterator[Agent]:
    """Run an agent without a hub whose index knows every model below a folder, as after a day of work."""
    found = _scan_once_settled(models)
    index = Index(home / INDEX_NAME)
    index.put_all(
        (str(models / relative), stat, _facts(number)) for number, (relative, stat) in enumerate(found.items())
    )
    index.close()
    agent = Agent(AgentConfig("bench", models=str(models), home=home, poll_seconds=3600.0))
    agent.start()
    try:
        _wait_for(agent)
        assert len(agent.library.records()) == len(found) and agent.quiet().done
        yield agent
    finally:
        agent.stop()


def _scan_once_settled(models: Path) -> dict[str, FileStat]:
    """Scan once every file's change time is a proof, which that of a file made this very moment is not."""
    while True:
        found = scan_root(str(models)).files
        if all(stat.changed_ns != UNSURE_NS for stat in found.values()):
            return found
        time.sleep(0.01)


def _facts(number: int) -> Facts:
    identity = {"kind": "LORA", "ecosystem": "SDXL", "confidence": 0.9}
    digits = f"{number:064x}"
    return Facts(digits, digits, sample=digits[-16:], identity=identity, rules=rules_version())


def look_again(agent: Agent) -> None:
    """Let an agent compare its disk with what it knows, and wait for the end of that."""
    agent.looker.scanned.clear()
    agent.looker.rescan()
    _wait_for(agent)


def _wait_for(agent: Agent) -> None:
    if not agent.looker.scanned.wait(_PATIENCE_SECONDS):
        raise RuntimeError(f"the agent did not finish looking in {_PATIENCE_SECONDS:.0f} s; its log says why")


def bare_loop(folder: str) -> None:
    """List a folder and all beneath it, and ask for every file's stat."""
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    entry.stat()
