"""``quartermaster job`` against a real hub, with a server's agent that runs what it is given."""

import hashlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from quartermaster.cli.main import main
from quartermaster.hub_client import (
    Claim,
    ClaimedJob,
    Content,
    Credentials,
    FullList,
    HubClient,
    MadeImage,
    ModelEntry,
    Progress,
)
from quartermaster.tests.cli.conftest import Desk
from quartermaster.tests.cli.processes import COMMAND
from quartermaster.tests.fakes.images import plain, png

SHA, LORA = (hashlib.sha256(word).hexdigest() for word in (b"pony", b"clay"))
INFOTEXT = "a dog\nNegative prompt: blur\nSteps: 12, Sampler: Euler a, CFG scale: 5, Seed: 99, Size: 64x96, "
INFOTEXT += f"Model hash: {SHA[:10]}, Model: pony"
IMAGE = png()
UNKNOWN = "5c3b1a3e-6b7e-4d0f-9d4b-0a8f6a1f9f10"


@pytest.fixture
def agent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubClient]:
    """A server's agent, and the environment of a client who speaks to its hub."""
    for name, value in {**desk.key("client"), "QUARTERMASTER_HUB": desk.hub.address}.items():
        monkeypatch.setenv(name, value)
        desk.home.more[name] = value
    made = desk.hub.hub.keys.create("attic's", "agent", "attic")
    entries = [
        ModelEntry("sd/pony.safetensors", "Checkpoint", 1, SHA, base_model="Pony"),
        ModelEntry("lora/clay.safetensors", "LORA", 1, LORA, base_model="Flux.1 D"),
    ]
    with HubClient(desk.hub.address, Credentials(made.key, made.secret)) as agent:
        agent.push_full("attic", FullList(entries))
        yield agent
    for job in desk.client().jobs.listed({"status": "pending"}):
        desk.hub.hub.database.write(lambda connection, job=job: _forget(connection, job.id))


def _forget(connection: Any, job_id: str) -> None:
    """Take a job away that a test left, so that the next one is given its own."""
    connection.exec_driver_sql("UPDATE jobs SET state = 'cancelled' WHERE public_id = ?", (job_id,))


def claimed(agent: HubClient) -> ClaimedJob:
    job = agent.work.claim("attic", Claim("a-1", wait_seconds=60.0, runtime="forge"))
    assert job is not None
    return job


def complete(agent: HubClient, job: ClaimedJob) -> None:
    agent.work.upload(job.id, job.lease, 0, Content(IMAGE, "image/png"))
    image = MadeImage(0, hashlib.sha256(IMAGE).hexdigest(), INFOTEXT)
    agent.work.complete(job.id, job.lease, [image], seconds=1.0, loaded=SHA)


@contextmanager
def running(agent: HubClient) -> Iterator[None]:
    """Run one job meanwhile, as soon as it comes."""
    thread = threading.Thread(target=lambda: complete(agent, claimed(agent)))
    thread.start()
    yield
    thread.join(60)


