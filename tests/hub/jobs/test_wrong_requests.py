"""Requests that are wrong in every way, over the socket: a 4xx that names the field, and nothing is queued."""

import json
from typing import Any

import pytest
from quartermaster.hub.jobs import listing
from quartermaster.hub.schema import jobs
from quartermaster.tests.hub.jobs.crew import Worker, checkpoint, job_of, refused, submit, worker
from quartermaster.tests.hub.samples import Api
from sqlalchemy import func, select

MIB = 1 << 20
SUBMISSIONS = ("/api/v2/generate", "/api/v1/generate", "/api/v2/generate/check", "/api/v2/generate/bulk")
PARAMETERS = {"positive_prompt": "a cat", "checkpoint_name": "base"}
PAYLOAD = {"prompt": "a cat", "override_settings": {"sd_model_checkpoint": "base"}}


def envelope(**more: Any) -> bytes:
    return json.dumps({"target_server_alias": "any", "bulk_quantity": 2, **more}).encode()


def parameters(**more: Any) -> bytes:
    return envelope(generation_params={**PARAMETERS, **more})


def payload(**more: Any) -> bytes:
    return envelope(payload={**PAYLOAD, **more})


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


def unit(model: Any) -> Any:
    return {"ControlNet": {"args": [{"model": model}]}}


NO_JSON = [
    parameters().replace(b'"a cat"', b"NaN"),
    parameters().replace(b'"a cat"', b"-Infinity"),
    parameters(seed=7).replace(b"7", b"1e999"),
    parameters(seed=7).replace(b"7", b"9" * 5000),
    parameters().replace(b"a cat", b"\xff\xfe"),
    parameters().replace(b'"positive_prompt"', b'"checkpoint_name"'),
    b'{"a":' * 100_000,
    b"[" * 10_000 + b"]" * 10_000,
    b"",
    b'"x"',
]
"""What is refused before anybody looks at a field."""

CLIP = "override_settings.CLIP_stop_at_last_layers"
WRONG = [
    (parameters(positive_prompt=["a"]), "generation_params.positive_prompt"),
    (parameters(positive_prompt="a\x00b"), "generation_params.positive_prompt"),
    (parameters(positive_prompt="\ud800"), "generation_params.positive_prompt"),
    (parameters(positive_prompt="x" * 10 * MIB), "generation_params.positive_prompt"),
    (parameters(checkpoint_name="a\ud800"), "generation_params.checkpoint_name"),
    (parameters(model_hash="\x00" * 10), "generation_params.model_hash"),
    (parameters(seed=True), "generation_params.seed"),
    (parameters(seed=10**400), "generation_params.seed"),
    (parameters(steps=[20]), "generation_params.steps"),
    (parameters(loras=[["x"]]), "generation_params.loras[0]"),
    (parameters(loras={"x": True}), "generation_params.loras[0].weight"),
    (parameters(notes=nested(30)), "generation_params"),
    (parameters(notes="x" * 10 * MIB), "generation_params"),
    (payload(width="wide"), "payload.width"),
    (payload(cfg_scale=[[7]]), "payload.cfg_scale"),
    (payload(override_settings={"sd_model_checkpoint": True}), "payload.override_settings.sd_model_checkpoint"),
    (payload(override_settings=[]), "payload.override_settings"),
    (payload(alwayson_scripts=[]), "payload.alwayson_scripts"),
    (payload(alwayson_scripts=unit(True)), "alwayson_scripts.ControlNet.args.0.model"),
    (payload(alwayson_scripts=unit("a\x00")), "payload.alwayson_scripts.ControlNet.args[0].model"),
    (payload(alwayson_scripts=unit("\ud800")), "payload.alwayson_scripts.ControlNet.args[0].model"),
    (payload(init_images=["x" * 10 * MIB]), "payload.init_images[0]"),
    (envelope(infotext=7), "infotext"),
    (envelope(infotext="a\x00\nSteps: 1, Model: base"), "infotext"),
    (envelope(infotext="a cat\nSteps: many, Sampler: Euler, Model: base"), "steps"),
    (envelope(infotext="a cat\nSteps: 1, Clip skip: 1e5, Model: base, Size: 1x1"), CLIP),
    (envelope(infotext="a cat\nSteps: 1, Clip skip: 99999999999, Model: base"), CLIP),
    (envelope(generation_params=PARAMETERS, priority=2.5), "priority"),
    (envelope(generation_params=PARAMETERS, max_attempts=1 << 70), "max_attempts"),
    (envelope(generation_params=PARAMETERS, source_info="a\nb"), "source_info"),
    (envelope(generation_params=PARAMETERS, models=[{"role": [], "name": "x"}]), "models[0].role"),
    (envelope(generation_params=PARAMETERS, target_server_alias="a/b"), "target_server_alias"),
]
BULK = [
    ({"bulk_quantity": 1000, "notes": "x" * MIB}, "bulk_quantity"),
    ({"bulk_quantity": True}, "bulk_quantity"),
    ({"bulk_quantity": 1001}, "bulk_quantity"),
    ({"bulk_quantity": None}, "bulk_quantity"),
    ({"seed_variation": ["random"]}, "seed_variation"),
    ({"seed_variation": "\ud800"}, "seed_variation"),
    ({"base_seed": {}}, "base_seed"),
    ({"base_seed": 1 << 63}, "base_seed"),
]


