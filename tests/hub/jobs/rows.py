"""Rows of jobs as the queue leaves them, for tests of what is done beside it."""

import uuid
from typing import Any

from quartermaster.hub.jobs.job import PROCESSING
from quartermaster.hub.schema import jobs
from quartermaster.tests.fakes import images
from quartermaster.tests.hub.samples import Api

LEASE = "the lease of this attempt"


def put_job(api: Api, state: str = PROCESSING, **more: Any) -> str:
    """Put a job that the attic works on, and return its public id."""
    now, public_id = api.clock(), str(uuid.uuid4())
    row = {
        "public_id": public_id, "state": state, "tag": 1.0, "rank": 1.0, "submitter": "k", "mode": "txt2img",
        "payload": "{}", "asked": "{}", "created_at": now, "updated_at": now, "queued_at": now, "attempts": 1,
        "max_attempts": 3, "server_id": "attic", "lease": LEASE if state == PROCESSING else None,
    }  # fmt: skip
    api.hub.database.write(lambda connection: connection.execute(jobs.insert().values({**row, **more})))
    return public_id


def change_job(api: Api, public_id: str, **values: Any) -> None:
    api.hub.database.write(
        lambda connection: connection.execute(jobs.update().where(jobs.c.public_id == public_id).values(values))
    )


def png(size_bytes: int = 100, colour: int = 0) -> bytes:
    """Return a PNG image of one pixel and, about, so many bytes; another one for each colour."""
    return images.png((b"quAr", bytes([colour]) * max(1, size_bytes - 100)))
