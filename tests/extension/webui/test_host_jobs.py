"""A job in the web UI's process: what it leaves behind, whom it gives way to, and how its end is told."""

import base64
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from quartermaster.extension.jobs.engine import NoRoomError, Request, Result, RunFailedError
from quartermaster.extension.webui.host_jobs import HostEngine
from quartermaster.tests.extension.webui.conftest import WebUI
from quartermaster.tests.fakes.images import png
from quartermaster.tests.fakes.web_ui.host.modules.fifo_lock import FIFOLock

PERSONS, JOBS, OTHER = (SimpleNamespace(title=f"{name}.safetensors") for name in ("persons", "jobs", "other"))
ASKED = {"sd_model_checkpoint": "jobs.safetensors", "sd_vae": "Automatic", "CLIP_stop_at_last_layers": 2}


class Running:
    """What A1111's API does with a request, as far as settings and its state are concerned."""

    def __init__(self, web_ui: WebUI, modules: dict[str, ModuleType]) -> None:
        self.options, self.modules = web_ui.options, modules
        self.meanwhile: Callable[[], None] = lambda: None
        self.images = 1

    def text2imgapi(self, request: Any) -> Any:
        self.modules["modules.progress"].pending_tasks[request.force_task_id] = time.time()
        before = {key: self.options[key] for key in request.override_settings if key in self.options}
        self.options.update(request.override_settings)
        try:
            self.meanwhile()
        finally:
            if request.override_settings_restore_afterwards:
                self.options.update(before)
        self.modules["modules.progress"].pending_tasks.pop(request.force_task_id)
        images = [base64.b64encode(png()).decode()] * self.images
        return SimpleNamespace(images=images, info=json.dumps({"infotexts": ["a cat"] * self.images}))


@pytest.fixture
def running(web_ui: WebUI, monkeypatch: pytest.MonkeyPatch) -> Running:
    modules = web_ui.modules()
    for name in ("modules.call_queue", "modules.progress", "modules.api", "modules.api.api", "modules.api.models"):
        modules[name] = ModuleType(name)
    told = Running(web_ui, modules)
    contents: dict[str, dict[str, Any]] = {
        "modules.call_queue": {"queue_lock": FIFOLock()},
        "modules.progress": {"pending_tasks": {}, "finished_tasks": []},
        "modules.api.api": {"Api": lambda app, lock: told},
        "modules.api.models": {"StableDiffusionTxt2ImgProcessingAPI": SimpleNamespace},
        "modules.sd_models": {"model_data": SimpleNamespace(sd_model=SimpleNamespace(sd_checkpoint_info=JOBS))},
    }
    for name, content in contents.items():
        modules[name].__dict__.update(content)
    web_ui.checkpoints.update({each.title: each for each in (PERSONS, JOBS, OTHER)})
    modules["modules.shared"].opts.data_labels = dict.fromkeys(ASKED)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return told


@pytest.fixture
def engine(running: Running) -> HostEngine:
    return HostEngine("a1111", lambda: 0.0)


def request(task: str = "qm-1", **more: Any) -> Request:
    return Request("txt2img", {"prompt": "a cat", "override_settings": ASKED, **more}, task)


def in_background(work: Callable[[], Result]) -> "Future[Result]":
    with_one = ThreadPoolExecutor(1)
    try:
        return with_one.submit(work)
    finally:
        with_one.shutdown(wait=False)


def test_no_setting_is_another_after_a_job_not_even_one_that_was_never_set(
    engine: HostEngine, running: Running, web_ui: WebUI
) -> None:
    vae = ModuleType("modules.sd_vae")
    told = []
    vae.reload_vae_weights = lambda: told.append(web_ui.options.get("sd_vae"))  # type: ignore[attr-defined]
    web_ui.options["sd_model_checkpoint"] = "persons.safetensors"
    before = dict(web_ui.options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "modules.sd_vae", vae)
        assert len(engine.run(request()).images) == 1
        running.meanwhile = fails(RuntimeError("CUDA out of memory"))
        with pytest.raises(RunFailedError, match="the web UI failed: RuntimeError: CUDA out of memory"):
            engine.run(request())
    assert web_ui.options == before
    assert told == [None, None]  # the VAE is what the settings say, where the checkpoint stays loaded


def test_what_a_person_chooses_while_a_job_runs_stays_chosen(
    engine: HostEngine, running: Running, web_ui: WebUI
) -> None:
    web_ui.options |= {"sd_model_checkpoint": "persons.safetensors", "sd_vae": "None"}
    running.meanwhile = lambda: web_ui.options.update(sd_model_checkpoint="other.safetensors")
    engine.run(request())
    assert web_ui.options == {"sd_model_checkpoint": "other.safetensors", "sd_vae": "None"}


