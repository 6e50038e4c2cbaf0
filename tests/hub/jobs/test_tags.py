"""The hub asks for every model that an agent looks for in the same texts, and hostile ones are read in linear time."""

from typing import Any

import pytest
from quartermaster.ecosystems.infotext.resource import plain_name
from quartermaster.extension.jobs.engine import MOST_IMAGES
from quartermaster.extension.jobs.prompts import rewrite
from quartermaster.hub.jobs import payloads
from quartermaster.hub.jobs.requirements import split_title
from quartermaster.hub.jobs.shapes import read_submission
from quartermaster.hub.names import read_asked
from quartermaster.tests.hub.jobs.crew import job_of, refused, submit
from quartermaster.tests.hub.samples import Api

LONG = 100_000


def asked(**payload: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the LoRAs that a request asks for, and the request as an agent is given it."""
    settings = {"sd_model_checkpoint": "cyber", **payload.pop("override_settings", {})}
    read = read_submission({"target_server_alias": "any", "payload": {**payload, "override_settings": settings}})
    return [each.name for each in read.wanted if each.role == "lora"], dict(read.payload)


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({"prompt": "<lora:a:1><lora:b:0.5:0.3>"}, ["a", "b"]),
        ({"prompt": "<lora:<lora:a:1>:1>"}, ["<lora"]),
        ({"prompt": "<lora:a<b:1> <lora:c"}, ["a<b"]),
        ({"prompt": "<lora:a <lora:b:1>"}, ["a <lora"]),
        ({"prompt": "<LORA:a:1> <lyco:b> <other:c:1>"}, ["b"]),
        ({"prompt": f"<lora:{'n' * 1900}:1>"}, ["n" * 1900]),
        ({"prompt": "<lora:a:1>" * 2500 + "<lora:b:1>"}, ["a", "b"]),
        ({"prompt": "x", "hr_prompt": "<lora:a:1>"}, []),
        ({"prompt": "x", "hr_prompt": "<lora:a:1>", "enable_hr": True}, ["a"]),
        ({"prompt": "x", "negative_prompt": "<lora:a:1>"}, []),
        ({"prompt": "<lora:a:1>", "disable_extra_networks": True}, []),
        ({"prompt": "x", "script_name": "XYZ", "script_args": [[{"p": "<lora:a:1>"}]]}, ["a"]),
        ({"prompt": "x", "alwayson_scripts": {"y": {"args": ["<lora:a:1>", {"negative": "<lora:b:1>"}]}}}, ["a"]),
        ({"prompt": "x", "alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": "<lora:a:1>"}]}}}, ["a"]),
    ],
)
def test_an_agent_finds_no_tag_that_the_hub_did_not(payload: dict[str, Any], names: list[str]) -> None:
    found, given = asked(**payload)
    assert found == names
    own = {plain_name(name): f"own {number}" for number, name in enumerate(names)}
    assert str(rewrite(given, own, [])).count("own ") >= len(names)


@pytest.mark.parametrize("piece", ["<a:", "<lora:a", "<", "<lora:", "((", "\\(", "[a:"])
def test_tags_that_are_never_closed_are_text(piece: str) -> None:
    """Each would be read to the end of the prompt, of every one of them: an hour for the agent."""
    text = piece * (LONG // len(piece))
    found, given = asked(prompt=text)
    assert found == [] and rewrite({**given, "prompt": text * 8}, {"x": "y"}, [])["prompt"] == text * 8


@pytest.mark.parametrize("spaces", [" ", "\t ", "\u3000"])
def test_a_name_of_white_space_is_read_once(spaces: str) -> None:
    """Where two parts of a pattern can take the same spaces, such a name takes days."""
    inside = spaces * LONG
    for name in (f"<lora:{inside}x", f"<lora:{inside}x>{inside}x", f"{inside}[{inside}", f"x{inside}[9f90c59f3a]x"):
        assert split_title(name) == (name.strip(), ())
        assert read_asked(name) is not None
    assert split_title(f"x{inside}[9f90c59f3a]{inside}") == ("x", ("9f90c59f3a",))


def test_a_job_of_more_images_than_an_agent_makes_is_not_taken() -> None:
    assert payloads.MOST_IMAGES == MOST_IMAGES
    asked(prompt="x", batch_size=16, n_iter=16)
    asked(prompt="x", batch_size=64, n_iter=16, script_name="one that decides for itself")


def test_hostile_names_reach_no_database_as_they_are(api: Api) -> None:
    """A NUL, which PostgreSQL does not even compare with, in an address is another job that is not there."""
    job_id = submit(api)
    client, agent = api.with_key("client"), api.with_key("agent", "attic")
    report = {"lease": "x", "code": "x", "images": [{"n": 0, "sha256": "0" * 64}]}
    for name in (f"{job_id[:-1]}%00", "%00", "%ed%a0%80", "x" * 80, "%27%20OR%201=1--", "1"):
        for method, path, body in (
            ("GET", "/api/v2/jobs/{}/status", None),
            ("GET", "/api/v2/jobs/{}/images", None),
            ("GET", "/api/v2/jobs/{}/images/0", None),
            ("GET", "/api/v2/jobs/{}/preview", None),
            ("POST", "/api/v2/jobs/{}/cancel", None),
            ("POST", "/api/v2/jobs/{}/retry", None),
            ("POST", "/api/v2/jobs/{}/priority", {"priority": 1}),
            ("POST", "/api/v2/jobs/{}/move", {"target_server_alias": "any"}),
            ("DELETE", "/api/v1/queue/jobs/{}", None),
        ):
            refused(client.call(method, path.format(name), json=body), 404, "job_not_found")
        for verb in ("progress", "complete", "fail"):
            refused(agent.post(f"/api/v1/jobs/{name}/{verb}", report), 404, "job_not_found")
        headers = {"X-Job-Lease": "x", "Content-Type": "image/png"}
        refused(agent.call("PUT", f"/api/v1/jobs/{name}/images/0", data=b"x", headers=headers), 404, "job_not_found")
    assert job_of(api, job_id.upper())["state"] == "pending"
