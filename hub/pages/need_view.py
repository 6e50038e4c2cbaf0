"""A model that a job asks for, as the pages show it: how it stands, where it is, and the way out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..ages import OFFLINE, PRESENT, STALE
from ..availability import AMBIGUOUS, DOWNLOADABLE, UNAVAILABLE, UNKNOWN
from .formats import segment
from .job_words import ELSEWHERE, NEEDS, ROLES
from .model_view import short
from .words import GRADE, STATUS, Mark

NAME_CHARACTERS = 200


@dataclass(frozen=True)
class Candidate:
    """A model that a requirement could mean."""

    name: str
    digits: str
    url: str
    mark: Mark | None


@dataclass(frozen=True)
class Need:
    """A model that a job asks for: what it is, how it stands, where it is, and what to do where it is nowhere."""

    role: str
    label: str
    digits: str
    source: str
    weight: float | None
    mark: Mark
    grade: Mark | None
    reason: str
    url: str | None
    servers: tuple[Mapping[str, Any], ...]
    lacking: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    way_out: str
    search_url: str | None
    is_checkpoint: bool


def needs(
    requirements: Iterable[Mapping[str, Any]], names: Mapping[str, str], target: str | None = None
) -> tuple[Need, ...]:
    """Return what a job asks for; ``target`` is the one server that it is for."""
    return tuple(_need(each, names, target) for each in requirements)


def _need(told: Mapping[str, Any], names: Mapping[str, str], target: str | None) -> Need:
    model = told.get("model")
    status = str(told.get("status") or UNKNOWN)
    having = {each["server_id"]: each for each in told.get("servers") or ()}
    mark = NEEDS.get(status, NEEDS[UNKNOWN])
    if target is not None and having and target not in having:
        mark = ELSEWHERE
    fit = told.get("fit") or {}
    name, digits = str(told.get("name") or ""), str(told.get("hash") or "")
    known_as = short(model["name"], NAME_CHARACTERS) if isinstance(model, Mapping) else ""
    return Need(
        role=ROLES.get(str(told.get("role")), short(told.get("role") or "", 40)),
        label=short(name, NAME_CHARACTERS) or known_as or digits,
        digits=digits,
        source=_source(str(told["source"])),
        weight=told["weight"],
        mark=mark,
        grade=GRADE[fit["grade"]] if fit else None,
        reason=short(fit.get("reason") or ""),
        url=_model_url(model) if isinstance(model, Mapping) else None,
        servers=tuple(aliased(having.values(), names)),
        lacking=tuple(each for each in names if each not in having) if isinstance(model, Mapping) else (),
        candidates=tuple(_candidate(each) for each in told.get("candidates") or ()),
        way_out=_WAYS_OUT.get(status, ""),
        search_url=f"/models?q={segment((name or digits)[:200])}" if status == UNKNOWN else None,
        is_checkpoint=told.get("role") == "checkpoint",
    )


_SOURCES = {"prompt": "in the prompt", "negative_prompt": "in the negative prompt", "sd_model_checkpoint": ""}


def _source(text: str) -> str:
    return _SOURCES.get(text, short(text, 80))


_WAYS_OUT = {
    UNKNOWN: "No server ever had such a model. As soon as one has it, the job goes by itself.",
    AMBIGUOUS: "",
    DOWNLOADABLE: "No server has it; its page says where to download it.",
    UNAVAILABLE: "It is known, but no server has it now. As soon as one has it again, the job goes by itself.",
    STALE: "The servers that have it have not been heard of lately.",
    OFFLINE: "Only servers that are offline have it.",
}


def _candidate(told: Mapping[str, Any]) -> Candidate:
    digits = str(told.get("sha256") or told.get("autov2") or told.get("id") or "")
    return Candidate(short(told["name"], 120), digits, _model_url(told), STATUS.get(str(told.get("status"))))


def _model_url(model: Mapping[str, Any]) -> str:
    return f"/models/{segment(model.get('sha256') or model['id'])}"


def aliased(servers: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Yield servers as ``parts/marks.html`` shows them."""
    for each in servers:
        yield {"state": PRESENT, "hash_state": None, **each, "alias": names.get(each["server_id"], each["server_id"])}


def _takes(server: Mapping[str, Any]) -> bool:
    return bool(server.get("taking", True))
