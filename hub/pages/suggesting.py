"""Models that a person may mean while typing a name into the form for a job, with how each stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext.resource import CHECKPOINT, LORA, TYPES_OF_ROLE, stem
from ..errors import RequestError
from ..fitting import Picked, Question
from ..search import Search
from ..services import Hub
from .words import GRADE, STATUS, Mark

MOST = 8
ROLES = (CHECKPOINT, LORA)
_RUNTIME = "forge"


@dataclass(frozen=True)
class Suggestion:
    """A model; ``insert`` is what stands in the form once it is taken, ``where`` who has it."""

    name: str
    insert: str
    digits: str
    shown: Mapping[str, Any]
    mark: Mark
    grade: Mark | None
    where: str


def suggestions(hub: Hub, role: str, words: str, checkpoint: str) -> list[Suggestion]:
    """Return models of a role that these words find; LoRAs with whether they go with the checkpoint (hash or name)."""
    base = _picked(hub, checkpoint) if role == LORA and checkpoint else None
    return [_suggestion(hub, model, base) for model in _found(hub, role, words)]


def _found(hub: Hub, role: str, words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in TYPES_OF_ROLE[role]:
        if len(found) < MOST:
            found += hub.search.page(Search(words=words, type=kind, limit=MOST - len(found)))["models"]
    return found


def _picked(hub: Hub, text: str) -> Picked | None:
    """Return the checkpoint that a hash means, or a name where only one has it; None where that is not clear."""
    called = [each for each in _found(hub, CHECKPOINT, text) if each["name"].casefold() == stem(text).casefold()]
    try:
        return hub.fitting.pick(called[0]["sha256"] or str(called[0]["id"]) if len(called) == 1 else text)
    except RequestError:
        return None


def _suggestion(hub: Hub, model: dict[str, Any], base: Picked | None) -> Suggestion:
    grade = None
    if base is not None:
        addon = Picked(model["name"], model["type"], model["base_model"] or model["ecosystem"])
        grade = GRADE[hub.fitting.pair(base, addon, Question(runtime=_RUNTIME)).grade]
    aliases = [each["alias"] for each in model["servers"]]
    more = f" and {len(aliases) - 3} more" if len(aliases) > 3 else ""
    return Suggestion(
        name=model["name"],
        insert=stem(model["name"]),
        digits=model["sha256"] or model["autov2"] or "",
        shown=model,
        mark=STATUS[model["status"]],
        grade=grade,
        where=f"{', '.join(aliases[:3])}{more}",
    )
