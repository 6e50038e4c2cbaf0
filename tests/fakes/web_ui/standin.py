"""A web UI to test against: laid out in a folder of its own, run as a process with the host's real gradio."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
HOSTS = ("forge", "a1111")
START_SECONDS = 120
PRODUCT = ("_version.py", "__init__.py", "style.css", "install.py", "py.typed")
PRODUCT_FOLDERS = ("scripts", "extension", "hub_client", "ecosystems", "javascript")


def interpreter(host: str) -> Path:
    """Return the Python that has this host's gradio; ``dev.py test`` made it."""
    place = REPOSITORY / ".dev" / host
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def lay_out(root: Path, host: str) -> Path:
    """Make a web UI's root folder, with the model folders empty and no extension; return it."""
    shutil.copytree(Path(__file__).with_name("host"), root, ignore=shutil.ignore_patterns("__pycache__"))
    if host == "forge":
        (root / "modules_forge").mkdir()
        (root / "modules_forge" / "__init__.py").touch()
        shutil.copy(Path(__file__).with_name("forge_main_thread.py"), root / "modules_forge" / "main_thread.py")
    for folder in ("extensions", "embeddings", "models/Stable-diffusion", "models/Lora", "models/VAE"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return root


def add_product(root: Path, name: str = "quartermaster") -> Path:
    """Put this repository's extension below ``extensions``, as a clone would."""
    place = root / "extensions" / name
    place.mkdir(parents=True)
    for file in PRODUCT:
        if (REPOSITORY / file).is_file():
            shutil.copy(REPOSITORY / file, place / file)
    for folder in PRODUCT_FOLDERS:
        if (REPOSITORY / folder).is_dir():
            shutil.copytree(REPOSITORY / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def add_canned(root: Path) -> Path:
    """Put the page of this repository below ``extensions``, with made-up answers behind it."""
    place = root / "extensions" / "quartermaster"
    shutil.copytree(Path(__file__).with_name("canned"), place, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "javascript", place / "javascript")
    shutil.copy(REPOSITORY / "style.css", place / "style.css")
    return place


@dataclass
class WebUi:
    """One running stand-in."""

    root: Path
    host: str
    port: int
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        return self.root.parent / f"{self.root.name}.log"

    def start(self) -> "WebUi":
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer; the message holds what it printed.
        """
        home = self.root.parent / f"{self.root.name}-home"
        home.mkdir(exist_ok=True)
        private = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
        quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "NO_PROXY": "*", "no_proxy": "*"}
        env = {**os.environ, **private, **quiet, "MPLCONFIGDIR": str(home), "PYTHONUNBUFFERED": "1", **self.environment}
        command = [str(interpreter(self.host)), "launch.py", "--port", str(self.port), *self.arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.root, env=env, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.host} did not start:\n{self.log.read_text(encoding='utf-8')[-4000:]}")
            time.sleep(0.2)
        return self

    def answers(self) -> bool:
        """Tell whether its page is served and the extensions have their app."""
        try:
            with urllib.request.urlopen(f"{self.url}internal/ping", timeout=5):  # noqa: S310 (our own loopback address)
                return "serving " in self.log.read_text(encoding="utf-8", errors="replace")
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
