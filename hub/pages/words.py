"""What the page calls things: each has a word, a tone for its colour and a shape, so that no colour speaks alone."""

from dataclasses import dataclass

from ...ecosystems.records import FULL, NONE, PARTIAL, UNKNOWN
from ..ages import OFFLINE, PRESENT, STALE
from ..availability import AVAILABLE, DOWNLOADABLE, UNAVAILABLE


@dataclass(frozen=True)
class Mark:
    """How something is shown; ``shape`` is one that ``parts/marks.html`` can draw."""

    word: str
    tone: str
    shape: str
    meaning: str


STATUS = {
    AVAILABLE: Mark("available", "good", "disc", "a server that is online has it"),
    STALE: Mark("stale", "warn", "triangle", "the servers that have it have not been heard of lately"),
    OFFLINE: Mark("offline", "bad", "square", "only servers that are offline have it"),
    DOWNLOADABLE: Mark("downloadable", "info", "arrow", "no server has it; it is known where to download it"),
    UNAVAILABLE: Mark("unavailable", "", "ring", "known, but no server has it"),
}
"""What a model can be, as ``Availability`` answers it."""

STATE = {
    PRESENT: Mark("online", "good", "disc", "heard of lately"),
    STALE: Mark("stale", "warn", "triangle", "not heard of lately, or its folder is gone"),
    OFFLINE: Mark("offline", "bad", "square", "not heard of for long"),
}
"""How a server stands to a file of it."""

GRADE = {
    FULL: Mark("works", "good", "disc", "made for this"),
    PARTIAL: Mark("may work", "warn", "triangle", "made for something related: try it"),
    UNKNOWN: Mark("not known", "info", "question", "nobody can say: neither compatible nor incompatible"),
    NONE: Mark("does not work", "bad", "cross", "made for something else"),
}
"""The catalogue's grades, in the order in which a person wants to see them."""

WITNESSES = {
    "manual": "A person",
    "service": "A metadata service that knows the file's hash",
    "layout": "The tensors in the file",
    "sidecar": "A file beside the model, left by another tool",
    "metadata": "The file's own metadata",
    "name": "The file's name",
    "file": "The file",
}
"""Who says something in the evidence of an identification."""

SAID_BY = {
    "override": "corrected by hand",
    "registered": "registered by hand",
    "agent": "found",
    "civitai": "said",
    "import": "imported",
}
"""Who says what a field of a model is."""

ALIAS_SOURCES = {
    "hand": "said by hand",
    "seen": "a file had this name",
    "import": "imported",
    "own": "the file says so itself",
}
"""Where a name of a model comes from."""


def believed(weight: object) -> str:
    """Say how far a witness is believed, from its weight of 0 to 1; nothing for what is no number."""
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return ""
    return (
        "proves it" if weight >= 0.9 else "says so" if weight >= 0.7 else "suggests it" if weight >= 0.5 else "a hint"
    )