def submitted(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["job", "submit", "--json", *arguments]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return str(told["stablequeue_job_id"])


def shown(capsys: pytest.CaptureFixture[str], job_id: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["job", "show", job_id, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_job_is_submitted_changed_and_cancelled(agent: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--prompt", "a cat <lora:clay:0.5>", "--checkpoint", "pony", "--size", "832x1216", "--seed", "7"]
    assert main(["job", "submit", *options, "--steps", "20", "--cfg", "6.5", "--priority", "2"]) == 0
    told = capsys.readouterr()
    job_id = told.out.strip()
    assert told.out == f"{job_id}\n", "stdout has the id alone"
    assert "checkpoint  pony  available  attic" in told.err
    assert "warning: the lora clay does not go with the checkpoint" in told.err
    job = shown(capsys, job_id)
    asked = job["generation_params"]
    assert (asked["positive_prompt"], asked["width"], asked["height"]) == ("a cat <lora:clay:0.5>", 832, 1216)
    assert (asked["seed"], asked["steps"], asked["cfg_scale"], job["priority"]) == (7, 20, 6.5, 2)
    assert main(["job", "show", job_id]) == 0
    assert f"{job_id}  waits: " in capsys.readouterr().out

    assert main(["job", "priority", job_id, "-3"]) == 0
    assert main(["job", "move", job_id, "attic"]) == 0
    assert "attic  priority -3  a cat" in capsys.readouterr().out.splitlines()[-1]
    assert main(["job", "move", job_id, "any"]) == 0
    assert main(["job", "cancel", job_id, UNKNOWN]) == 1, "what is refused of one does not keep the others"
    told = capsys.readouterr()
    assert f"{job_id}  cancelled" in told.out and UNKNOWN in told.err
    assert main(["job", "list", "--state", "cancelled", "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith(job_id)
    assert main(["job", "retry", job_id]) == 0
    assert main(["job", "watch", UNKNOWN]) == 1


def test_an_image_an_infotext_or_a_request_say_what_to_make(
    agent: HubClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, text, request = tmp_path / "old.png", tmp_path / "old.txt", tmp_path / "request.json"
    image.write_bytes(png(plain("parameters", INFOTEXT)))
    text.write_text(INFOTEXT, encoding="utf-8")
    settings = {"sd_model_checkpoint": "nobody's"}
    request.write_text(json.dumps({"prompt": "a dog", "steps": 12, "seed": 99, "override_settings": settings}))
    more = ["--seed", "5", "--checkpoint", SHA]
    for source in (["--from-image", str(image)], ["--infotext", str(text)], ["--payload", str(request)]):
        job = shown(capsys, submitted(capsys, *source, *more))
        (needed,) = job["requirements"]
        assert (needed["status"], needed["model"]["sha256"]) == ("available", SHA), source
        given = claimed(agent)
        assert given.id == job["id"]
        assert (given.payload["prompt"], given.payload["steps"], given.payload["seed"]) == ("a dog", 12, 5)
        agent.work.fail(given.id, given.lease, "generation_failed", "this is a test")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("--from-image", png(), "holds no infotext"),
        (
            "--from-image",
            png(plain("prompt", '{"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a"}}}')),
            "ComfyUI",
        ),
        ("--from-image", b"<html>", "no PNG, JPEG or WebP"),
        ("--infotext", b" \n", "is empty"),
        ("--infotext", b"\xff\xfe\x00", "not text in UTF-8"),
        ("--payload", b"{", "no JSON"),
        ("--payload", b"[]", "a JSON object"),
        ("--payload", b'{"generation_params": {}}', "a whole submission"),
        ("--payload", None, "cannot be read"),
    ],
)
def test_a_source_that_cannot_be_used_is_told_before_a_hub_is_asked(
    name: str, content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "source"
    if content is not None:
        file.write_bytes(content)
    assert main(["job", "submit", name, str(file), "--steps", "3", "--hub", "http://127.0.0.1:9"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and said in told.err and str(file) in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit"],
        ["submit", "--prompt", "x", "--size", "832"],
        ["submit", "--prompt", "x", "--priority", "11"],
        ["submit", "--prompt", "x", "--quantity", "0"],
        ["submit", "--prompt", "x", "--cfg", "nan"],
        ["submit", "--prompt", "x", "--save", "here"],
        ["submit", "--infotext", "a", "--payload", "b"],
        ["list", "--state", "done"],
    ],
)
def test_what_makes_no_sense_is_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["job", *arguments, "--hub", "http://127.0.0.1:9"])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert capsys.readouterr().out == ""


def test_a_refusal_names_what_to_do(agent: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["job", "submit", "--prompt", "x"]) == 2
    assert "name a checkpoint" in capsys.readouterr().err
    assert main(["job", "submit", "--prompt", "x", "--checkpoint", "pony", "--server", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_a_check_tells_whether_a_server_could_run_it_now(agent: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent.work.claim("attic", Claim("a-1", wait_seconds=0.0, runtime="forge")) is None
    assert main(["job", "check", "--prompt", "x", "--checkpoint", SHA[:10].upper()]) == 0
    assert "could run it  attic" in capsys.readouterr().out
    assert main(["job", "check", "--prompt", "x", "--checkpoint", "nobody's\x1b[2J"]) == 2
    assert main(["job", "check", "--prompt", "x", "--checkpoint", "nobody's"]) == 1
    told = capsys.readouterr().out
    assert "nobody's  unknown" in told and "no server now" in told
    assert "\x1b" not in told


def test_several_jobs_differ_in_their_seeds(agent: HubClient, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--prompt", "x", "--checkpoint", "pony", "--seed", "7", "--quantity", "3"]
    assert main(["job", "submit", *options]) == 0
    ids = capsys.readouterr().out.split()
    assert [shown(capsys, each)["generation_params"]["seed"] for each in ids] == [7, 8, 9]


def test_a_process_follows_a_job_and_saves_its_images(desk: Desk, agent: HubClient, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    with running(agent):
        ended = desk.home.run(
            "job", "submit", "--prompt", "a cat", "--checkpoint", "pony", "--watch", "--save", str(folder)
        )
    assert ended.code == 0, ended.err
    job_id = ended.out.split()[0]
    assert ended.out.splitlines()[-1] == f"{job_id}  completed on attic: 1 image"
    assert (folder / f"{job_id}-0.png").read_bytes() == IMAGE
    assert [file.name for file in folder.iterdir()] == [f"{job_id}-0.png"]
    again = desk.home.run("job", "images", job_id, "--save", str(folder))
    assert again.code == 0, "the same image again is the same"
    (folder / f"{job_id}-0.png").write_bytes(b"mine")
    other = desk.home.run("job", "images", job_id, "--save", str(folder))
    assert other.code == 2 and "is another file" in other.err
    assert (folder / f"{job_id}-0.png").read_bytes() == b"mine"
    listed = desk.home.run("job", "images", job_id, "--json").lines()
    assert (listed[0]["sha256"], listed[0]["infotext"]) == (hashlib.sha256(IMAGE).hexdigest(), INFOTEXT)


def test_ctrl_c_ends_watching_and_not_the_job(desk: Desk, agent: HubClient) -> None:
    (job_id,) = desk.home.run("job", "submit", "--prompt", "x", "--checkpoint", "pony").out.split()
    job = claimed(agent)
    agent.work.progress(job.id, job.lease, Progress(0.5, "running", 5, 10))
    with desk.home.started("job", "watch", job_id, "--json") as watching:
        assert json.loads(watching.line_with(job_id))["progress"] == 0.5
        ended = watching.stop(signal.SIGINT)
    assert ended.code == 130
    assert f"job cancel {job_id}" in ended.err
    agent.work.fail(job.id, job.lease, "generation_failed", "out of\x1b[31m memory")
    failed = desk.home.run("job", "watch", job_id)
    assert failed.code == 1
    assert "failed: out of" in failed.out and "(generation_failed)" in failed.out
    assert "\x1b" not in failed.out
    nothing = desk.home.run("job", "images", job_id)
    assert nothing.code == 1 and "no images: failed" in nothing.err


def test_an_infotext_comes_from_stdin(agent: HubClient, desk: Desk) -> None:
    ended = subprocess.run(
        [*COMMAND, "job", "check", "--infotext", "-", "--json"], input=INFOTEXT.encode(), capture_output=True,
        env=desk.home.environment(), cwd=desk.home.folder, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode in {0, 1}, ended.stderr
    assert json.loads(ended.stdout)["requirements"][0]["model"]["sha256"] == SHA
