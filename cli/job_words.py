"""A job in words, for a terminal: what comes from the hub is text here, and ``output`` keeps it on its line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..hub_client import CANCELLED, COMPLETED, FAILED, PENDING, PROCESSING, Job
from .progress import duration

_TITLE_CHARACTERS = 60
_MOST_NAMES = 5
_GOES = "Full"

Said = Mapping[str, Any]


def line_of(job: Job) -> str:
    """Return a job as one line: id, state, where, priority, title."""
    where = job.server_id or job.target_server_id or "any"
    priority = f"  priority {job.priority}" if job.priority else ""
    return f"{job.id}  {state_of(job)}  {where}{priority}  {_short(job.title)}".rstrip()


def state_of(job: Job) -> str:
    """Return a job's state in a few words."""
    if job.state == PROCESSING:
        return f"{job.phase or job.state} {percent(job)}"
    if job.state == PENDING and job.waiting and job.waiting.get("code"):
        return f"{job.state} ({job.waiting['code']})"
    if job.state == FAILED and job.error_code:
        return f"{job.state} ({job.error_code})"
    return job.state


def percent(job: Job) -> str:
    """Return how far a job is."""
    return f"{100 * min(max(job.progress, 0.0), 1.0):.0f} %"


def standing(job: Job) -> str:
    """Return what happens to a job, as a sentence."""
    if job.state == PENDING:
        waiting = job.waiting or {"code": "queued"}
        why = "waits its turn" if waiting.get("code") == "queued" else f"waits: {waiting.get('message')}"
        place = job.wire.get("queue_position")
        return why + (f" (number {place} in the queue)" if isinstance(place, int) else "")
    if job.state == PROCESSING:
        step, steps = job.wire.get("step"), job.wire.get("steps")
        more = [f"step {step} of {steps}"] if isinstance(step, int) and isinstance(steps, int) else []
        more += [f"{duration(job.eta_seconds)} left"] if job.eta_seconds is not None else []
        said = f"{job.phase or 'working'} on {job.server_id or 'a server'}: {percent(job)}"
        return said + (f" ({', '.join(more)})" if more else "")
    if job.state == COMPLETED:
        return f"completed on {job.server_id or 'a server'}: {counted(len(job.images), 'image')}"
    if job.state == FAILED:
        return f"failed: {job.error_message or 'nobody said why'}" + (f" ({job.error_code})" if job.error_code else "")
    return "cancelled" if job.state == CANCELLED else job.state


def details_of(job: Job) -> Iterator[str]:
    """Yield a job line by line."""
    yield f"{job.id}  {standing(job)}"
    if job.title:
        yield f"  prompt      {_short(job.title, 200)}"
    target = job.target_server_id or "any server"
    by = job.wire.get("submitted_by")
    yield f"  for         {target}" + (f", priority {job.priority}" if job.priority else "")
    if by:
        yield f"  from        {by}, {job.wire.get('created_at') or 'at some time'}"
    yield from requirement_lines(job.requirements)
    yield from able_lines(_dicts(job.wire.get("able")))
    yield from warning_lines(job.warnings)
    for attempt in _dicts(job.wire.get("attempts")):
        outcome = attempt.get("outcome") or "runs"
        reason = f": {attempt['reason']}" if attempt.get("reason") else ""
        yield f"  attempt {attempt.get('number')}   {attempt.get('server_id')}, {outcome}{reason}"
    for image in job.images:
        yield f"  image {image.get('n')}     {image.get('content_type')}, {image.get('size_bytes')} bytes"


def requirement_lines(requirements: Sequence[Said]) -> Iterator[str]:
    """Yield a line for each model that a job asks for: what it is, how it stands, and where."""
    for each in requirements:
        name = each.get("name") or each.get("hash") or "?"
        parts = [f"  {each.get('role')!s:<11} {name}", str(each.get("status") or each.get("resolution"))]
        servers = [_server(server) for server in _dicts(each.get("servers"))]
        if servers:
            parts.append(_few(servers))
        candidates = [str(model.get("name") or model.get("sha256")) for model in _dicts(each.get("candidates"))]
        if candidates:
            parts.append("may be " + _few(candidates))
        fit = each.get("fit")
        if isinstance(fit, Mapping) and fit.get("grade") not in {None, _GOES}:
            parts.append(f"fit {fit['grade']}: {fit.get('reason')}")
        yield "  ".join(parts)


def able_lines(able: Sequence[Said]) -> Iterator[str]:
    """Yield a line with the servers that have everything."""
    named = []
    for server in able:
        name = str(server.get("alias") or server.get("server_id"))
        why = [str(server.get("state"))] if server.get("state") not in {None, "present"} else []
        why += ["takes no jobs"] if server.get("taking") is False else []
        named.append(name + (f" ({', '.join(why)})" if why else ""))
    yield f"  could run it  {_few(named) if named else 'no server now'}"


def warning_lines(warnings: Sequence[object]) -> Iterator[str]:
    """Yield a line for each warning."""
    for each in warnings:
        message = each.get("message") if isinstance(each, Mapping) else each
        yield f"  warning: {message}"


def counted(number: int, word: str) -> str:
    """Return a number of things."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _server(server: Said) -> str:
    state = server.get("state")
    return str(server.get("server_id")) + ("" if state in {None, "present"} else f" ({state})")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _dicts(value: object) -> list[Said]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, (list, tuple)) else []


def _short(text: str, characters: int = _TITLE_CHARACTERS) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
