"""The tab's "Jobs": the fleet's jobs as the hub lists them, what can be done with one, and its images."""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from ...hub_client import Job, NotFoundError
from .hub_link import HubLink
from .question import File, Question, RouteError

MOST_LISTED = 60
FILTERS = {
    "": "",
    "waiting": "pending",
    "running": "processing",
    "done": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
_ID = re.compile(r"[0-9A-Za-z-]{1,60}")
_SHOWN = ("submitted_by", "mode", "step", "steps")
_TIMES = ("created_at", "started_at", "finished_at")


def listed(link: HubLink, question: Question) -> dict[str, Any]:
    """Answer ``GET jobs``: the newest jobs, with what is running first in the page's eyes.

    Raises:
        RouteError: there is no hub, or a parameter is wrong.
        HubError: the hub could not be asked.
    """
    state = FILTERS[question.choice("state", frozenset(FILTERS), "")]
    query = {"limit": str(MOST_LISTED)} | ({"status": state} if state else {})
    found = list(islice(link.client().jobs.listed(query), MOST_LISTED + 1))
    return {
        "jobs": [shown(job, link.own_id) for job in found[:MOST_LISTED]],
        "more": len(found) > MOST_LISTED,
        "server_id": link.own_id,
    }


def one(link: HubLink, question: Question) -> dict[str, Any]:
    """Answer ``GET jobs/one``."""
    return {"job": shown(link.client().jobs.get(_id(question.text("id"))), link.own_id)}


def change(link: HubLink, what: str, question: Question) -> dict[str, Any]:
    """Answer ``POST jobs/cancel``, ``retry``, ``priority`` and ``move``.

    Raises:
        RouteError: a value is wrong.
        HubError: the hub does not do it, and says why.
    """
    jobs, job_id = link.client().jobs, _id(question.given("id", str, ""))
    if what == "cancel":
        job = jobs.cancel(job_id)
    elif what == "retry":
        job = jobs.retry(job_id)
    elif what == "priority":
        job = jobs.set_priority(job_id, question.given("priority", int, 0))
    else:
        job = jobs.move(job_id, question.given("target", str) or None)
    return {"job": shown(job, link.own_id)}


def image(link: HubLink, question: Question) -> File:
    """Answer ``GET jobs/image``: one image of a job, or its preview where no number is said.

    Raises:
        RouteError: there is none.
        HubError: the hub could not be asked.
    """
    jobs, job_id = link.client().jobs, _id(question.text("id"))
    try:
        number = question.number("n", 0, 10_000) if question.text("n") else None
        found = jobs.preview(job_id) if number is None else jobs.image(job_id, number)
    except NotFoundError as error:
        raise RouteError(404, "no_image", "there is no such image (any more)") from error
    return File(found.data, found.media_type)


def shown(job: Job, own_id: str) -> dict[str, Any]:
    """Return a job as the page shows it."""
    wire: Mapping[str, Any] = job.wire
    return {
        "id": job.id,
        "state": job.state,
        "title": job.title,
        "server_id": job.server_id,
        "target_server_id": job.target_server_id,
        "here": job.server_id == own_id,
        "priority": job.priority,
        "progress": job.progress,
        "phase": job.phase,
        "eta_seconds": job.eta_seconds,
        "waiting": job.waiting,
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
        "requirements": list(job.requirements),
        "warnings": list(job.warnings),
        "images": [{"n": image.get("n")} for image in job.images if not image.get("deleted_at")],
        "attempts": wire.get("attempts") or [],
        **{name: wire.get(name) for name in _SHOWN},
        **{name: _seconds(wire.get(name)) for name in _TIMES},
    }


def _seconds(text: object) -> float | None:
    """Return a time of the hub's as seconds since 1970, as the page wants all times."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if isinstance(text, str) else None
    except ValueError:
        return None


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise RouteError(422, "invalid_field", "id is no job's", {"field": "id"})
    return text
