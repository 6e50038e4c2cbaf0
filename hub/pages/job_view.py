"""A job as the pages show it, made from the JSON that every client is told. Pure.

Titles, names and reasons come from outside: they are text here, and whatever is written of them is bounded.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ages import PRESENT
from ..jobs.job import CANCELLED, COMPLETED, DONE, FAILED, PENDING, PROCESSING
from ..jobs.shown import QUEUED
from ..keys import ADMIN, Caller
from .formats import moment, segment, span
from .job_words import OUTCOMES, PHASES, STATES
from .model_view import short
from .need_view import Need, aliased, needs
from .words import Mark

TITLE_CHARACTERS = 200
NO_TITLE = "(no prompt)"
_TAG = re.compile(r"<(?:lora|lyco|hypernet):[^<>]*>")
_GOODNESS = ("bad", "warn", "", "info", "good")


@dataclass(frozen=True)
class Way:
    """Something that a person can do so that a job runs."""

    sentence: str
    url: str


@dataclass(frozen=True)
class Try:
    """A time that a server was given a job; ``mark`` is None while it runs there."""

    number: int
    server: str
    began_at: float
    took: float | None
    mark: Mark | None
    reason: str


@dataclass(frozen=True)
class Image:
    """An image of a job; ``url`` is None where it was deleted to save room."""

    number: int
    url: str | None
    file_name: str
    size_bytes: int
    infotext: str


@dataclass(frozen=True)
class Job:
    """A job; times in seconds since the epoch, ``took`` in seconds."""

    id: str
    url: str
    title: str
    mark: Mark
    state: str
    priority: int
    by: str
    source: str
    bulk: str | None
    target: str | None
    server: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    tries: int
    percent: int
    progress_text: str
    preview: str | None
    waiting: str
    error: str
    needs: tuple[Need, ...]
    able: tuple[Mapping[str, Any], ...]
    not_taking: tuple[str, ...]
    warnings: tuple[str, ...]
    attempts: tuple[Try, ...]
    image_count: int
    may_change: bool

    @property
    def is_waiting(self) -> bool:
        """Whether no server runs it yet."""
        return self.state == PENDING

    @property
    def is_running(self) -> bool:
        """Whether a server runs it."""
        return self.state == PROCESSING

    @property
    def is_open(self) -> bool:
        """Whether something can still come of it by itself."""
        return self.state not in DONE

    @property
    def is_completed(self) -> bool:
        """Whether its images are here."""
        return self.state == COMPLETED

    @property
    def may_retry(self) -> bool:
        """Whether it can be queued again as it is."""
        return self.state in {FAILED, CANCELLED}

    @property
    def took(self) -> float | None:
        """How long it ran."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.started_at)

    @property
    def worst_first(self) -> list[Need]:
        """What it needs, what is missing in front."""
        return sorted(self.needs, key=lambda one: _GOODNESS.index(one.mark.tone))

    @property
    def ways_out(self) -> list[Way]:
        """What a person can look at so that it runs."""
        missing = [one for one in self.needs if one.mark.tone in {"bad", "warn", ""} and one.url]
        return [Way(f"Where {one.label} is, and where to get it", str(one.url)) for one in missing[:3]]


@dataclass(frozen=True)
class Foreseen:
    """What would become of a job: one sentence, its tone, and what it rests on."""

    sentence: str
    tone: str
    needs: tuple[Need, ...]
    warnings: tuple[str, ...]


def job(
    told: Mapping[str, Any], caller: Caller, names: Mapping[str, str], glimpse: Mapping[str, Any] | None = None
) -> Job:
    """Return a job from what clients are told of it.

    ``names`` are the aliases of all servers by their id; ``glimpse`` says how far it is where it runs (``Glimpses``).
    """
    target = told["target_server_id"]
    state = str(told["state"])
    running = progress(str(told["id"]), glimpse if glimpse is not None else told)
    able = list(told["able"])
    return Job(
        id=str(told["id"]),
        url=f"/queue/{segment(told['id'])}",
        title=short(_title(told["title"]), TITLE_CHARACTERS),
        mark=STATES[state],
        state=state,
        priority=told["priority"],
        by=short(told["submitted_by"] or "", 80),
        source=short(told["source_info"] or "", 80),
        bulk=told["bulk_id"],
        target=target,
        server=told["server_id"],
        created_at=moment(told["created_at"]) or 0.0,
        started_at=moment(told["started_at"]),
        finished_at=moment(told["finished_at"]),
        tries=told["attempt"],
        percent=running["percent"],
        progress_text=running["text"],
        preview=running["preview"],
        waiting=_waiting(told),
        error=_sentence(told["error_message"] or ""),
        needs=needs(told["requirements"], names, target),
        able=tuple(aliased(able, names)),
        not_taking=tuple(each["alias"] for each in able if not each["taking"]),
        warnings=tuple(_said(each) for each in told["warnings"]),
        attempts=tuple(_try(each) for each in told["attempts"]),
        image_count=len(told["images"]),
        may_change=may_change(told, caller),
    )


