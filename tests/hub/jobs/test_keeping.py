"""How long jobs and images are kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from quartermaster.hub.errors import ConflictError, SettingsError
from quartermaster.hub.jobs import keeping
from quartermaster.hub.jobs.job import COMPLETED, FAILED, PENDING
from quartermaster.hub.keys import ADMIN, Caller
from quartermaster.hub.limits import MIB
from quartermaster.hub.schema import job_image_parts, job_images, job_inputs, jobs
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.jobs.rows import change_job, png, put_job
from quartermaster.tests.hub.jobs.test_images import finish, hand_over, made
from quartermaster.tests.hub.samples import Api, together
from sqlalchemy import func, select

DAY = 86_400.0


@pytest.fixture
def bounded(settings: HubSettings, start_api: Callable[..., Api]) -> Api:
    return start_api(replace(settings, jobs_keep_days=10, job_images_keep_days=5, job_images_keep_mib=2))


def done(api: Api, size_bytes: int = 1000) -> str:
    """Return a job that was completed now, with one image."""
    job, content = put_job(api), png(size_bytes)
    assert hand_over(api.with_key("agent", "attic"), job, 0, content).status_code == 200
    finish(api, job, made(0, content, "its infotext"))
    return job


def see_to_it(api: Api) -> int:
    """Do all that is due, and return in how many batches."""
    batches = 1
    while api.hub.keeping.step():
        batches += 1
    return batches


def count(api: Api, table: Any) -> int:
    with api.hub.database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def image(api: Api, job: str) -> tuple[int, str | None]:
    answer = api.get(f"/api/v2/jobs/{job}/images/0")
    return answer.status_code, answer.json()["error"] if answer.status_code >= 400 else None


def test_images_go_first_and_the_record_of_the_job_later(bounded: Api) -> None:
    old = done(bounded)
    bounded.clock.now += 4 * DAY
    young = done(bounded)
    bounded.clock.now += 1.5 * DAY
    see_to_it(bounded)
    assert image(bounded, old) == (410, "image_gone")
    assert image(bounded, young) == (200, None)
    (told,) = bounded.get(f"/api/v2/jobs/{old}/images").json()["images"]
    assert (told["infotext"], told["deleted_at"] is None) == ("its infotext", False)
    assert count(bounded, job_image_parts) == 1
    page = bounded.get(f"/queue/{old}")
    assert "Image 1 was deleted here" in page.text and "its infotext" in page.text
    assert f"/api/v2/jobs/{old}/images/0" not in page.text
    bounded.clock.now += 5 * DAY
    see_to_it(bounded)
    assert image(bounded, old) == (404, "job_not_found")
    assert image(bounded, young) == (410, "image_gone")
    assert (count(bounded, jobs), count(bounded, job_images)) == (1, 1)


def test_above_the_room_the_oldest_images_go_but_none_that_was_just_made(bounded: Api) -> None:
    first, second = done(bounded, MIB), done(bounded, MIB)
    bounded.clock.now += 7200
    fresh = done(bounded, 3 * MIB // 2)
    see_to_it(bounded)
    assert [image(bounded, job)[0] for job in (first, second, fresh)] == [410, 410, 200]
    huge = done(bounded, 3 * MIB)
    see_to_it(bounded)
    assert image(bounded, huge) == (200, None), "what somebody is about to fetch stays"
    bounded.clock.now += 7200
    see_to_it(bounded)
    assert [image(bounded, job)[0] for job in (fresh, huge)] == [410, 410]


def test_only_as_much_goes_as_there_is_too_much(bounded: Api) -> None:
    made_in_order = []
    for _ in range(4):
        made_in_order.append(done(bounded, 3 * MIB // 4))
        bounded.clock.now += 60
    bounded.clock.now += 7200
    see_to_it(bounded)
    assert [image(bounded, job)[0] for job in made_in_order] == [410, 410, 200, 200]


def test_what_jobs_were_given_goes_like_images(bounded: Api) -> None:
    waiting, failed = put_job(bounded, PENDING), put_job(bounded, FAILED, finished_at=bounded.clock())

    def give(connection: Any) -> None:
        for job in (waiting, failed):
            row_id = connection.scalar(select(jobs.c.id).where(jobs.c.public_id == job))
            connection.execute(job_inputs.insert().values(job_id=row_id, content="x" * (3 * MIB)))

    bounded.hub.database.write(give)

    def sizes() -> list[int]:
        with bounded.hub.database.read() as connection:
            return list(connection.scalars(select(job_inputs.c.size_bytes).order_by(job_inputs.c.job_id)))

    see_to_it(bounded)
    assert sizes() == [3 * MIB, 3 * MIB]
    bounded.clock.now += 7200
    see_to_it(bounded)
    assert sizes() == [3 * MIB, 0], "that of the job that waits stays, however large"
    admin = Caller(None, ADMIN, None, "a test")
    with pytest.raises(ConflictError) as caught:
        bounded.hub.changing.retry(failed, admin)
    assert caught.value.code == "inputs_gone"
    bounded.clock.now += 100 * DAY
    see_to_it(bounded)
    assert sizes() == [3 * MIB]
    assert count(bounded, jobs) == 1


def test_it_is_done_in_batches(bounded: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "BATCH_JOBS", 2)
    monkeypatch.setattr(keeping, "BATCH_BYTES", 1)
    for _ in range(5):
        done(bounded)
    change_job(bounded, put_job(bounded, COMPLETED), finished_at=bounded.clock())
    bounded.clock.now += 11 * DAY
    assert see_to_it(bounded) >= 5
    assert count(bounded, jobs) == 0


def test_several_processes_delete_no_more_than_one_would(bounded: Api) -> None:
    kept = [done(bounded, MIB // 2) for _ in range(8)]
    bounded.clock.now += 7200
    together(4, lambda _number: see_to_it(bounded))
    assert sorted(image(bounded, job)[0] for job in kept) == [200] * 4 + [410] * 4


def test_images_cannot_outlive_their_job(settings: HubSettings) -> None:
    with pytest.raises(SettingsError, match="job_images_keep_days"):
        replace(settings, jobs_keep_days=1)