@pytest.fixture
def attic(api: Api) -> Worker:
    return worker(api).has(checkpoint("base"))


def queued(api: Api) -> int:
    with api.hub.database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(jobs)) or 0)


def test_a_wrong_request_is_refused_by_name_whoever_sends_it(api: Api, attic: Worker) -> None:
    whoever = [api.with_key("client"), attic.api, api]
    for number, body in enumerate(NO_JSON):
        client, path = whoever[number % 3], SUBMISSIONS[number % 4]
        told = refused(client.call("POST", path, data=body), 400)
        assert told["error"] == "invalid_json" and len(told["message"]) < 300
    for number, (body, field) in enumerate(WRONG):
        client, path = whoever[number % 3], SUBMISSIONS[number % 4]
        told = refused(client.call("POST", path, data=body), 422)
        assert told["details"]["field"] == field and told["message"].startswith(f"{field}: "), told
        assert len(told["message"]) < 500
    for more, field in BULK:
        body = envelope(generation_params=PARAMETERS, **more)
        assert refused(whoever[0].call("POST", SUBMISSIONS[3], data=body), 422)["details"]["field"] == field
    stranger = {"X-API-Key": "no", "X-API-Secret": "such"}
    for path in SUBMISSIONS:
        refused(api.call("POST", path, data=parameters(), headers=stranger), 401)
        assert api.session.post(api.address + path, data=parameters()).status_code == 401
    assert queued(api) == 0


def test_a_job_belongs_to_whoever_submitted_it_and_is_seen_by_all(api: Api, attic: Worker) -> None:
    owner, other = api.with_key("client"), api.with_key("client")
    job_id = submit(owner)
    path = f"/api/v2/jobs/{job_id}"
    changes: list[tuple[str, str, Any]] = [
        ("POST", f"{path}/cancel", None),
        ("POST", f"{path}/retry", None),
        ("POST", f"{path}/priority", {"priority": 9}),
        ("POST", f"{path}/move", {"target_server_alias": "attic"}),
        ("POST", f"/api/v1/queue/jobs/{job_id}/cancel", None),
        ("DELETE", f"/api/v1/queue/jobs/{job_id}", None),
    ]
    for stranger in (other, attic.api):
        assert job_of(stranger, job_id)["title"] == "a cat"
        for method, address, body in changes:
            refused(stranger.call(method, address, json=body), 403, "forbidden")
    for method, address, _ in [*changes, ("GET", f"{path}/status", None), ("GET", "/api/v2/jobs", None)]:
        assert api.session.request(method, api.address + address).status_code == 401
    assert attic.take()["id"] == job_id, "the admin, the owner and strangers left it as it was"
    assert owner.post(f"{path}/cancel").status_code == 200
    assert api.post(f"{path}/retry").status_code == 200


def test_a_page_of_large_requests_ends_early_and_says_where_to_go_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred of the largest requests would be a gigabyte."""
    monkeypatch.setattr(listing, "PAGE_BYTES", 3 * MIB)
    made = [submit(api, notes=str(number) * MIB) for number in range(5)]
    seen, pages, cursor = [], [], {}
    while len(pages) < 10:
        told = api.get("/api/v2/jobs", limit=4, **cursor).json()
        pages.append(len(told["jobs"]))
        seen += [job["id"] for job in told["jobs"]]
        assert told["total"] == 5
        if told["next_cursor"] is None:
            break
        cursor = {"cursor": told["next_cursor"]}
    assert seen == made[::-1] and pages == [3, 2]
