"""Jobs from the real hub, run by a real agent in a web UI over real sockets."""

import base64
import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from quartermaster.extension.agent import Agent
from quartermaster.extension.jobs.api_connection import ApiConnection
from quartermaster.extension.jobs.api_engine import ApiEngine
from quartermaster.extension.jobs.hours import read_hours
from quartermaster.extension.jobs.runner import JobsConfig, Terms
from quartermaster.extension.jobs.shelf import Shelf
from quartermaster.hub.agent_report import JobsReport, read_report
from quartermaster.hub.keys import Caller
from quartermaster.hub.schema import job_attempts, job_images, jobs, servers
from quartermaster.hub_client import Timeouts, UnreachableError
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.images import png
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.sdapi.server import WebUi, running
from sqlalchemy import select

SERVER = "attic"


@dataclass
class Works:
    """A hub, an agent that takes jobs, and its web UI."""

    site: Site
    web_ui: WebUi
    terms: list[Terms]
    agent: Agent | None = None

    def start(self) -> Agent:
        config = JobsConfig(
            self._engine,
            lambda: self.terms[-1],
            beat_seconds=0.1,
            claim_seconds=1.0,
            busy_seconds=0.3,
            poll_seconds=0.05,
            backoff_seconds=0.05,
        )
        self.agent = self.site.agent(SERVER, self.web_ui.shelves.root, jobs=config, reconcile_seconds=0.5)
        eventually(lambda: in_sync(self.agent), "the inventory")
        return self.agent

    def _engine(self) -> ApiEngine:
        connection = ApiConnection(self.web_ui.address, timeouts=Timeouts(2.0, 2.0, 5.0))
        return ApiEngine(connection, look_seconds=0.05, away_seconds=0.5, stuck_seconds=2.0)

    def submit(self, prompt: str, checkpoint: bytes, *loras: tuple[str, bytes], **payload: Any) -> str:
        """Submit a request to a web UI, the models of which are known by their hashes."""
        settings = {"sd_model_checkpoint": f"as it is called elsewhere [{sha256_of(checkpoint)[:10]}]"}
        settings |= payload.pop("override_settings", {})
        body = {"prompt": prompt, "steps": 4, "seed": 7, "override_settings": settings, **payload}
        models = [{"role": "lora", "name": name, "hash": sha256_of(content)} for name, content in loras]
        with self.site.client() as client:
            [job_id] = client.jobs.submit({"target_server_alias": "any", "payload": body, "models": models}).ids
        return job_id

    def job(self, job_id: str) -> Any:
        with self.site.hub.hub.database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.public_id == job_id)).one()

    def ended(self, job_id: str) -> Any:
        eventually(lambda: self.job(job_id).state not in {"pending", "processing"}, "the job's end")
        return self.job(job_id)

    def kept(self) -> list[Path]:
        """Return what the agent keeps of results."""
        return list((self.site.folder / f"home-{SERVER}" / "jobs").rglob("*.*"))

    def report(self) -> JobsReport | None:
        """Return what the agent told the hub of its taking jobs."""
        with self.site.hub.hub.database.read() as connection:
            told = connection.scalar(select(servers.c.agent).where(servers.c.id == SERVER))
        return read_report(json.loads(told)).jobs

    def images(self, job_id: str) -> list[Any]:
        query = select(job_images).join(jobs, jobs.c.id == job_images.c.job_id).where(jobs.c.public_id == job_id)
        with self.site.hub.hub.database.read() as connection:
            return list(connection.execute(query.order_by(job_images.c.n)).all())

    def attempts(self, job_id: str) -> list[Any]:
        query = select(job_attempts).join(jobs, jobs.c.id == job_attempts.c.job_id).where(jobs.c.public_id == job_id)
        with self.site.hub.hub.database.read() as connection:
            return list(connection.execute(query.order_by(job_attempts.c.number)).all())


both = pytest.mark.parametrize("works", ["forge", "a1111"], indirect=True)
"""For what the two kinds of web UI do differently."""


@pytest.fixture
def works(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Works]:
    with ExitStack() as stack:
        web_ui = stack.enter_context(running(tmp_path / "ui", getattr(request, "param", "forge")))
        yield Works(site, web_ui, [Terms()])
        web_ui.painter.going.set()
        web_ui.faults.stuck = web_ui.faults.deaf = False
        for agent in list(site.agents):
            site.stop(agent)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(works: Works, path: str, body: bytes, **more: Any) -> bytes:
    return write_model(works.web_ui.shelves.root / path, body, **more)


