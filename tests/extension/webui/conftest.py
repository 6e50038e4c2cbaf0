"""A web UI as far as our host module sees it, and our service over real model files in it."""

import socket
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from fastapi import FastAPI
from quartermaster.extension.inventory.sample import make_sample_library
from quartermaster.extension.webui.host import Host
from quartermaster.extension.webui.life import Life
from quartermaster.extension.webui.routes import add_routes
from quartermaster.extension.webui.service import Service
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import OLD_NS, settle


class Client(requests.Session):
    """Asks one web UI over a real socket: paths in place of addresses."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.trust_env = False
        self._address = address

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, self._address + url, *args, timeout=60, **more)


@contextmanager
def serving(app: FastAPI) -> Iterator[Client]:
    """Serve an app on a free port while entered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class WebUI:
    """The modules of a web UI, with what a test changes in them."""

    folder: Path
    flags: types.SimpleNamespace
    options: dict[str, Any] = field(default_factory=dict)
    state: types.SimpleNamespace = field(default_factory=lambda: types.SimpleNamespace(job="", job_count=0))
    callbacks: dict[str, list[Callable[..., Any]]] = field(default_factory=dict)
    checkpoints: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    """The settings as they were written last."""

    def modules(self) -> dict[str, types.ModuleType]:
        """Return them by name."""
        shared = types.ModuleType("modules.shared")
        shared.cmd_opts, shared.state = self.flags, self.state  # type: ignore[attr-defined]
        options = types.SimpleNamespace(data=self.options)
        options.add_option = lambda key, info: self.options.setdefault(key, info.default)
        options.set = self.options.__setitem__
        options.save = lambda file: self.saved.update(self.options)
        shared.config_filename = str(self.folder / "config.json")  # type: ignore[attr-defined]
        shared.opts = options  # type: ignore[attr-defined]
        shared.OptionInfo = lambda default, label, **more: types.SimpleNamespace(default=default)  # type: ignore[attr-defined]
        paths = types.ModuleType("modules.paths")
        paths.data_path, paths.models_path = str(self.folder), str(self.folder / "models")  # type: ignore[attr-defined]
        hooks = types.ModuleType("modules.script_callbacks")
        for name in ("ui_settings", "ui_tabs", "app_started", "script_unloaded", "before_reload", "after_component"):
            listed = self.callbacks.setdefault(name, [])
            setattr(hooks, f"on_{name}", lambda function, *, name=None, listed=listed: listed.append(function))
        models = types.ModuleType("modules.sd_models")
        models.checkpoint_aliases = self.checkpoints  # type: ignore[attr-defined]
        found = {"modules.shared": shared, "modules.paths": paths, "modules.script_callbacks": hooks}
        return {"modules": types.ModuleType("modules"), **found, "modules.sd_models": models}


@pytest.fixture
def web_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebUI:
    """A web UI with its usual folders below ``tmp_path/web-ui``, and nothing in them."""
    folder = tmp_path / "web-ui"
    (folder / "models").mkdir(parents=True)
    flags = types.SimpleNamespace(
        lora_dir=str(folder / "models" / "Lora"),
        embeddings_dir=str(folder / "embeddings"),
        ckpt_dir=None,
        api_auth=None,
    )
    made = WebUI(folder, flags)
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def life(web_ui: WebUI, tmp_path: Path) -> Iterator[Life]:
    """The life of an agent in that web UI; not started yet, stopped afterwards."""
    life = Life(Host(), tmp_path / "home")
    yield life
    life.stop()


@dataclass
class Page:
    """The routes as the page asks them."""

    client: Client
    life: Life

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        answer = self.client.get(f"/quartermaster/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"/quartermaster/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ready(self) -> dict[str, Any]:
        """Wait until all models are published, and return the status."""

        def done() -> dict[str, Any] | None:
            agent = self.life.agent
            return self.get("status") if agent is not None and agent.quiet().done else None

        return dict(eventually(done, "the inventory"))


@pytest.fixture
def page(web_ui: WebUI, life: Life) -> Iterator[Page]:
    """The routes over the sample library, hashed."""
    make_sample_library(web_ui.folder)
    for file in web_ui.folder.rglob("*.*"):
        settle(file, OLD_NS + file.stat().st_ino)  # each its own time, as files that were written one by one
    app = FastAPI()
    add_routes(app, life.host, Service(life).routes())
    life.start()
    with serving(app) as client:
        page = Page(client, life)
        page.ready()
        yield page
