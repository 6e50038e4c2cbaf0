import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.hub.samples import Api, entry, sha


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[dict[str, Any]]]:
    """What returns the access lines of a path, once there is one: it is written when the answer is out."""
    caplog.set_level(logging.DEBUG, "quartermaster.access")

    def of(path: str) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]]:
            kept = [record for record in caplog.records if record.name == "quartermaster.access"]
            facts = [{**record.fields, "level": record.levelname} for record in kept]  # type: ignore[attr-defined]
            return [each for each in facts if each["path"] == path]

        eventually(lambda: bool(found()), f"an access line of {path}")
        return found()

    return of


def test_every_request_has_a_line_with_its_key_and_never_its_secret(
    api: Api, lines: Callable[[str], list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    answer = api.get(f"/api/v1/models/{sha('one')}/availability?token=hidden")
    (line,) = lines(f"/api/v1/models/{sha('one')}/availability")
    assert (line["method"], line["status"], line["level"]) == ("GET", 404, "INFO")
    assert line["route"] == "/api/v1/models/{hash}/availability"
    assert line["key"] == api.headers["X-API-Key"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["remote"] == "127.0.0.1" and line["duration_ms"] > 0
    kept = str([record.__dict__ for record in caplog.records if record.name == "quartermaster.access"])
    assert "hidden" not in kept and api.headers["X-API-Secret"] not in kept


def test_what_is_asked_all_the_time_is_told_only_to_who_debugs(
    api: Api, lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        api.get(path)
        assert lines(path)[0]["level"] == "DEBUG"
    api.hub.database.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'"))
    api.get("/readyz")
    eventually(lambda: len(lines("/readyz")) == 2, "the second line")
    assert (lines("/readyz")[1]["level"], lines("/readyz")[1]["status"]) == ("WARNING", 503)


def test_a_wrong_key_is_not_taken_for_a_caller(api: Api, lines: Callable[[str], list[dict[str, Any]]]) -> None:
    replace(api, headers={"X-API-Key": "qm_made_up", "X-API-Secret": "x"}).get("/api/v1/servers")
    (line,) = lines("/api/v1/servers")
    assert (line["status"], line["key"]) == (401, None)


@pytest.mark.parametrize("given", ["abc-1", "A" * 64, "0e9f.7_x"])
def test_the_id_that_a_proxy_gave_is_kept(api: Api, given: str) -> None:
    answer = api.session.get(f"{api.address}/healthz", headers={"X-Request-Id": given}, timeout=30)
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "A" * 65, "a b", "-x", "a\tb", "<script>", "größe".encode(), "a;b=c"])
def test_one_that_is_long_or_odd_is_not(api: Api, given: str | bytes) -> None:
    answer = api.session.get(f"{api.address}/healthz", headers={"X-Request-Id": given}, timeout=30)
    assert answer.headers["X-Request-Id"] != given and len(answer.headers["X-Request-Id"]) == 16


def test_the_log_of_a_fault_has_the_requests_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    def fail() -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(api.hub.servers, "listed", fail)
    answer = api.get("/api/v1/servers")
    (line,) = lines("/api/v1/servers")
    assert (line["status"], line["level"]) == (500, "WARNING")
    assert line["request_id"] == answer.json()["details"]["request_id"]


def metric(api: Api, name: str, **labels: str) -> float:
    """Return a sample's value; 0 where there is none yet."""
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    head = f"{name}{{{wanted}}} " if wanted else f"{name} "
    shown = api.get("/metrics")
    assert shown.status_code == 200 and shown.headers["Content-Type"].startswith("text/plain; version=")
    return next((float(line.removeprefix(head)) for line in shown.text.splitlines() if line.startswith(head)), 0.0)


def test_requests_are_counted_by_route_and_no_path_makes_a_series_of_its_own(api: Api) -> None:
    for number in range(3):
        api.get(f"/api/v1/models/{sha(number)}/availability")
        api.get(f"/no/such/{number}")
    route = {"method": "GET", "route": "/api/v1/models/{hash}/availability"}
    eventually(lambda: metric(api, "quartermaster_http_requests_total", **route, status="404") == 3, "the count")
    assert metric(api, "quartermaster_http_request_seconds_count", **route) == 3
    assert metric(api, "quartermaster_http_requests_total", method="GET", route="(none)", status="404") == 3
    assert metric(api, "quartermaster_http_requests_in_flight") >= 1
    assert "/no/such" not in api.get("/metrics").text
    api.call("BREW", "/coffee")
    eventually(
        lambda: (
            metric(api, "quartermaster_http_requests_total", method="other", route="(none)", status="405") == 1
            or metric(api, "quartermaster_http_requests_total", method="other", route="(none)", status="404") == 1
        ),
        "the odd method",
    )


def test_inventories_are_counted(api: Api) -> None:
    api.synced({"models": [entry("one"), entry("two")]})
    api.synced({"models": [entry("two"), entry("three", content="two")]})
    assert metric(api, "quartermaster_sync_entries_total", change="added") == 3
    assert metric(api, "quartermaster_sync_entries_total", change="removed") == 1
    assert metric(api, "quartermaster_models") == 2
    assert metric(api, "quartermaster_placements") == 2
    assert metric(api, "quartermaster_servers", state="present") == 1
    assert metric(api, "quartermaster_servers", state="offline") == 0


def test_troubles_with_the_database_and_work_beside_the_answering_are_counted(api: Api) -> None:
    assert metric(api, "quartermaster_database_errors_total") == api.hub.database.troubles
    api.hub.database.troubles += 1
    assert metric(api, "quartermaster_database_errors_total") == api.hub.database.troubles
    text = api.get("/metrics").text
    for job in api.hub.jobs:
        assert f'quartermaster_job_alive{{job="{job.name}"}} 1.0' in text


def test_two_hubs_in_one_process_count_apart(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    one, other = start_api(settings), start_api(settings)
    one.synced({"models": [entry("one")]})
    assert metric(one, "quartermaster_sync_entries_total", change="added") == 1
    assert metric(other, "quartermaster_sync_entries_total", change="added") == 0


def test_metrics_need_a_key_of_any_scope_unless_they_are_public(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(settings)
    assert replace(api, headers={}).get("/metrics").status_code == 401
    assert api.with_key("client").get("/metrics").status_code == 200
    public = start_api(replace(settings, metrics_public=True))
    assert replace(public, headers={}).get("/metrics").status_code == 200
