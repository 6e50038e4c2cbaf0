"""What must be true of a fleet's work, by what the web UIs themselves noted of every picture that they made."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass

from quartermaster.hub.jobs.job import COMPLETED, PENDING
from quartermaster.hub.schema import events, job_attempts, job_image_parts, jobs
from quartermaster.hub.services import Hub
from quartermaster.tests.fleet.wishes import Wish
from sqlalchemy import func, select

HONEST_FAILURES = frozenset({"attempts_exhausted", "wrong_model", "model_gone"})
"""Why a job may fail where processes are killed and files change under a run; asked for again, it must succeed."""


@dataclass(frozen=True)
class Made:
    """A picture that a web UI made: which, for what prompt, and the SHA-256 of all files that it read for it."""

    server: str
    prompt: str
    used: frozenset[str]


@dataclass(frozen=True)
class Job:
    """A job as the hub's database has it in the end."""

    id: str
    title: str
    state: str
    server_id: str | None
    error_code: str | None
    error_message: str | None
    attempts: tuple[tuple[str, str | None], ...]
    """Server and outcome of each."""
    images: tuple[str, ...]
    """SHA-256 of the bytes that the hub would hand out."""


def jobs_of(hub: Hub) -> dict[str, Job]:
    """Return all jobs by their ids."""
    j, a, i = jobs.c, job_attempts.c, job_image_parts.c
    with hub.database.read() as connection:
        rows = connection.execute(
            select(j.id, j.public_id, j.title, j.state, j.server_id, j.error_code, j.error_message)
        ).all()
        attempts: dict[int, list[tuple[str, str | None]]] = {}
        for job_id, server_id, outcome in connection.execute(
            select(a.job_id, a.server_id, a.outcome).order_by(a.job_id, a.number)
        ):
            attempts.setdefault(job_id, []).append((server_id, outcome))
        contents: dict[tuple[int, int], bytes] = {}
        for job_id, n, part in connection.execute(select(i.job_id, i.n, i.content).order_by(i.job_id, i.n, i.part)):
            contents[job_id, n] = contents.get((job_id, n), b"") + part
        images: dict[int, list[str]] = {}
        for (job_id, _), content in contents.items():
            images.setdefault(job_id, []).append(hashlib.sha256(content).hexdigest())
    return {
        row[1]: Job(*row[1:], attempts=tuple(attempts.get(row[0], ())), images=tuple(images.get(row[0], ())))
        for row in rows
    }


def counts(hub: Hub) -> Counter[str]:
    """Return how many jobs are in which state."""
    with hub.database.read() as connection:
        rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).all()
    return Counter({row[0]: row[1] for row in rows})


def completions(hub: Hub) -> Counter[str]:
    """Return how often each job was told to be completed."""
    with hub.database.read() as connection:
        told = [json.loads(data) for data in connection.scalars(select(events.c.data).where(events.c.kind == "job"))]
    return Counter(str(data["id"]) for data in told if data["state"] == COMPLETED)


def complaints(hub: Hub, wishes: list[Wish], sent: dict[int, str], made: dict[str, Made]) -> list[str]:
    """Return everything that is not as it must be; nothing where all is well.

    ``sent``: number of a wish -> the id of its job. ``made``: SHA-256 of an image -> how it was made.
    """
    known, told, found = jobs_of(hub), completions(hub), []
    found += [f"wish {wish.number} was never queued" for wish in wishes if wish.number not in sent]
    titles = Counter(job.title for job in known.values())
    found += [f"{title!r} was queued {count} times" for title, count in titles.items() if count > 1]
    for wish in wishes:
        job = known.get(sent.get(wish.number, ""))
        if job is None:
            found.append(f"wish {wish.number}: its job is lost")
        elif job.state == COMPLETED:
            found += [f"wish {wish.number}: {what}" for what in _of_completed(job, wish, told[job.id], made)]
        elif told[job.id] or (job.images and job.state == PENDING):
            found.append(f"wish {wish.number}: {job.state}, though it was told to be completed {told[job.id]} times")
    return found


def _of_completed(job: Job, wish: Wish, times_told: int, made: dict[str, Made]) -> list[str]:
    found = []
    accepted = [server for server, outcome in job.attempts if outcome == COMPLETED]
    if accepted != [job.server_id] or job.attempts[-1][1] != COMPLETED:
        found.append(f"accepted of {accepted}, its server is {job.server_id}, attempts {job.attempts}")
    if times_told != 1:
        found.append(f"told {times_told} times to be completed")
    if any(outcome is None for _, outcome in job.attempts):
        found.append(f"an attempt that never ended: {job.attempts}")
    if len(job.images) != 1:
        found.append(f"has {len(job.images)} images")
    if wish.server not in {None, job.server_id}:
        found.append(f"was run by {job.server_id}, and is for {wish.server}")
    for image in job.images:
        picture = made.get(image)
        if picture is None:
            found.append("has an image that no web UI made")
            continue
        if picture.server != job.server_id or not picture.prompt.startswith(wish.title):
            found.append(f"has the image of {picture.prompt!r} by {picture.server}, and was given to {job.server_id}")
        found += _of_models(wish, picture)
    return found


def _of_models(wish: Wish, picture: Made) -> list[str]:
    missing = [model.name for model in wish.models if not model.hashes & picture.used]
    allowed: frozenset[str] = frozenset().union(*(model.hashes for model in wish.models))
    found = [f"was made without {', '.join(missing)}"] if missing else []
    if strange := picture.used - allowed:
        found.append(f"was made with {len(strange)} other models")
    return found
