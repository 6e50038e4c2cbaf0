#!/usr/bin/env python3
"""Set up what a command needs and run it: ``python dev.py run|test|lint|bench|docs|lock [ARGUMENT ...]``.

Needs Python 3.10 or newer with pip, and nothing else: no activated environment, no make, no shell. It installs ``uv``
below ``.dev`` (pip resolves the web UIs' pins in 25 minutes, uv in seconds) and makes one environment per purpose
there. Deleting ``.dev`` undoes everything.

  run    start a hub and an agent over a folder of models: ``python dev.py run --models DIR``
  test   lint, then every test (arguments go to pytest)
  lint   ruff and mypy
  bench  the speed table
  docs   write docs/DATABASE_SCHEMA.md anew from hub/schema
  lock   write constraints/dev.txt anew from pyproject.toml
"""

from __future__ import annotations  # so that an older Python comes as far as the sentence that says so

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
DEV = ROOT / ".dev"
LOCK = ROOT / "constraints" / "dev.txt"
HOSTS = ("forge", "a1111")
HOST_EXTRAS = ["watchdog>=4"]  # what our install.py would add
HOST_PYTHON = "3.11"  # some of the web UIs' pins have wheels for no other
WINDOWS = os.name == "nt"
UV_VERSION = ">=0.8"
MOST_TEST_PROCESSES = 12  # each may start a PostgreSQL and a browser
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code that it ends with."""
    if sys.version_info < (3, 10):  # noqa: UP036 (whoever runs this with an older Python deserves a sentence)
        print("Quartermaster needs Python 3.10 or newer; this is " + sys.version.split()[0], file=sys.stderr)
        return 2
    commands = {"run": run, "test": test, "lint": lint, "bench": bench, "docs": docs, "lock": lock}
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 0 if arguments and arguments[0] in {"-h", "--help"} else 2
    keep_bytecode()
    try:
        return commands[arguments[0]](arguments[1:])
    except SetupError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


class SetupError(Exception):
    """An environment could not be made; the message says what to do."""


def keep_bytecode() -> None:
    """Let every Python that is started here keep what it compiles, below ``.dev`` and nowhere else.

    uv compiles nothing, and where the machine's setting is to keep nothing either, half of each start is compiling: the
    tests start some hundreds of processes.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(DEV / "pycache")


def run(arguments: list[str]) -> int:
    """Run ``quartermaster up`` in an environment of its own."""
    python = environment("run", ["-e", ".[hub]"])
    return become([str(python), "-m", "quartermaster", "up", *arguments])


def test(arguments: list[str]) -> int:
    """Lint, then run every test; arguments go to pytest, and then only pytest runs."""
    python = environment("test", ["-e", ".[hub,test]"])
    for name in HOSTS:
        host(name)
    code = call([str(python), str(ROOT / "tests" / "browser" / "provide.py")])
    if code:
        return code
    if not arguments:
        code = lint([])
        if code:
            return code
        arguments = ["-n", str(test_processes()), "--dist", "worksteal", "--durations", "15"]
    os.chdir(ROOT)
    return become([str(python), "-m", "pytest", *arguments])


