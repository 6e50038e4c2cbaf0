"""Jobs as those who want them made deal with them: submit, look, change, wait, fetch the images."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .calls import Calls
from .connection import Content
from .errors import HubError, MalformedMessageError
from .fields import Fields
from .retry import pause
from .segments import segment

PENDING = "pending"
PROCESSING = "processing"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
ENDED = frozenset({COMPLETED, FAILED, CANCELLED})
"""States that a job leaves only when it is asked for again (``Jobs.retry``)."""

IMAGE_TYPES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif"}
"""The types of images that a hub keeps, and how a file's name ends that has one."""

LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the hub tells it; ``wire`` is all of that, see ``docs/jobs.md``.

    ``state`` is ``pending``, ``processing``, ``completed``, ``failed`` or ``cancelled``; ``waiting`` says in ``code``
    and ``message`` why a pending job does not run now; ``error_code`` and ``error_message`` why it failed; ``progress``
    is from 0 to 1. ``images`` have at least their number ``n``.
    """

    id: str
    state: str
    title: str = ""
    server_id: str | None = None
    target_server_id: str | None = None
    priority: int = 0
    progress: float = 0.0
    phase: str | None = None
    eta_seconds: float | None = None
    waiting: Mapping[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None
    requirements: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Mapping[str, Any] | str, ...] = ()
    images: tuple[Mapping[str, Any], ...] = ()
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more happens to it by itself."""
        return self.state in ENDED

    @classmethod
    def from_wire(cls, wire: object, where: str = "job") -> "Job":
        """Read one; raises MalformedMessageError where a key is missing or wrong."""
        fields = Fields(wire, where)
        return cls(
            id=fields.need("id", str),
            state=fields.need("state", str),
            title=fields.may("title", str) or "",
            server_id=fields.may("server_id", str),
            target_server_id=fields.may("target_server_id", str),
            priority=fields.may("priority", int) or 0,
            progress=fields.may("progress", float) or 0.0,
            phase=fields.may("phase", str),
            eta_seconds=fields.may("eta_seconds", float),
            waiting=fields.may("waiting", dict),
            error_code=fields.may("error_code", str),
            error_message=fields.may("error_message", str),
            requirements=fields.items("requirements", dict),
            warnings=tuple(fields.may("warnings", list) or ()),
            images=fields.items("images", dict),
            wire=fields.wire,
        )


@dataclass(frozen=True, slots=True)
class Submission:
    """The hub's answer to a submission: the ids of the jobs that were made, none where it was only checked.

    ``requirements`` and ``warnings`` are as a job's; ``able`` are the servers that have everything; ``wire`` is the
    whole answer.
    """

    ids: tuple[str, ...]
    requirements: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Mapping[str, Any] | str, ...] = ()
    able: tuple[Mapping[str, Any], ...] = ()
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: object, ids: tuple[str, ...]) -> "Submission":
        """Read one; raises MalformedMessageError where a key is wrong."""
        fields = Fields(wire)
        return cls(
            ids=ids,
            requirements=fields.items("requirements", dict),
            warnings=tuple(fields.may("warnings", list) or ()),
            able=fields.items("able", dict),
            wire=fields.wire,
        )


