"""Rows of jobs as the queue leaves them, for tests of what is done beside it."""

import struct
import uuid
import zlib
from typing import Any

from quartermaster.hub.jobs.job import PROCESSING
from quartermaster.hub.schema import jobs
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
    """Return a PNG image of one pixel and, about, so many bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    filling = chunk(b"quAr", b"\x00" * max(0, size_bytes - 100))
    return head + filling + chunk(b"IDAT", zlib.compress(bytes([0, colour]))) + chunk(b"IEND", b"")
