"""The engine over ``--api``, against a web UI that keeps to the real ones' facts, over a real socket."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems.infotext import parse
from quartermaster.extension.jobs.api_connection import ApiConnection, WebUiSetupError, find_login
from quartermaster.extension.jobs.api_engine import ApiEngine
from quartermaster.extension.jobs.engine import (
    CHECKPOINTS,
    LORAS,
    MODULES,
    OPTIONS,
    VAES,
    EngineAwayError,
    EngineStuckError,
    Request,
    RequestRefusedError,
    RunFailedError,
)
from quartermaster.hub_client import Timeouts
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.sdapi.server import WebUi, running


@pytest.fixture(params=["forge", "a1111"])
def web_ui(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WebUi]:
    write_model(tmp_path / "models/Stable-diffusion/pony/a.safetensors", b"a")
    write_model(tmp_path / "models/Stable-diffusion/b.safetensors", b"b")
    write_model(tmp_path / "models/Lora/x.safetensors", b"x")
    write_model(tmp_path / "models/VAE/v.safetensors", b"v")
    with running(tmp_path, request.param, auth="user:word") as web_ui:
        yield web_ui


@pytest.fixture
def engine(web_ui: WebUi) -> Iterator[ApiEngine]:
    connection = ApiConnection(web_ui.address, "user:word", timeouts=Timeouts(2.0, 0.5, 2.0))
    made = ApiEngine(connection, look_seconds=0.02, away_seconds=0.3, stuck_seconds=0.3)
    yield made
    made.close()


def body(title: str = "b.safetensors", **more: Any) -> Request:
    asked = {"prompt": "a sky <lora:x:0.8>", "steps": 4, "override_settings": {"sd_model_checkpoint": title}}
    return Request("txt2img", {**asked, **more}, "qm-1")


def in_background(work: Callable[[], Any]) -> Any:
    return ThreadPoolExecutor(1).submit(work)


def test_lists_and_refreshes(engine: ApiEngine, web_ui: WebUi) -> None:
    names = engine.names()
    assert {each.name for each in names[CHECKPOINTS]} == {"pony/a.safetensors", "b.safetensors"}
    forge = web_ui.shelves.flavour == "forge"
    assert engine.loaded_checkpoint() is None
    assert [(MODULES in names), (VAES in names), engine.runtime] == [forge, not forge, web_ui.shelves.flavour]
    assert {"sd_lora", "sd_vae"} <= {each.name for each in names[OPTIONS]}
    write_model(web_ui.models("Lora") / "new.safetensors", b"n")
    assert "new" not in {each.name for each in engine.names()[LORAS]}
    engine.refresh({LORAS, CHECKPOINTS})
    assert "new" in {each.name for each in engine.names()[LORAS]}


def test_a_run_gives_images_with_their_infotexts(engine: ApiEngine, web_ui: WebUi) -> None:
    result = engine.run(body(batch_size=3, save_images=True))
    assert not result.interrupted
    assert [image.content_type for image in result.images] == ["image/png"] * 3  # and no grid, which is in front
    found = parse(result.images[1].infotext)
    [checkpoint] = [each for each in found.resources if each.role == "checkpoint"]
    assert (checkpoint.name, checkpoint.hash) == ("b", web_ui.used[0].sha256[:10])
    assert engine.loaded_checkpoint() == web_ui.used[0].sha256
    assert engine.busy() is None


def test_what_a_web_ui_says_no_to_is_told_apart(engine: ApiEngine, web_ui: WebUi) -> None:
    with pytest.raises(RequestRefusedError, match="Sampler not found"):
        engine.run(body(sampler_name="Nonsense"))
    web_ui.faults.out_of_memory = True
    with pytest.raises(RunFailedError, match="CUDA out of memory"):
        engine.run(body())
    web_ui.faults.out_of_memory, web_ui.faults.garbage = False, True
    with pytest.raises(RunFailedError, match="no PNG"):
        engine.run(body())
    assert engine.busy() is None


def test_progress_and_interrupt_are_of_this_run_only(engine: ApiEngine, web_ui: WebUi) -> None:
    with web_ui.painter.by_hand():
        assert engine.busy() == "a person is generating by hand"
        run = in_background(lambda: engine.run(body(n_iter=3)))
        eventually(lambda: web_ui.painter.state.pending, "the run that waits")
        assert not engine.progress("qm-1").begun
        engine.interrupt("qm-1")
        assert not web_ui.painter.state.interrupted  # the person's goes on
        web_ui.painter.going.clear()
    result = run.result()  # ended as soon as it began
    assert result.interrupted and not web_ui.painter.going.is_set()

    jpeg = {"sd_model_checkpoint": "b.safetensors", "live_previews_image_format": "jpeg"}
    run = in_background(lambda: engine.run(body(n_iter=2, override_settings=jpeg)))
    eventually(lambda: engine.progress("qm-1").phase == "running", "a run that has begun")
    web_ui.painter.state.sampling_step = 2
    shown = engine.progress("qm-1", preview=True)
    assert shown.preview is not None and shown.preview.content_type == "image/jpeg" and 0 < shown.fraction < 1
    web_ui.painter.going.set()
    assert not run.result().interrupted


def test_a_person_who_presses_interrupt_is_noticed_though_every_image_came(engine: ApiEngine, web_ui: WebUi) -> None:
    web_ui.painter.going.clear()
    run = in_background(lambda: engine.run(body()))
    eventually(lambda: engine.progress("qm-1").phase == "running", "a run that has begun")
    web_ui.painter.state.interrupted = True
    result = run.result()
    assert (len(result.images), result.interrupted) == (1, True)


def test_a_web_ui_that_dies_hangs_or_is_stuck_is_noticed(engine: ApiEngine, web_ui: WebUi) -> None:
    web_ui.painter.going.clear()
    run = in_background(lambda: engine.run(body()))
    with pytest.raises(EngineStuckError):
        run.result()
    web_ui.painter.going.set()
    eventually(lambda: engine.busy() is None, "the run that was given up")

    web_ui.faults.deaf = True
    with pytest.raises(EngineAwayError):
        engine.run(body())
    web_ui.faults.deaf = False
    web_ui.faults.dies = True
    with pytest.raises(EngineAwayError):
        engine.run(body())
    with pytest.raises(EngineAwayError):
        engine.names()


def test_a_login_is_needed_and_never_shown(web_ui: WebUi, tmp_path: Path) -> None:
    with pytest.raises(EngineAwayError, match="login") as refused:
        ApiEngine(ApiConnection(web_ui.address, "user:wrong-secret")).names()
    assert "wrong-secret" not in str(refused.value)
    file = tmp_path / "login"
    file.write_text("user:word\n")
    file.chmod(0o644)
    with pytest.raises(WebUiSetupError, match="chmod 600"):
        find_login(file)
    file.chmod(0o600)
    assert find_login(file) == "user:word"
    assert find_login(None, {"QUARTERMASTER_WEB_UI_AUTH": "a:b"}) == "a:b"
    with pytest.raises(WebUiSetupError):
        ApiConnection("http://user:word@127.0.0.1:7860")
