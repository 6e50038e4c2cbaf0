"""A server is given the first job in order of those whose every model it has; its result is taken once."""

from typing import Any

import pytest
from quartermaster.tests.hub.job_samples import agent, check_needs, checkpoint, have, new_job, queued, row
from quartermaster.tests.hub.samples import Api, entry, sha


@pytest.fixture
def fleet(api: Api) -> Api:
    """Two servers: attic has checkpoint x and a LoRA, cellar has checkpoints x and y."""
    have(api, "attic", [checkpoint("x"), entry("style")])
    have(api, "cellar", [checkpoint("x"), checkpoint("y")])
    return api


def test_a_job_goes_to_a_server_that_has_every_model_and_its_result_is_taken_once(fleet: Api) -> None:
    hub = fleet.hub
    [wanted] = queued(hub, new_job(hub, "x", "style"))
    attic, cellar = agent(fleet, "attic"), agent(fleet, "cellar")
    assert cellar.claim() is None
    job = attic.claim(runtime="forge")
    assert job is not None and job["id"] == wanted and job["payload"]["prompt"] == "a cat"
    paths = {each["role"]: (each["sha256"], each["paths"]) for each in job["requirements"]}
    assert paths["checkpoint"] == ([sha("x")], ["models/Stable-diffusion/x.safetensors"])
    assert paths["lora"] == ([sha("style")], ["models/Lora/style.safetensors"])
    check_needs(hub)

    said = attic.say("progress", job, progress=0.5, phase="running", step=5, steps=10)
    assert said.json() == {"success": True, "lease_seconds": 60.0}
    unsent = attic.say("complete", job, images=[{"n": 0, "sha256": sha("image")}])
    assert (unsent.status_code, unsent.json()["error"]) == (409, "image_missing")
    image = attic.hand_over(job)
    first = attic.say("complete", job, images=[image], seconds=20.0, loaded=sha("x"))
    assert first.json() == {"success": True, "accepted": True, "state": "completed"}
    again = attic.say("complete", job, images=[image])
    assert again.json() == {**first.json(), "repeated": True}
    assert row(hub, wanted).state == "completed" and row(hub, wanted).need_id is None
    late = attic.say("progress", job, progress=1.0)
    assert (late.status_code, late.json()["error"], late.json()["details"]) == (
        409,
        "lease_lost",
        {"state": "completed"},
    )


@pytest.mark.parametrize(
    ("infotext", "accepted"),
    [
        (f"cat\nSteps: 20, Model hash: {sha('x')[:10]}, Model: x, Version: 1", True),
        ("", True),
        (f"cat\nSteps: 20, Model hash: {sha('y')[:10]}, Model: y, Version: 1", False),
        (f'cat\nSteps: 20, Model hash: {sha("x")[:10]}, Lora hashes: "z: {sha("z")[:12]}", Version: 1', False),
    ],
)
def test_images_of_another_model_fail_the_job(fleet: Api, infotext: str, accepted: bool) -> None:
    hub = fleet.hub
    [wanted] = queued(hub, new_job(hub, "x"))
    attic = agent(fleet, "attic")
    job: Any = attic.claim()
    answer = attic.complete(job, infotext).json()
    assert answer["accepted"] is accepted
    kept = row(hub, wanted)
    assert (kept.state, kept.error_code) == (("completed", None) if accepted else ("failed", "wrong_model"))
    if not accepted:
        assert sha("y")[:10] in answer["message"] or sha("z")[:12] in answer["message"]
