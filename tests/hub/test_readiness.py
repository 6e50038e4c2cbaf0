import shutil
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from quartermaster.hub.background import Job
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.hub.samples import Api


def problem(api: Api) -> str | None:
    answer = replace(api, headers={}).get("/readyz")
    if answer.status_code == 200:
        return None
    assert (answer.status_code, answer.json()["error"]) == (503, "not_ready")
    assert int(answer.headers["Retry-After"]) > 0
    return str(answer.json()["details"]["check"])


def test_a_hub_that_works_is_ready(api: Api) -> None:
    assert problem(api) is None


def test_a_full_disk_is_not_ready(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    free_mb = shutil.disk_usage(settings.data_dir).free / 1_000_000
    assert problem(start_api(replace(settings, ready_free_mb=free_mb * 100))) == "disk"


def test_a_hub_that_is_stopping_is_not_ready_and_answers_still(api: Api) -> None:
    api.hub.stopping.set()
    assert problem(api) == "stopping"
    assert api.get("/healthz").status_code == api.get("/api/v1/servers").status_code == 200


def test_a_background_job_that_ended_is_not_ready(api: Api) -> None:
    api.hub.jobs.append(Job("gone", 1.0, lambda: False))  # which nobody runs
    assert problem(api) == "jobs"


def test_a_hub_with_running_jobs_is_ready(
    settings: HubSettings, start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    from quartermaster.hub import app

    done: list[int] = []

    class HubWithAJob(app.Hub):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]  # as they come
            self.jobs.append(Job("counting", 3600, lambda: bool(done.append(1))))

    monkeypatch.setattr(app, "Hub", HubWithAJob)
    api = start_api(settings)
    eventually(lambda: done == [1], "the job")
    assert problem(api) is None


def test_a_postgresql_that_takes_no_writes_is_not_ready(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    if settings.database_url is None:
        assert problem(start_api(settings)) is None
        return
    api = start_api(settings)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        try:
            eventually(lambda: problem(api) == "database", "a database that takes no writes")
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        eventually(lambda: problem(api) is None, "one that takes them again")