class Jobs:
    """The jobs of a hub: ``HubClient.jobs``. Every method raises a ``HubError`` where it fails.

    A NotFoundError with the code ``job_not_found`` means that there is no such job (any more).
    """

    def __init__(self, hub: Calls) -> None:
        self._hub = hub

    def submit(self, body: Mapping[str, Any]) -> Submission:
        """Queue a job; ``body`` is a shape of ``docs/jobs.md``. It is sent once: repeated, it would be two."""
        answer = self._hub.call("POST", "/api/v2/generate", body)
        with self._hub.naming_the_hub():
            return Submission.from_wire(answer, (Fields(answer).need("stablequeue_job_id", str),))

    def check(self, body: Mapping[str, Any]) -> Submission:
        """Ask what ``submit`` would answer, and queue nothing."""
        answer = self._hub.call("POST", "/api/v2/generate/check", body, repeatable=True)
        with self._hub.naming_the_hub():
            return Submission.from_wire(answer, ())

    def bulk(self, body: Mapping[str, Any]) -> Submission:
        """Queue several jobs of one request at once (``bulk_quantity``, ``seed_variation``). It is sent once."""
        answer = self._hub.call("POST", "/api/v2/generate/bulk", body)
        with self._hub.naming_the_hub():
            fields = Fields(answer)
            made = fields.items("jobs", dict)
            ids = (Fields(job, f"jobs[{n}]").need("stablequeue_job_id", str) for n, job in enumerate(made))
            return Submission.from_wire(answer, tuple(ids))

    def listed(self, filters: Mapping[str, str] | None = None) -> Iterator[Job]:
        """Yield jobs, page by page as they are asked for.

        ``filters`` are query parameters of ``GET /api/v2/jobs``: ``status``, ``server``, ``limit`` (jobs per page), …
        """
        query, seen = dict(filters or {}), set[str]()
        while True:
            answer = self._hub.call("GET", "/api/v2/jobs", query=query, repeatable=True)
            with self._hub.naming_the_hub():
                fields = Fields(answer)
                fields.need("jobs", list)
                page = [Job.from_wire(job, f"jobs[{n}]") for n, job in enumerate(fields.items("jobs", dict))]
                cursor = fields.may("next_cursor", str)
                if cursor in seen:
                    raise MalformedMessageError("next_cursor", "comes a second time, so the list would never end")
            yield from page
            if cursor is None:
                return
            seen.add(cursor)
            query["cursor"] = cursor

    def get(self, job_id: str) -> Job:
        """Return one job."""
        return self._job("GET", job_id, "status", repeatable=True)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job, in whatever state; one that runs is interrupted. One that has ended is a ConflictError."""
        return self._job("POST", job_id, "cancel")

    def retry(self, job_id: str) -> Job:
        """Queue a job again that failed or was cancelled; any other is a ConflictError."""
        return self._job("POST", job_id, "retry")

    def set_priority(self, job_id: str, priority: int) -> Job:
        """Change the priority (-10 to 10) of a job that waits."""
        return self._job("POST", job_id, "priority", {"priority": priority}, repeatable=True)

    def move(self, job_id: str, server_id: str | None) -> Job:
        """Let a job run on another server, or with None on any."""
        return self._job("POST", job_id, "move", {"target_server_alias": server_id or "any"}, repeatable=True)

    def images(self, job_id: str) -> tuple[Mapping[str, Any], ...]:
        """Return what images a job has: ``n``, ``content_type``, ``size_bytes``, ``sha256``, ``infotext`` of each."""
        answer = self._hub.call("GET", self._path(job_id, "images"), repeatable=True)
        with self._hub.naming_the_hub():
            fields = Fields(answer)
            fields.need("images", list)
            found = fields.items("images", dict)
            for index, image in enumerate(found):
                Fields(image, f"images[{index}]").need("n", int)
            return found

    def image(self, job_id: str, n: int) -> Content:
        """Return one image of a job."""
        return self._content(job_id, f"images/{n}")

    def preview(self, job_id: str) -> Content:
        """Return the last preview of a job that runs."""
        return self._content(job_id, "preview")

    def watch(
        self, job_id: str, every_seconds: float = LOOK_EVERY_SECONDS, *, patience_seconds: float = 0.0
    ) -> Iterator[Job]:
        """Yield a job now and whenever something of it changed, until it has ended; the last one is the end.

        ``patience_seconds`` is how long the hub may be away after the job was seen once: it may be restarting.

        Raises:
            StoppedError: the client's stop event was set.
        """
        last: Mapping[str, Any] | None = None
        seen_at = time.monotonic()
        while True:
            try:
                job = self.get(job_id)
            except HubError as error:
                if last is None or not error.transient or time.monotonic() - seen_at >= patience_seconds:
                    raise
            else:
                seen_at = time.monotonic()
                if job.wire != last:
                    yield job
                    last = job.wire
                if job.has_ended:
                    return
            pause(every_seconds, self._hub.bounds.stop, self._hub.address)

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Wait until a job has ended, or so long, and return it as it is then.

        Raises:
            StoppedError: the client's stop event was set.
        """
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            job = self.get(job_id)
            left = LOOK_EVERY_SECONDS if until is None else until - time.monotonic()
            if job.has_ended or left <= 0:
                return job
            pause(min(left, LOOK_EVERY_SECONDS), self._hub.bounds.stop, self._hub.address)

    def _job(
        self,
        method: str,
        job_id: str,
        word: str,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = False,
    ) -> Job:
        answer = self._hub.call(method, self._path(job_id, word), body, repeatable=repeatable)
        with self._hub.naming_the_hub():
            return Job.from_wire(Fields(answer).need("job", dict))

    def _content(self, job_id: str, what: str) -> Content:
        content = self._hub.content(self._path(job_id, what), ", ".join(IMAGE_TYPES))
        if content.media_type not in IMAGE_TYPES:
            with self._hub.naming_the_hub():
                raise MalformedMessageError("Content-Type", f"is {content.media_type!r}, not an image's")
        return content

    @staticmethod
    def _path(job_id: str, what: str) -> str:
        return f"/api/v2/jobs/{segment(job_id, 'a job')}/{what}"
