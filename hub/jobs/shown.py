"""A job as answers show it: StableQueue's fields, which its clients read, and ours. Pure functions over rows.

Source of the first: StableQueue's ``docs/API.md``, ``docs/EXTENSION_API.md`` and ``routes/v2Generation.js``.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..ages import iso_time
from ..availability import AVAILABLE
from ..database import Record
from .checking import Checked
from .endings import HANDED_BACK
from .facts import Facts
from .job import CANCELLED, COMPLETED, DONE, FAILED, PENDING, PROCESSING, RESOLVED
from .parameters import PARAMETERS
from .requirements import CHECKPOINT_SETTING
from .shapes import ANY

QUEUED = {"code": "queued", "message": "it waits its turn"}


def shown_job(
    row: Record,
    checked: Checked,
    facts: Facts,
    attempts: Sequence[Record],
    images: Sequence[Mapping[str, Any]],
    now: float,
) -> dict[str, Any]:
    """Return one job; ``row`` has the columns of ``jobs``, ``images`` are as ``images_of`` has them."""
    asked = json.loads(row.asked)
    details = json.loads(row.progress_details) if row.progress_details else {}
    return {
        **their_fields(row, asked, checked, facts, images, details),
        "id": row.public_id,
        "state": row.state,
        "title": row.title,
        "mode": row.mode,
        "priority": row.priority,
        "submitted_by": row.submitted_by,
        "submitter": row.submitter,
        "bulk_id": row.bulk_id,
        "target_server_id": row.target_server_id,
        "server_id": row.server_id,
        "created_at": iso_time(row.created_at),
        "updated_at": iso_time(row.updated_at),
        "started_at": iso_time(row.started_at),
        "finished_at": iso_time(row.finished_at),
        "attempts": [_shown_attempt(each) for each in attempts],
        "attempt": row.attempts,
        "max_attempts": row.max_attempts,
        "progress": row.progress,
        "phase": details.get("phase"),
        "step": details.get("step"),
        "steps": details.get("steps"),
        "eta_seconds": details.get("eta_seconds"),
        "error_code": row.error_code,
        "error_message": row.error_message,
        "requirements": checked.requirements,
        "able": checked.able,
        "waiting": _waiting(checked, facts, attempts, now) if row.state == PENDING else None,
        "warnings": [*asked.get("warnings", ()), *(each.shown() for each in checked.warnings)],
        "images": list(images),
    }


def _waiting(checked: Checked, facts: Facts, attempts: Sequence[Record], now: float) -> dict[str, str]:
    """Return why a job waits: what is wanting, else who gave it back last, else that others are before it."""
    if checked.waiting is not None:
        return checked.waiting.shown()
    last = attempts[-1] if attempts else None
    if last is None or last.avoid_until is None:
        return QUEUED
    server = facts.servers.get(last.server_id)
    who = server.alias if server is not None else last.server_id
    did = "gave it back" if last.outcome == HANDED_BACK else "had it and did not end it"
    minutes = math.ceil((last.avoid_until - now) / 60)
    again = f"is tried there again in {minutes} min" if minutes > 1 else "is tried again within a minute"
    elsewhere = ", elsewhere at once" if any(each["server_id"] != last.server_id for each in checked.able) else ""
    return {"code": str(last.outcome), "message": f"{who} {did} ({last.reason}); it {again}{elsewhere}"}


def their_fields(
    row: Record,
    asked: Mapping[str, Any],
    checked: Checked,
    facts: Facts,
    images: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what StableQueue's clients read of a job."""
    running = row.state == PROCESSING
    return {
        **ids(row.public_id),
        "job_id": row.public_id,
        "status": row.state,
        "progress_percentage": 100 if row.state == COMPLETED else round(row.progress * 100),
        "creation_timestamp": iso_time(row.created_at),
        "last_updated_timestamp": iso_time(row.updated_at),
        "completion_timestamp": iso_time(row.finished_at) if row.state in DONE else None,
        "target_server_alias": alias_of(row.target_server_id, facts),
        "forge_session_hash": None,
        PARAMETERS: _parameters(row, asked, checked),
        "result_details": _result(row, images),
        "retry_count": max(0, row.attempts - 1),
        "app_type": asked.get("app_type", "forge"),
        "source_info": row.source,
        "api_key_id": row.submitter,
        "estimated_time_remaining": details.get("eta_seconds") if running else None,
        "model_availability": model_availability(checked),
    }


def ids(public_id: str) -> dict[str, str]:
    """Return a job's id under the names that StableQueue's clients know, of every age."""
    return {"stablequeue_job_id": public_id, "mobilesd_job_id": public_id}


def alias_of(server_id: str | None, facts: Facts) -> str:
    """Return what a person calls the server that a job is for."""
    if server_id is None:
        return ANY
    return facts.servers[server_id].alias if server_id in facts.servers else server_id


def model_availability(checked: Checked) -> dict[str, Any] | None:
    """Return what StableQueue says of a job's checkpoint."""
    main = next((each for each in checked.requirements if each["source"] == CHECKPOINT_SETTING), None)
    if main is None:
        return None
    available = main["status"] == AVAILABLE
    model = main["model"] or {}
    return {
        "available": available,
        "status": main["status"],
        "reason": None if available else (checked.waiting.message if checked.waiting else f"it is {main['status']}"),
        "civitai_model_id": model.get("civitai_id"),
        "hash": main["hash"],
        "match_type": "hash" if main["hash"] else "name",
        "checked_field": "model_hash field" if main["hash"] else "checkpoint_name field",
        "model_identifier": main["hash"] or main["name"],
        "servers": [each["server_id"] for each in main["servers"]] if main["resolution"] == RESOLVED else [],
    }


def _parameters(row: Record, asked: Mapping[str, Any], checked: Checked) -> dict[str, Any]:
    """Return the parameters as StableQueue's client sent them, else the request in StableQueue's words."""
    request = asked.get("request", {})
    if isinstance(request.get(PARAMETERS), dict):
        stated: dict[str, Any] = request[PARAMETERS]
        return {"positive_prompt": stated.get("prompt", ""), **stated, **_seed_of(row)}
    payload = json.loads(row.payload)
    main = next((each for each in checked.requirements if each["source"] == CHECKPOINT_SETTING), None)
    named = {} if main is None else {"checkpoint_name": main["name"], "model_hash": main["hash"]}
    return {"positive_prompt": payload.get("prompt", ""), **payload, **named}


def _seed_of(row: Record) -> dict[str, Any]:
    """Return the job's own seed: of several that were asked for together each has another."""
    if row.bulk_id is None:
        return {}
    payload = json.loads(row.payload)
    return {"seed": payload["seed"]} if "seed" in payload else {}


def _result(row: Record, images: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if row.state == CANCELLED:
        return {"cancelled": True, "message": "Job cancelled by user"}
    if row.state == FAILED:
        return {"error": row.error_code, "message": row.error_message}
    if row.state != COMPLETED:
        return None
    said = json.loads(row.result) if row.result else {}
    return {**said, "images": [each["url"] for each in images]}


def _shown_attempt(row: Record) -> dict[str, Any]:
    return {
        "number": row.number,
        "server_id": row.server_id,
        "claimed_at": iso_time(row.claimed_at),
        "ended_at": iso_time(row.ended_at),
        "outcome": row.outcome,
        "reason": row.reason,
    }
