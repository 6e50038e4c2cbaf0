"""Previews of running jobs."""

import base64

import pytest
from quartermaster.hub.errors import FieldError
from quartermaster.hub.jobs.job import COMPLETED
from quartermaster.hub.jobs.previews import MOST_PREVIEW_BYTES, drop_preview, keep_preview, read_preview
from quartermaster.hub.schema import jobs
from quartermaster.tests.hub.jobs.rows import change_job, png, put_job
from quartermaster.tests.hub.samples import Api
from sqlalchemy import select


def keep(api: Api, job: str, content: bytes) -> None:
    preview = read_preview({"preview": base64.b64encode(content).decode()})
    assert preview is not None

    def work(connection: object) -> None:
        row_id = connection.scalar(select(jobs.c.id).where(jobs.c.public_id == job))  # type: ignore[attr-defined]
        keep_preview(api.hub.database, connection, row_id, preview, api.clock())  # type: ignore[arg-type]

    api.hub.database.write(work)


def test_a_running_job_shows_its_last_preview(api: Api) -> None:
    job = put_job(api)
    place = f"/api/v2/jobs/{job}/preview"
    assert api.get(place).json()["error"] == "preview_not_found"
    keep(api, job, png(colour=1))
    keep(api, job, png(colour=2))
    shown = api.with_key("client").get(place)
    assert (shown.content, shown.headers["Content-Type"]) == (png(colour=2), "image/png")
    assert shown.headers["Cache-Control"] == "private, no-cache"
    assert api.call("GET", place, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    change_job(api, job, state=COMPLETED, lease=None)
    assert api.get(place).json()["details"] == {"state": COMPLETED}
    api.hub.database.write(lambda connection: drop_preview(connection, 1))
    assert api.get("/api/v2/jobs/nobody/preview").json()["error"] == "job_not_found"


@pytest.mark.parametrize(
    "text",
    [
        3,
        "no base64!",
        base64.b64encode(b"<svg/>").decode(),
        base64.b64encode(png(MOST_PREVIEW_BYTES + 200)).decode(),
    ],
)
def test_what_is_no_preview_is_refused(text: object) -> None:
    with pytest.raises(FieldError):
        read_preview({"preview": text})


def test_no_preview_is_none() -> None:
    assert read_preview({}) is None
    assert read_preview({"preview": ""}) is None