def _title(prompt: str) -> str:
    """Return a prompt without the tags of LoRAs, which stand beside it as models."""
    return " ".join(_TAG.sub("", prompt).split()).strip(" ,") or prompt or NO_TITLE


def _waiting(told: Mapping[str, Any]) -> str:
    if told["waiting"] is None:
        return ""
    place = told.get("queue_position") if told["waiting"] == QUEUED else None
    return _sentence(told["waiting"]["message"]) + (f" (place {place} in the queue)" if place else "")


def may_change(told: Mapping[str, Any], caller: Caller) -> bool:
    """Say whether a visitor may cancel, retry or move a job: who submitted it, and administrators."""
    return caller.scope == ADMIN or (caller.key is not None and told["submitter"] == caller.key)


def progress(job_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far a running job is, in percent and in words, and the address of its preview."""
    percent = round(100 * max(0.0, min(1.0, told["progress"])))
    parts = [f"{percent} %"]
    if told["step"] is not None and told["steps"]:
        parts.append(f"step {told['step']} of {told['steps']}")
    elif told["phase"]:
        parts.append(PHASES.get(told["phase"], short(told["phase"], 40)))
    if told["eta_seconds"]:
        parts.append(f"{span(max(1.0, told['eta_seconds']))} left")
    at = told.get("preview_at")
    preview = None if at is None else f"/queue/{segment(job_id)}/preview?at={at:.3f}"
    return {"percent": percent, "text": ", ".join(parts), "preview": preview}


def _said(warning: object) -> str:
    return _sentence(str(warning["message"] if isinstance(warning, Mapping) else warning))


def _sentence(text: str) -> str:
    """Return a message as a sentence."""
    cut = short(text)
    return cut[:1].upper() + cut[1:]


def _try(told: Mapping[str, Any]) -> Try:
    began = moment(told["claimed_at"]) or 0.0
    ended = moment(told.get("ended_at"))
    outcome = told.get("outcome")
    mark = OUTCOMES.get(outcome, Mark(short(outcome, 40), "", "ring", "")) if outcome else None
    took = None if ended is None else max(0.0, ended - began)
    return Try(int(told["number"]), str(told["server_id"]), began, took, mark, short(told.get("reason") or ""))


def images(told: Iterable[Mapping[str, Any]]) -> list[Image]:
    """Return the images of a job."""
    return [
        Image(
            number=each["n"] + 1,
            url=None if each["deleted_at"] else each["url"],
            file_name=each["file_name"],
            size_bytes=each["size_bytes"],
            infotext=each["infotext"] or "",
        )
        for each in told
    ]


def foreseen(told: Mapping[str, Any], names: Mapping[str, str]) -> Foreseen:
    """Return what the check before a submission says."""
    waiting, able = told["waiting"], told["able"]
    taking = [each["alias"] for each in able if each["taking"] and each["state"] == PRESENT]
    if waiting["code"] == QUEUED["code"]:
        sentence, tone = f"Will run on {_one_of(taking)}.", "good"
    else:
        sentence, tone = f"Will wait: {short(waiting['message'])}.", "bad" if waiting["code"] in _LOST else "warn"
    warnings = [_said(each) for each in told["warnings"] if each != waiting]
    return Foreseen(sentence, tone, needs(told["requirements"], names, told["target_server_id"]), tuple(warnings))


_LOST = frozenset({"unknown_model", "ambiguous_model"})


def _one_of(aliases: Sequence[str]) -> str:
    """Name some servers, the last with "or"."""
    if len(aliases) < 2:
        return "".join(aliases) or "the first server that is free"
    shown = [short(each, 60) for each in aliases[:4]]
    rest = len(aliases) - len(shown)
    last = f"{rest} others" if rest else shown.pop()
    return f"{', '.join(shown)} or {last}, whichever is free first"