@both
def test_a_job_runs_with_the_very_files_it_asked_for_whatever_they_are_called_here(works: Works) -> None:
    write(works, "models/Stable-diffusion/a.safetensors", b"other")
    pony = write(works, "models/Stable-diffusion/pony/renamed.safetensors", b"pony")
    style = write(works, "models/Lora/SDXL/my style.safetensors", b"style")
    works.start()
    done = works.ended(works.submit("sky <lora:Style V2:0.7>", pony, ("Style V2", style), batch_size=2))
    assert (done.state, done.error_message) == ("completed", None)
    [used] = works.web_ui.used
    assert [used.checkpoint.name, *(path.name for path in used.loras)] == [
        "renamed.safetensors",
        "my style.safetensors",
    ]
    made = works.images(done.public_id)
    assert [image.infotext for image in made] == list(used.infotexts) and len(made) == 2
    eventually(lambda: not works.kept(), "an empty shelf")
    assert len(list((works.web_ui.shelves.root / "outputs").rglob("*.png"))) == 2


@both
def test_every_kind_of_model_is_named_as_this_web_ui_names_it(works: Works) -> None:
    forge = works.web_ui.shelves.flavour == "forge"
    pony = write(works, "models/Stable-diffusion/pony.safetensors", b"pony")
    refiner = write(works, "models/Stable-diffusion/xl/refine.safetensors", b"refiner")
    vae = write(works, "models/VAE/fine.safetensors", b"vae")
    canny = write(works, "models/ControlNet/canny-xl.safetensors", b"canny")
    write(works, "embeddings/my-neg.safetensors", b"negative")
    works.web_ui.shelves.list_everything()
    works.start()
    unit = {"enabled": True, "model": f"Canny [{sha256_of(canny)[:10]}]", "image": base64.b64encode(png()).decode()}
    vae_named = f"elsewhere.pt [{sha256_of(vae)[:10]}]"
    job_id = works.submit(
        "sky",
        pony,
        negative_prompt="(MY-NEG:1.1)",
        refiner_checkpoint=f"r [{sha256_of(refiner)[:10]}]",
        refiner_switch_at=0.8,
        enable_hr=True,
        override_settings={"forge_additional_modules": [vae_named]} if forge else {"sd_vae": vae_named},
        alwayson_scripts={"controlnet": {"args": [unit]}},
    )
    done = works.ended(job_id)
    assert (done.state, done.error_message) == ("completed", None)
    [used] = works.web_ui.used
    settings, [sent] = used.body["override_settings"], used.body["alwayson_scripts"]["controlnet"]["args"]
    assert used.body["refiner_checkpoint"] == "xl/refine.safetensors"
    assert (sent["model"].partition(" [")[0], sent["image"]) == ("canny-xl", unit["image"])
    assert used.body["negative_prompt"] == "(MY-NEG:1.1)"
    if forge:
        assert [path.name for path in used.modules] == ["fine.safetensors"]
        assert used.body["hr_additional_modules"] == ["Use same choices"]
    else:
        assert settings["sd_vae"] == "fine.safetensors" and "VAE hash" in used.infotexts[0]


@both
def test_a_model_that_came_later_is_made_known_to_the_web_ui(works: Works) -> None:
    works.start()
    new = write(works, "models/Stable-diffusion/new.safetensors", b"new")
    eventually(lambda: in_sync(works.agent) and len(works.agent.library.records()) == 1, "the new model")  # type: ignore
    done = works.ended(works.submit("sky", new))
    assert (done.state, works.web_ui.used[-1].checkpoint.name) == ("completed", "new.safetensors")


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("wrong_model", "wrong_model", "another file was used"),
        ("out_of_memory", "generation_failed", "CUDA out of memory"),
        ("garbage", "generation_failed", "no PNG"),
    ],
)
def test_what_goes_wrong_fails_the_job_and_stores_no_image(works: Works, fault: str, code: str, says: str) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    write(works, "models/Stable-diffusion/b.safetensors", b"b")
    works.start()
    setattr(works.web_ui.faults, fault, True)
    done = works.ended(works.submit("sky", a))
    assert (done.state, done.error_code) == ("failed", code) and says in done.error_message
    assert works.images(done.public_id) == []