def test_processes() -> int:
    """Return how many processes run all tests: tests wait more than they compute, so one more than there are cores.

    With ``worksteal`` each begins with a run of neighbours, which share a web UI, a browser and a database.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + 1, MOST_TEST_PROCESSES)


def lint(arguments: list[str]) -> int:
    """Check style with ruff and types with mypy.

    mypy reads an installed copy: run over the folder itself, its result would depend on the folder's name.
    """
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # setuptools would install modules that were deleted since
    python = environment("lint", [".[hub,lint]"], sources=True)
    ruff = [str(python), "-m", "ruff"]
    steps = [
        [*ruff, "check", *arguments, "."],
        [*ruff, "format", "--check", "."],
        [str(python), "-m", "mypy", "--cache-dir", str(DEV / "mypy"), "--config-file", str(ROOT / "pyproject.toml"),
         "-p", "quartermaster"],
    ]  # fmt: skip
    codes = [call(step, cwd=DEV if "mypy" in step else ROOT) for step in steps]
    return max(codes)


def bench(arguments: list[str]) -> int:
    """Print the speed table; exits 1 where a figure misses its bound."""
    python = environment("test", ["-e", ".[hub,test]"])
    return become([str(python), "-m", "quartermaster.bench", *arguments])


def docs(_arguments: list[str]) -> int:
    """Write the pages of ``docs`` that are made from the code."""
    python = environment("test", ["-e", ".[hub,test]"])
    return call([str(python), "-m", "quartermaster.hub.storage.schema_page", str(ROOT / "docs")])


def lock(_arguments: list[str]) -> int:
    """Write the exact versions that tests and CI use, for every Python and platform we support."""
    command = [uv(), "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.10", "--upgrade"]
    command += ["--extra", "hub", "--extra", "test", "--extra", "lint"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "-o", str(LOCK), "-q"]
    LOCK.parent.mkdir(exist_ok=True)
    return call(command, env=uv_environment())


def environment(name: str, packages: list[str], *, sources: bool = False) -> Path:
    """Make or refresh the environment ``.dev/<name>`` and return its interpreter.

    It is left alone where neither ``pyproject.toml``, the locked versions nor the interpreter changed since (with
    ``sources``: nor any module, because a copy of them is installed).
    """
    place = DEV / name
    python = place / ("Scripts/python.exe" if WINDOWS else "bin/python")
    stamp = place / "quartermaster-stamp"
    interpreter, state = f"{sys.version} {sys.base_prefix}".replace("\n", " "), fingerprint(packages, sources)
    before = stamp.read_text(encoding="utf-8").splitlines() if python.exists() and stamp.exists() else []
    if before == [interpreter, state]:
        return python
    print(f"dev.py: preparing the environment .dev/{name} …", file=sys.stderr, flush=True)
    require_writable()
    tool = uv()
    if before[:1] != [interpreter]:
        invoke([tool, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
    command = [tool, "pip", "install", "--quiet", "--python", str(python), "-c", str(LOCK)]
    if sources:
        command += ["--reinstall-package", "quartermaster"]
    invoke([*command, *packages])
    stamp.write_text(f"{interpreter}\n{state}\n", encoding="utf-8")
    return python


def require_writable() -> None:
    """See to it that ``.dev`` can be made and written to.

    Raises:
        SetupError: it cannot; the message says what to do.
    """
    try:
        DEV.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=DEV):
            pass
    except OSError as error:
        raise SetupError(
            f"{DEV} cannot be written to ({error.strerror}), and everything that is needed is installed there. "
            "Clone or copy the repository to a folder of your own and try again."
        ) from None


def host(name: str) -> Path:
    """Make or refresh ``.dev/<name>``, a web UI's exact gradio and fastapi, and return its interpreter.

    uv finds a Python for which the pins have wheels, or fetches one; nothing is ever built from source.
    """
    pins = ROOT / "constraints" / f"{name}.txt"
    place = DEV / name
    python = place / ("Scripts/python.exe" if WINDOWS else "bin/python")
    stamp = place / "quartermaster-stamp"
    state = hashlib.sha256(pins.read_bytes() + HOST_PYTHON.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == state:
        return python
    print(f"dev.py: preparing the environment .dev/{name} (the web UI's own gradio) …", file=sys.stderr, flush=True)
    tool = uv()
    try:
        invoke([tool, "venv", "--quiet", "--clear", "--python", HOST_PYTHON, str(place)])
    except SetupError as error:
        raise SetupError(f"{error}\nThe browser tests need Python {HOST_PYTHON}; install it beside yours.") from None
    wheels = ["--only-binary", ":all:"]
    invoke([tool, "pip", "install", "--quiet", "--python", str(python), *wheels, "-r", str(pins), *HOST_EXTRAS])
    stamp.write_text(state, encoding="utf-8")
    return python


def fingerprint(packages: list[str], sources: bool) -> str:
    """Return a hash of all that an environment depends on."""
    digest = hashlib.sha256(repr([packages, str(ROOT)]).encode())
    files = [ROOT / "pyproject.toml", LOCK]
    if sources:
        rooms = ("bench", "cli", "ecosystems", "extension", "hub", "hub_client", "tests")
        files += sorted([*ROOT.glob("*.py"), *(path for room in rooms for path in (ROOT / room).rglob("*.py"))])
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def uv() -> str:
    """Return the path of our own ``uv``, installing it from PyPI with pip where it is not there yet."""
    home = DEV / "tools"
    for candidate in (home / "bin" / "uv", home / "bin" / "uv.exe", home / "Scripts" / "uv.exe"):
        if candidate.exists():
            return str(candidate)
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        raise SetupError(
            f"{sys.executable} has no pip. Install it (Debian and Ubuntu: apt install python3-pip; elsewhere: "
            f"{Path(sys.executable).name} -m ensurepip --user) and try again."
        )
    print("dev.py: fetching uv …", file=sys.stderr, flush=True)
    quiet = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-warn-script-location"]
    quiet += ["--root-user-action=ignore"]
    # --target works without root, without ensurepip, and on a Python that its distribution manages.
    invoke([*pip, "install", *quiet, "--upgrade", "--target", str(home), f"uv{UV_VERSION}"])
    for candidate in (home / "bin" / "uv", home / "bin" / "uv.exe", home / "Scripts" / "uv.exe"):
        if candidate.exists():
            return str(candidate)
    raise SetupError(f"pip installed uv below {home}, but its program is not there. Delete that folder and try again.")


def uv_environment() -> dict[str, str]:
    """Return the environment for uv: it follows the index, certificate and wheel settings that pip has.

    A machine behind a company's proxy has them in pip's configuration only.
    """
    env = {**os.environ, "UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1", "UV_NO_PROGRESS": "1"}
    env.setdefault("UV_CACHE_DIR", str(DEV / "cache"))  # or it fills a folder in the user's home
    env["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does, which takes the newest of all its indexes
    env.pop("VIRTUAL_ENV", None)
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    names = {"cert": "SSL_CERT_FILE", "index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX",
             "find-links": "UV_FIND_LINKS"}  # fmt: skip
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rpartition(".")[2])
        if name:
            separator = "," if name == "UV_FIND_LINKS" else " "
            env.setdefault(name, separator.join(value.strip("'\"").replace("\\n", " ").split()))
    return env


def invoke(command: list[str]) -> None:
    """Run a set-up step.

    Raises:
        SetupError: it failed; what it printed has been shown.
    """
    code = call(command, env=uv_environment())
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        raise SetupError(f"this step failed: {' '.join(command)}\nIs the network there? It may be repeated.")


def become(command: list[str]) -> int:
    """Run the command that this is all about in the place of this process: signals and exit code are its own."""
    if not WINDOWS:  # where no exec keeps the process
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)  # noqa: S606 (a shell is what we do not want)
    return call(command, cwd=Path.cwd())


def call(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Run a command to its end and return its exit code (128 + n for signal n; that of Ctrl-C where that ended it)."""
    process = subprocess.Popen(command, cwd=cwd, env=env)
    interrupted = False
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True  # the console sent it to the child as well, which ends in its own way
            continue
        if interrupted and code:
            return INTERRUPTED
        return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
