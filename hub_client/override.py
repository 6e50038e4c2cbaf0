"""A correction by hand, as a hub keeps it: what a person said a model is, above all that was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .fields import Fields


@dataclass(frozen=True, slots=True)
class Override:
    """The correction of one model; a part that is None is not corrected.

    ``base_model`` is a name of the catalogue (of a base model, or of an ecosystem where no base model was named), and
    ``ecosystem`` what follows from it. ``by`` names the key that set it, ``at`` is the hub's own text (ISO 8601, UTC).
    """

    base_model: str | None = None
    type: str | None = None
    note: str | None = None
    ecosystem: str | None = None
    by: str | None = None
    at: str | None = None
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "Override":
        """Read a correction; raises MalformedMessageError where a key is wrong."""
        fields = Fields(wire, where)
        names = ("base_model", "type", "note", "ecosystem", "by", "at")
        return cls(**{name: fields.may(name, str) for name in names}, wire=fields.wire)


def read_override(answer: object) -> Override | None:
    """Read the answer of ``…/overrides``; None where nothing is corrected.

    Raises:
        MalformedMessageError: it is no such answer.
    """
    wire = Fields(answer).may("override", dict)
    return None if wire is None else Override.from_wire(wire, "override")
