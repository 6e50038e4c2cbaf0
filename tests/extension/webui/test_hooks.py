"""The web UI's hooks: start, Reload UI, and a web UI without pages."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from quartermaster.extension.webui import life as life_module
from quartermaster.extension.webui import register
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.extension.webui.conftest import WebUI, serving


@pytest.fixture
def hosted(web_ui: WebUI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebUI]:
    """A web UI whose process has no life of ours yet; the one that a test makes is stopped."""
    monkeypatch.setenv("QUARTERMASTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(life_module, "_life", None)
    yield web_ui
    if life_module._life is not None:
        life_module._life.stop()


def call(web_ui: WebUI, hook: str, *given: object) -> None:
    for function in web_ui.callbacks[hook]:
        function(*given)


def agents() -> int:
    return sum(thread.name == "qm-disk" for thread in threading.enumerate())


def state(app: FastAPI) -> str:
    with serving(app) as client:
        return str(client.get("/quartermaster/status").json()["agent"]["state"])


def test_registering_starts_nothing_and_the_app_starts_the_agent(hosted: WebUI, tmp_path: Path) -> None:
    register()
    assert agents() == 0
    assert not (tmp_path / "home").exists()
    app = FastAPI()
    call(hosted, "app_started", None, app)  # as with --nowebui
    eventually(lambda: agents() == 1, "the agent")
    assert state(app) in {"starting", "running"}
    call(hosted, "ui_settings")
    assert hosted.options["quartermaster_badges"] is True


def test_a_reload_leaves_one_agent_and_routes_on_the_new_app(hosted: WebUI) -> None:
    register()
    call(hosted, "app_started", None, FastAPI())
    eventually(lambda: agents() == 1, "the agent")
    call(hosted, "script_unloaded")
    assert agents() == 0
    for hook in hosted.callbacks.values():
        hook.clear()
    register()
    app = FastAPI()
    call(hosted, "app_started", None, app)
    eventually(lambda: state(app) == "running", "the new agent")
    assert agents() == 1
    assert sum(thread.name == "qm-keeper" for thread in threading.enumerate()) == 1
