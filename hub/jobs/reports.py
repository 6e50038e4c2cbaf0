"""What agents send about jobs, read and checked whole before anything is done."""

from collections.abc import Mapping
from typing import Any

from .. import fields
from ..bodies import PROTOCOL
from ..errors import FieldError, ProtocolUnsupportedError
from .claims import Claim
from .images import read_made
from .leases import Completion, Failure, Progress
from .previews import read_preview

LONGEST_WAIT_SECONDS = 60.0
PHASES = ("preparing", "loading", "running", "saving")
_RUNNING, _MISSING = 100, 1_000


def read_claim(server_id: str, body: Mapping[str, Any]) -> Claim:
    """Read what a server asks for work with.

    Raises:
        FieldError: a field is missing or wrong.
        ProtocolUnsupportedError: it speaks another protocol.
    """
    protocol = fields.integer(body, "protocol", 0) or PROTOCOL
    if abs(protocol - PROTOCOL) > 1:
        raise ProtocolUnsupportedError(
            f"protocol: the body is of version {protocol}, this hub speaks {PROTOCOL}; upgrade the older of the two",
            {"field": "protocol", "protocol": PROTOCOL},
        )
    fields.required(body, "agent_id")
    running = [] if body.get("running") is None else body["running"]
    if not isinstance(running, list) or not all(_is_id(each) for each in running) or len(running) > _RUNNING:
        raise FieldError("running", f"must be a list of at most {_RUNNING} ids of jobs")
    return Claim(
        server_id=fields.server_id(server_id),
        agent_id=fields.text(body, "agent_id", 500) or "",
        wait_seconds=fields.number(body, "wait_seconds", 0.0, LONGEST_WAIT_SECONDS) or 0.0,
        running=frozenset(running),
        loaded=fields.hexadecimal(body, "loaded", 64),
        runtime=fields.text(body, "runtime", 20),
    )


def read_lease(body: Mapping[str, Any]) -> str:
    """Read the lease that a server shows.

    Raises:
        FieldError: it shows none.
    """
    fields.required(body, "lease")
    return fields.text(body, "lease", 40) or ""


def read_progress(body: Mapping[str, Any]) -> Progress:
    """Read how far a server is.

    Raises:
        FieldError: a field is wrong.
    """
    details = {
        "phase": fields.choice(body, "phase", PHASES),
        "step": fields.integer(body, "step", 0, 1_000_000),
        "steps": fields.integer(body, "steps", 0, 1_000_000),
        "eta_seconds": fields.number(body, "eta_seconds", 0.0, 1e7),
    }
    said = {name: value for name, value in details.items() if value is not None}
    return Progress(fields.number(body, "progress", 0.0, 1.0) or 0.0, said, read_preview(body))


def read_completion(body: Mapping[str, Any]) -> Completion:
    """Read what a server made.

    Raises:
        FieldError: a field is missing or wrong.
    """
    made = read_made(body)
    if not made:
        raise FieldError("images", "a completed job has at least one; one that made none is failed with /fail")
    seconds, loaded = fields.number(body, "seconds", 0.0, 1e7), fields.hexadecimal(body, "loaded", 64)
    return Completion(made, seconds, loaded)


def read_failure(body: Mapping[str, Any]) -> Failure:
    """Read why a server does not complete a job.

    Raises:
        FieldError: a field is missing or wrong.
    """
    fields.required(body, "code")
    code = fields.text(body, "code", 60) or ""
    if not code.replace("_", "").isalnum() or not code.isascii() or code != code.lower():
        raise FieldError("code", "must be a word such as out_of_memory: lower-case letters, digits and _")
    message = body.get("message")
    if message is not None and not isinstance(message, str):
        raise FieldError("message", "must be text")
    missing = fields.sha256_list([] if body.get("missing") is None else body["missing"], "missing", _MISSING)
    said = fields.without_unusable(message or "").strip()[:2_000] or "the server said no more"
    return Failure(code, said, fields.flag(body, "retry"), missing)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64
