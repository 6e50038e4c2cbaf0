import logging
from dataclasses import replace

import pytest
from quartermaster.hub.errors import OverloadedError
from quartermaster.tests.hub.samples import Api, entry, sha
from sqlalchemy.exc import OperationalError

SHAPE = {"success", "error", "message", "details"}


@pytest.mark.parametrize("path", ["/nope", "/api/v1/nope", "/api/v2/nope", "/api/v1/servers/"])
def test_an_unknown_route_is_answered_in_our_shape(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404 and set(answer.json()) == SHAPE
    assert answer.json()["error"] == "not_found"


def test_a_wrong_method_is_answered_in_our_shape(api: Api) -> None:
    answer = api.call("PATCH", "/api/v1/servers")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert set(answer.json()) == SHAPE and answer.headers["Allow"]


def test_a_fault_of_the_hub_tells_nothing_but_an_id_that_is_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret recipe")

    monkeypatch.setattr(api.hub.servers, "listed", fail)
    answer = api.get("/api/v1/servers")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert "recipe" not in answer.text
    request_id = answer.json()["details"]["request_id"]
    assert answer.headers["X-Request-Id"] == request_id
    assert request_id in caplog.text and "recipe" in caplog.text


def test_every_answer_has_a_request_id(api: Api) -> None:
    ids = {api.get(path).headers["X-Request-Id"] for path in ("/healthz", "/nope", "/api/v1/servers")}
    assert len(ids) == 3


def test_an_overloaded_hub_says_when_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise OverloadedError("busy")

    monkeypatch.setattr(api.hub.servers, "listed", busy)
    answer = api.get("/api/v1/servers")
    assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_hub_that_lost_its_database_is_alive_and_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert replace(api, headers={}).get("/readyz").json()["status"] == "ready"

    def gone(*_arguments: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr("quartermaster.hub.readiness.current_revision", gone)
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["error"]) == (503, "not_ready")
    assert api.get("/healthz").status_code == 200


def test_a_database_at_another_migration_is_not_ready(api: Api) -> None:
    api.hub.database.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'"))
    assert api.get("/readyz").json()["error"] == "not_ready"


def test_the_openapi_names_keys_bodies_and_errors(api: Api) -> None:
    described = api.get("/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"ApiKey", "ApiSecret", "Bearer"}
    public = {"/healthz", "/readyz", "/status", "/api/v1/pair"}
    bare = ("/jobs/{job_id}/cancel", "/jobs/{job_id}/retry")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert bool(operation.get("security")) == (path not in public), path
            if path not in public:
                assert "422" in operation["responses"] and "401" in operation["responses"]
                schema = operation["responses"]["422"]["content"]["application/json"]["schema"]
                assert set(schema["required"]) == SHAPE
            assert ("requestBody" in operation) == (method in {"post", "put"} and not path.endswith(bare)), path


def test_a_log_never_holds_a_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.synced({"models": [entry("one")]})
    api.get(f"/api/v1/models/{sha('one')}")
    api.get("/nope")
    assert api.headers["X-API-Secret"] not in caplog.text


def test_servers_seen_in_the_future_age_from_a_restart_on(settings, start_api, clock) -> None:
    first = start_api(settings)
    first.synced({"models": [entry("one")]})
    clock.now -= 3600  # the machine's clock was set back while the hub was down
    again = start_api(settings)
    assert again.availability(sha("one"))["status"] == "available"
    clock.now += 100
    assert again.availability(sha("one"))["status"] == "stale"


def test_a_wrong_method_is_told_all_that_the_path_takes(api: Api) -> None:
    answer = api.call("PATCH", "/api/v1/servers/attic")
    assert answer.status_code == 405
    assert answer.json()["error"] == "method_not_allowed"
    assert answer.headers["Allow"] == "DELETE, GET, PUT"
