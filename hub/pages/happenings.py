"""Events as sentences, and many of a kind in a row as one line. Pure: nothing is fetched here."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..events import kinds
from ..events.log import Event
from ..jobs.job import CANCELLED, COMPLETED, FAILED, PENDING, PROCESSING
from .formats import number, segment

KINDS = {
    kinds.INVENTORY_CHANGED: "Inventories",
    kinds.SERVER_STATE: "Online and offline",
    kinds.SERVER_ADDED: "Servers added",
    kinds.SERVER_CHANGED: "Servers changed",
    kinds.SERVER_REMOVED: "Servers removed",
    kinds.KEY_CHANGED: "Keys",
    kinds.OVERRIDE_CHANGED: "Corrections",
    kinds.MODEL_REGISTERED: "Registrations",
    kinds.ENRICHMENT: "Metadata service",
    kinds.JOB: "Jobs",
}
"""What a person calls each kind."""

STATE_WORDS = {"present": "online", "stale": "stale", "offline": "offline"}
_STATE_TONES = {"present": "good", "stale": "warn", "offline": "bad"}
_MOST_NAMES = 5


@dataclass(frozen=True)
class Happening:
    """One line: who or what it is about (with a link, where there is one), and what happened. ``at`` in seconds.

    ``job`` is the id of the job that it is about.
    """

    number: int
    at: float
    kind: str
    tone: str
    about: str | None
    link: str | None
    sentence: str
    names: tuple[str, ...] = ()
    job: str | None = None


@dataclass(frozen=True)
class Line:
    """A line of the list: ``first`` is the newest of ``all``, which are alike.

    ``key`` stays the same while the list moves on, so that a line that somebody opened stays open.
    """

    all: tuple[Happening, ...]
    key: str

    @property
    def first(self) -> Happening:
        """What is shown of it."""
        return self.all[0]


def lines(found: Iterable[Event]) -> list[Line]:
    """Return the lines of events: those in a row of one kind about one thing are one line, so a storm is one too.

    Jobs in a row are one line whatever they are about, but for those that failed: they have a page of their own.
    """
    folded: list[list[Happening]] = []
    for event in found:
        told = happening(event)
        last = folded[-1][-1] if folded else None
        if last is not None and _subject(last) == _subject(told):
            folded[-1].append(told)
        else:
            folded.append([told])
    seen = Counter[str]()
    named = []
    for each in folded:
        about = f"{each[0].kind}-{segment(_subject(each[0])[1] or '')}"
        seen[about] += 1
        named.append(Line(tuple(each), f"{about}-{seen[about]}"))
    return named


def _subject(told: Happening) -> tuple[str, str | None, str]:
    if told.kind == kinds.JOB and told.tone != "bad":
        return told.kind, None, ""
    return told.kind, told.about, told.tone


def happening(event: Event) -> Happening:
    """Return one event as a line."""
    data = event.data
    about, link = event.server_id, f"/servers/{segment(event.server_id)}" if event.server_id is not None else None
    if event.model is not None:
        about, link = str(event.model["name"]), f"/models/{segment(event.model['hash'])}"
    tone, sentence, names = "", "", tuple[str, ...]()
    if event.kind == kinds.INVENTORY_CHANGED:
        sentence = _inventory(data)
        names = tuple(str(each.get("name", "")) for each in _mappings(data.get("models")))[:_MOST_NAMES]
    elif event.kind == kinds.SERVER_STATE:
        state = str(data.get("state"))
        tone, sentence = _STATE_TONES.get(state, ""), f"is {STATE_WORDS.get(state, state)}"
    elif event.kind == kinds.KEY_CHANGED:
        tone = "bad" if data.get("change") == "revoked" else "info"
        sentence = f"key “{data.get('name')}” was {data.get('change')} ({data.get('scope')})"
        link = link if event.server_id is not None else "/keys"
    elif event.kind == kinds.OVERRIDE_CHANGED:
        said = [str(data[name]) for name in ("base_model", "type") if data.get(name)]
        sentence = f"was corrected to {', '.join(said)}" if said else "is as it was found again"
        tone = "info"
    elif event.kind == kinds.JOB:
        tone, sentence = _job(data, event.server_id)
    else:
        tone, sentence = _REST.get(event.kind, ("", event.kind.replace("_", " ")))
        link = None if event.kind == kinds.SERVER_REMOVED else link
    job = str(data["id"]) if event.kind == kinds.JOB and data.get("id") else None
    return Happening(event.cursor.seq, event.at, event.kind, tone, about, link, sentence, names, job)


_REST = {
    kinds.SERVER_ADDED: ("good", "is new here"),
    kinds.SERVER_CHANGED: ("", "was renamed or described anew"),
    kinds.SERVER_REMOVED: ("bad", "was removed"),
    kinds.MODEL_REGISTERED: ("info", "was registered"),
    kinds.ENRICHMENT: ("", "a metadata service told something"),
}


_JOB_SENTENCES = {
    PENDING: ("", "a job waits"),
    PROCESSING: ("info", "runs a job"),
    COMPLETED: ("good", "completed a job"),
    FAILED: ("bad", "failed at a job"),
    CANCELLED: ("", "a job was cancelled"),
}


def _job(data: Mapping[str, Any], server_id: str | None) -> tuple[str, str]:
    """Return tone and sentence of a job's event; the server's name stands before it, where there is one."""
    state = str(data.get("state"))
    tone, sentence = _JOB_SENTENCES.get(state, ("", f"a job is {state}"))
    if isinstance(data.get("possible_on"), str):
        return "good", f"a job that waited can run on {data['possible_on']} now"
    if isinstance(count := data.get("count"), int):
        return "", f"{number(count)} jobs were submitted"
    if state == FAILED and server_id is None:
        sentence = "a job failed"
    if state in {PENDING, CANCELLED} and server_id is not None:
        sentence = "has a job no more, it waits again" if state == PENDING else "had a job that was cancelled"
    return tone, sentence + (f" ({data['error']})" if data.get("error") else "")


def _inventory(data: Mapping[str, Any]) -> str:
    counts = {name: data.get(name) for name in ("added", "updated", "removed")}
    parts = [f"{number(count)} {name}" for name, count in counts.items() if isinstance(count, int) and count]
    count = data.get("count")
    now = f", {number(count)} files now" if isinstance(count, int) else ""
    return f"{', '.join(parts) or 'inventory changed'}{now}"


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
