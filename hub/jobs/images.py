"""The images of jobs: taken from the agent that holds the job's lease, handed out once the job is completed.

They lie in the database a MiB at a time. An upload is in memory as a whole, which ``BodyReader``'s slots bound; a
download never is.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from .. import fields
from ..ages import iso_time
from ..clock import Clock
from ..database import Database, Record, among
from ..errors import ConflictError, FieldError, GoneError, NotFoundError, TooLargeError
from ..keys import Caller
from ..limits import MIB
from ..schema import job_attempts, job_image_parts, job_images, jobs
from ..trust.tokens import same
from .holder import check_lease, is_job, not_found
from .image_types import ENDINGS, type_of
from .job import COMPLETED

MOST_IMAGES = 1000
"""Of one job: their numbers are below it."""
MOST_IMAGE_BYTES = 64 * MIB
MOST_JOB_BYTES = 1024 * MIB
PART_BYTES = MIB
INFOTEXT_CHARACTERS = 100_000


@dataclass(frozen=True)
class Made:
    """An image that an agent says is a job's result; it was handed over before."""

    n: int
    sha256: str
    infotext: str | None


@dataclass(frozen=True)
class FoundImage:
    """An image that can be handed out, in so many parts."""

    job_id: int
    public_id: str
    n: int
    content_type: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """What a download of it is called."""
        return file_name(self.public_id, self.n, self.content_type)

    @property
    def parts(self) -> range:
        """The numbers of its parts."""
        return range(-(-self.size_bytes // PART_BYTES))


class JobImages:
    """The images of the jobs of one hub."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def expect(self, public_id: str, lease: str, caller: Caller) -> None:
        """Refuse an image before it is read, where it would be refused then.

        Raises:
            NotFoundError, ConflictError, ForbiddenError: as ``put``.
        """
        with self._database.read() as connection:
            job = _job(connection, public_id)
            if not _completed_with(connection, job, lease):
                check_lease(job, lease, caller)

    def put(
        self, public_id: str, lease: str, n: int, content_type: str, content: bytes, caller: Caller
    ) -> dict[str, Any]:
        """Take an image of a job that runs; the same again changes nothing, another one takes its place.

        Raises:
            NotFoundError: there is no such job (``job_not_found``).
            ConflictError: the lease is not the job's now (``lease_lost``; ``details`` have the job's ``state``).
            ForbiddenError: the job is leased to another server than the key's.
            FieldError: the content is not what its type says.
            TooLargeError: the job's images are too much together (``images_too_large``).
        """
        if type_of(content) != content_type:
            raise FieldError("body", f"the content is no {content_type}, as its Content-Type says")
        digest = hashlib.sha256(content).hexdigest()

        def work(connection: Connection) -> bool:
            job = _job(connection, public_id, locked=True)
            is_there = _is_there(connection, job, n, digest)
            if is_there and _completed_with(connection, job, lease):
                return True  # the answer to the whole result was lost, and all of it comes again
            check_lease(job, lease, caller)
            if is_there:
                return True
            _forget_others(connection, job, n)
            _check_room(connection, job, len(content))
            row = {"job_id": job.id, "n": n, "attempt": job.attempts, "content_type": content_type}
            row |= {"size_bytes": len(content), "sha256": digest, "created_at": self._clock()}
            connection.execute(job_images.insert().values(row))
            whole = memoryview(content)
            for part, start in enumerate(range(0, len(content), PART_BYTES)):
                piece = {"content": bytes(whole[start : start + PART_BYTES]), "part": part}
                connection.execute(job_image_parts.insert().values(job_id=job.id, n=n, **piece))
            return False

        repeated = self._database.write(work)
        return {"success": True, "n": n, "sha256": digest, "size_bytes": len(content), "repeated": repeated}

    def listed(self, public_id: str) -> list[dict[str, Any]]:
        """Return what is known of a job's images, none as long as it is not completed.

        Raises:
            NotFoundError: there is no such job (``job_not_found``).
        """
        with self._database.read() as connection:
            job = _job(connection, public_id)
            return images_of(connection, [job.id])[job.id]

    def find(self, public_id: str, n: int) -> FoundImage:
        """Return an image of a completed job.

        Raises:
            NotFoundError: there is no such job or image (``job_not_found``, ``image_not_found``).
            GoneError: it was deleted to save room (``image_gone``).
        """
        with self._database.read() as connection:
            job = _job(connection, public_id)
            query = select(job_images).where(job_images.c.job_id == job.id, job_images.c.n == n)
            row = connection.execute(query).first()
        if job.state != COMPLETED or row is None:
            why = "" if job.state == COMPLETED else f"; it is {job.state}, and has images once it is completed"
            raise NotFoundError(f"this job has no image {n}{why}", {"state": job.state}, code="image_not_found")
        if row.deleted_at is not None:
            when = iso_time(row.deleted_at)
            raise GoneError(
                f"this image was deleted here at {when} to save room; the server that made it may still have it",
                {"deleted_at": when, "sha256": row.sha256, "server_id": job.server_id},
                code="image_gone",
            )
        return FoundImage(job.id, public_id, n, row.content_type, row.size_bytes, row.sha256)

    def part(self, image: FoundImage, part: int) -> bytes | None:
        """Return a part of an image; None where it was deleted meanwhile."""
        here = job_image_parts.c
        query = select(here.content).where(here.job_id == image.job_id, here.n == image.n, here.part == part)
        with self._database.read() as connection:
            content = connection.scalar(query)
        return None if content is None else bytes(content)


def images_of(
    connection: Connection, job_ids: Collection[int], *, infotexts: bool = True
) -> dict[int, list[dict[str, Any]]]:
    """Return the JSON of the images of each of these jobs, of which only completed ones have any."""
    here = job_images.c
    columns = [column for column in here if infotexts or column.name != "infotext"]
    query = (
        select(*columns, jobs.c.public_id)
        .join(jobs, jobs.c.id == here.job_id)
        .where(among(connection, here.job_id, job_ids), jobs.c.state == COMPLETED)
        .order_by(here.job_id, here.n)
    )
    found: dict[int, list[dict[str, Any]]] = {job_id: [] for job_id in job_ids}
    for row in connection.execute(query):
        found[row.job_id].append(
            {
                "n": row.n,
                "content_type": row.content_type,
                "size_bytes": row.size_bytes,
                "sha256": row.sha256,
                **({"infotext": row.infotext} if infotexts else {}),
                "created_at": iso_time(row.created_at),
                "deleted_at": iso_time(row.deleted_at),
                "url": f"/api/v2/jobs/{row.public_id}/images/{row.n}",
                "file_name": file_name(row.public_id, row.n, row.content_type),
            }
        )
    return found


def file_name(public_id: str, n: int, content_type: str) -> str:
    """Return what a download of an image is called."""
    return f"{public_id}-{n}.{ENDINGS[content_type]}"


def read_made(body: Mapping[str, Any]) -> list[Made]:
    """Return the images that a body says are a job's result.

    Raises:
        FieldError: they are not a list of images, or a number stands there twice.
    """
    listed = fields.required(body, "images")
    if not isinstance(listed, list) or len(listed) > MOST_IMAGES:
        raise FieldError("images", f"must be a list of at most {MOST_IMAGES} images")
    made: dict[int, Made] = {}
    for position, item in enumerate(listed):
        where = f"images[{position}]"
        if not isinstance(item, dict):
            raise FieldError(where, "must be an object")
        try:
            image = _read_one(item)
        except FieldError as error:
            raise error.below(where) from None
        if image.n in made:
            raise FieldError(f"{where}.n", "stands twice in this body")
        made[image.n] = image
    return list(made.values())


def _read_one(item: Mapping[str, Any]) -> Made:
    fields.required(item, "n")
    fields.required(item, "sha256")
    n, digest = fields.integer(item, "n", 0, MOST_IMAGES - 1), fields.hexadecimal(item, "sha256", 64)
    infotext = item.get("infotext")
    if infotext is not None and (not isinstance(infotext, str) or len(infotext) > INFOTEXT_CHARACTERS):
        raise FieldError("infotext", f"must be text of at most {INFOTEXT_CHARACTERS} characters")
    assert n is not None and digest is not None
    return Made(n, digest, infotext)


def settle(connection: Connection, job_id: int, attempt: int, made: Sequence[Made]) -> None:
    """Have a job, whose row this transaction has locked, have exactly these images, with their infotexts.

    Raises:
        ConflictError: some of them were not handed over in this attempt, or with another content (``image_missing``).
    """
    here = job_images.c
    query = select(here.n, here.sha256).where(here.job_id == job_id, here.attempt == attempt)
    held = {row.n: row.sha256 for row in connection.execute(query)}
    missing = [image.n for image in made if held.get(image.n) != image.sha256]
    if missing:
        raise ConflictError(
            "the hub does not have all images of this result: hand them over before it is completed",
            {"missing": missing},
            code="image_missing",
        )
    wanted = {image.n for image in made}
    connection.execute(
        delete(job_images).where(here.job_id == job_id, ~among(connection, here.n, wanted) | (here.attempt != attempt))
    )
    for image in made:
        text = None if image.infotext is None else _storable(image.infotext)
        connection.execute(update(job_images).where(here.job_id == job_id, here.n == image.n).values(infotext=text))


def drop(connection: Connection, job_id: int) -> None:
    """Forget the images of a job that comes to nothing."""
    connection.execute(delete(job_images).where(job_images.c.job_id == job_id))


def _storable(text: str) -> str:
    """Return text that both databases take, its lines as they are."""
    return "\n".join(fields.without_unusable(line) for line in text.replace("\r\n", "\n").split("\n"))


def _job(connection: Connection, public_id: str, *, locked: bool = False) -> Record:
    here = jobs.c
    query = select(here.id, here.state, here.lease, here.server_id, here.attempts).where(is_job(public_id))
    job = connection.execute(query.with_for_update() if locked else query).first()
    if job is None:
        raise not_found(public_id)
    return job


def _is_there(connection: Connection, job: Record, n: int, digest: str) -> bool:
    here = job_images.c
    query = select(here.sha256, here.attempt).where(here.job_id == job.id, here.n == n)
    found = connection.execute(query).first()
    return found is not None and (found.sha256, found.attempt) == (digest, job.attempts)


def _completed_with(connection: Connection, job: Record, lease: str) -> bool:
    """Say whether it was this lease with which a job was completed."""
    if job.state != COMPLETED:
        return False
    here = job_attempts.c
    query = select(here.lease).where(here.job_id == job.id, here.outcome == COMPLETED)
    return any(same(held, lease) for held in connection.scalars(query))


def _forget_others(connection: Connection, job: Record, n: int) -> None:
    """Forget what an image takes the place of, and the images of earlier attempts."""
    here = job_images.c
    connection.execute(delete(job_images).where(here.job_id == job.id, (here.n == n) | (here.attempt != job.attempts)))


def _check_room(connection: Connection, job: Record, size_bytes: int) -> None:
    query = select(func.coalesce(func.sum(job_images.c.size_bytes), 0)).where(job_images.c.job_id == job.id)
    if int(connection.scalar(query) or 0) + size_bytes > MOST_JOB_BYTES:
        raise TooLargeError(
            f"the images of one job may have {MOST_JOB_BYTES // MIB} MiB together; ask for fewer in one job",
            {"field": "body", "limit_bytes": MOST_JOB_BYTES},
            code="images_too_large",
        )