def test_settings_that_were_saved_while_a_job_ran_are_saved_as_they_are_after_it(
    engine: HostEngine, running: Running, web_ui: WebUI
) -> None:
    web_ui.options["sd_model_checkpoint"] = "persons.safetensors"

    def save() -> None:
        (web_ui.folder / "config.json").write_text("saved", encoding="utf-8")

    engine.run(request())
    assert web_ui.saved == {}  # nobody saved any
    running.meanwhile = save
    engine.run(request())
    assert web_ui.saved == {"sd_model_checkpoint": "persons.safetensors"}


def test_forge_is_told_what_to_load_next(
    engine: HostEngine, running: Running, web_ui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    entry = ModuleType("modules_forge.main_entry")
    entry.refresh_model_loading_parameters = lambda: told.append(dict(web_ui.options))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modules_forge.main_entry", entry)
    web_ui.options |= {"sd_model_checkpoint": "persons.safetensors", "forge_additional_modules": ["/vae/a.safetensors"]}
    before = dict(web_ui.options)
    running.modules["modules.shared"].opts.data_labels |= {"forge_additional_modules": None}
    running.meanwhile = lambda: web_ui.options.update(forge_additional_modules=["/vae/b.safetensors"])  # whole paths
    engine.run(request(override_settings={**ASKED, "forge_additional_modules": ["b.safetensors"]}))
    assert web_ui.options == before
    assert told == [before]


def test_a_run_that_a_reload_left_is_waited_for_and_fails_no_other_job(engine: HostEngine, running: Running) -> None:
    going = threading.Event()
    begun = threading.Event()

    def slow() -> None:
        begun.set()
        going.wait(30)

    running.meanwhile = slow
    run = in_background(lambda: engine.run(request()))
    assert begun.wait(30)
    assert engine.busy() == "an earlier job has not ended yet"
    going.set()
    assert not run.result().interrupted
    assert engine.busy() is None


def test_a_task_that_failed_on_its_way_to_the_queue_is_waited_for_but_seconds(
    engine: HostEngine, running: Running
) -> None:
    pending = running.modules["modules.progress"].pending_tasks
    pending["task(img2img-BROKEN)"] = time.time()
    assert engine.busy() == "somebody waits to generate by hand"
    pending["task(img2img-BROKEN)"] -= 10
    assert engine.busy() is None
    running.meanwhile = fails(ValueError("Invalid encoded image"))  # of our own none is left
    with pytest.raises(RunFailedError, match="Invalid encoded image"):
        engine.run(request())
    assert list(pending) == ["task(img2img-BROKEN)"]


@pytest.mark.parametrize("word", ["interrupted", "skipped", "stopping_generation"])
def test_an_image_that_somebody_ended_is_none(engine: HostEngine, running: Running, web_ui: WebUI, word: str) -> None:
    setattr(web_ui.state, word, True)  # of a run before
    assert not engine.run(request()).interrupted
    running.meanwhile = lambda: setattr(web_ui.state, word, True)
    assert engine.run(request()).interrupted


def test_a_run_that_is_ended_before_its_first_image_is_interrupted_and_has_not_failed(
    engine: HostEngine, running: Running, web_ui: WebUI
) -> None:
    def interrupted() -> None:
        web_ui.state.interrupted = True
        raise IndexError("list index out of range")  # as the web UI has no image to tell of

    running.meanwhile = interrupted
    assert engine.run(request()).interrupted


def test_fewer_images_than_were_asked_for_are_no_result(engine: HostEngine, running: Running) -> None:
    running.images = 2
    assert not engine.run(request(n_iter=2)).interrupted
    assert engine.run(request(n_iter=3)).interrupted


def test_a_full_disk_and_a_checkpoint_that_cannot_be_loaded_are_told_as_such(
    engine: HostEngine, running: Running
) -> None:
    running.meanwhile = fails(OSError(28, "No space left on device"))
    with pytest.raises(NoRoomError, match="disk is full"):
        engine.run(request())
    running.modules["modules.sd_models"].model_data.sd_model = None
    running.meanwhile = fails(RuntimeError("Failed to recognize model type!"))
    with pytest.raises(RunFailedError, match=r"could not load the checkpoint jobs\.safetensors: RuntimeError: Failed"):
        engine.run(request())


def fails(error: Exception) -> Callable[[], None]:
    def meanwhile() -> None:
        raise error

    return meanwhile
