"""What a running job looks like so far: one small image, the last one, as long as the job runs."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from ..database import Database
from ..errors import FieldError, NotFoundError
from ..schema import job_previews, jobs
from .holder import is_job, not_found
from .image_types import ENDINGS, type_of
from .job import PROCESSING

MOST_PREVIEW_BYTES = 256 * 1024
_MOST_CHARACTERS = MOST_PREVIEW_BYTES * 4 // 3 + 4


@dataclass(frozen=True)
class Preview:
    """A preview, checked."""

    content_type: str
    content: bytes

    @property
    def tag(self) -> str:
        """What tells it from others."""
        return hashlib.sha256(self.content).hexdigest()[:32]


def read_preview(body: Mapping[str, Any], name: str = "preview") -> Preview | None:
    """Return the preview that a body has in base64, None where it has none.

    Raises:
        FieldError: it is none, or too large.
    """
    text = body.get(name)
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
        raise FieldError(name, f"must be an image of at most {MOST_PREVIEW_BYTES // 1024} KiB in base64")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FieldError(name, "must be an image in base64") from None
    content_type = type_of(content)
    if content_type is None:
        raise FieldError(name, f"must be an image: {', '.join(ENDINGS.values())}")
    return Preview(content_type, content)


def keep_preview(database: Database, connection: Connection, job_id: int, preview: Preview, now: float) -> None:
    """Keep a job's preview in place of the one before."""
    row = {"job_id": job_id, "content_type": preview.content_type, "content": preview.content, "at": now}
    connection.execute(database.upsert(job_previews, ["job_id"], ["content_type", "content", "at"]), row)


def drop_preview(connection: Connection, job_id: int) -> None:
    """Forget the preview of a job that does not run any more."""
    connection.execute(delete(job_previews).where(job_previews.c.job_id == job_id))


class Previews:
    """The previews of the jobs of one hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, public_id: str) -> Preview:
        """Return the last preview of a job that runs.

        Raises:
            NotFoundError: there is no such job (``job_not_found``), or no preview of it now (``preview_not_found``).
        """
        query = (
            select(jobs.c.state, job_previews.c.content_type, job_previews.c.content)
            .outerjoin(job_previews, job_previews.c.job_id == jobs.c.id)
            .where(is_job(public_id))
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise not_found(public_id)
        if row.state != PROCESSING or row.content is None:
            raise NotFoundError(
                f"this job is {row.state} and has no preview now", {"state": row.state}, code="preview_not_found"
            )
        return Preview(row.content_type, bytes(row.content))