def test_a_server_whose_disk_is_full_hands_back_and_asks_for_no_more(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    works.web_ui.faults.disk_full = True
    job_id = works.submit("sky", a)
    eventually(lambda: agent.runner and agent.runner.doing.problem, "the full disk")
    [attempt] = works.attempts(job_id)
    assert attempt.outcome == "handed_back" and "no_room: the web UI's disk is full" in attempt.reason
    assert works.job(job_id).state == "pending" and works.job(job_id).attempts == 0
    assert agent.runner is not None and "No space left" in agent.runner.described()["problem"]


def test_a_cancelled_job_is_interrupted_and_the_next_one_runs(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    works.start()
    works.web_ui.painter.going.clear()
    first, second = works.submit("first", a, n_iter=3), works.submit("second", a)
    eventually(lambda: works.job(first).progress_details and "running" in works.job(first).progress_details, "the run")
    works.site.hub.hub.changing.cancel(first, Caller(None, "admin", None))
    eventually(lambda: len(works.web_ui.used) == 1, "the end of what was cancelled")
    works.web_ui.painter.going.set()
    assert works.ended(second).state == "completed"
    assert works.job(first).state == "cancelled" and works.images(first) == []


def test_a_job_whose_model_went_is_handed_back_with_what_is_missing(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    assert agent.syncer is not None
    with monkeypatch.context() as patched:
        patched.setattr(agent.syncer, "round", lambda: 0.1)  # the hub goes on to believe that the model is there
        (works.web_ui.models() / "a.safetensors").unlink()
        job_id = works.submit("sky", a)
        eventually(lambda: [each for each in works.attempts(job_id) if each.ended_at], "the end of the attempt")
    [attempt] = works.attempts(job_id)
    assert attempt.outcome == "handed_back" and "model_gone: this server does not have" in attempt.reason
    assert works.job(job_id).attempts == 0  # nothing was run
    write(works, "models/Stable-diffusion/again/a.safetensors", b"a")
    assert works.ended(job_id).state == "completed"
    assert [used.checkpoint.parent.name for used in works.web_ui.used] == ["again"]


def test_a_web_ui_that_dies_in_a_run_costs_an_attempt_and_is_waited_for(works: Works, tmp_path: Path) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    works.web_ui.faults.dies = True
    job_id = works.submit("sky", a)
    eventually(lambda: agent.runner and agent.runner.described().get("problem"), "the trouble")
    assert agent.runner is not None and agent.runner.described()["now"] is False
    port = int(works.web_ui.address.rpartition(":")[2])
    with running(tmp_path / "ui", works.web_ui.shelves.flavour, port=port) as again:
        done = works.ended(job_id)
        assert (done.state, done.attempts, len(again.used)) == ("completed", 2, 1)
        assert [attempt.outcome for attempt in works.attempts(job_id)] == ["lost", "completed"]
        works.site.stop(agent)


def test_an_agent_that_stops_hands_its_job_back_at_once(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    works.web_ui.painter.going.clear()
    job_id = works.submit("sky", a)
    eventually(lambda: works.web_ui.painter.state.job_count > 0, "the run")
    works.site.stop(agent)
    job = works.job(job_id)
    assert (job.state, job.attempts) == ("pending", 0)
    [attempt] = works.attempts(job_id)
    assert attempt.outcome == "handed_back" and attempt.reason.startswith("stopping")


def test_a_result_outlives_an_agent_that_could_not_deliver_it(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    assert agent.runner is not None

    def cut(*_args: Any, **_more: Any) -> None:
        raise UnreachableError("the line is cut")

    monkeypatch.setattr(agent.runner._client.work, "complete", cut)
    job_id = works.submit("sky", a)
    eventually(lambda: len(works.images(job_id)) == 1, "the upload")
    works.site.stop(agent)
    assert works.job(job_id).state == "processing"
    works.start()
    assert works.ended(job_id).state == "completed"
    assert len(works.web_ui.used) == 1  # it was not made again
    eventually(lambda: not works.kept(), "an empty shelf")


def test_what_a_killed_agent_left_running_is_ended_first(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    works.web_ui.shelves.list_checkpoints()
    left = f"qm-{uuid.uuid4().hex}"
    Shelf(works.site.folder / f"home-{SERVER}" / "jobs" / SERVER).note_run(left)
    works.web_ui.painter.going.clear()
    body = {"prompt": "left", "steps": 4, "force_task_id": left}
    orphan = threading.Thread(
        target=requests.post, args=(f"{works.web_ui.address}/sdapi/v1/txt2img",), kwargs={"json": body}
    )
    orphan.start()
    eventually(lambda: works.web_ui.painter.state.task == left, "the run that was left")
    works.start()
    orphan.join()
    works.web_ui.painter.going.set()
    assert works.ended(works.submit("sky", a)).state == "completed"
    assert works.web_ui.asked.count("POST /sdapi/v1/interrupt") == 1


def test_a_server_takes_jobs_only_at_its_hours_and_says_so(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    closed = Terms(hours=read_hours("mon 00:00-00:01; tue 00:00-00:01"))
    works.terms.append(closed)
    agent = works.start()
    job_id = works.submit("sky", a)
    eventually(lambda: agent.runner and agent.runner.doing.state == "closed", "the closed door")
    assert works.job(job_id).state == "pending"
    assert agent.runner is not None
    assert agent.runner.described() == {"takes": True, "hours": "mon 00:00-00:01; tue 00:00-00:01", "now": False}
    eventually(lambda: works.report() == JobsReport(True, closed.hours.text, False), "what the hub knows of it")
    works.terms.append(Terms())
    assert works.ended(job_id).state == "completed"


def test_a_person_who_generates_goes_first(works: Works) -> None:
    a = write(works, "models/Stable-diffusion/a.safetensors", b"a")
    agent = works.start()
    with works.web_ui.painter.by_hand():
        eventually(lambda: agent.runner and agent.runner.doing.state == "busy", "giving way")
        job_id = works.submit("sky", a)
        assert works.job(job_id).state == "pending"
    assert works.ended(job_id).state == "completed"
