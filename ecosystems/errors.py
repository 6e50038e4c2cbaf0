"""What can go wrong in this room, rooted in one class.

``EcosystemsError``
  ``CatalogueError``  facts that cannot be used: every fault names its file, record and field
  ``LegacyError``     a verbose configuration that cannot be read
  ``QuestionError``   a question that has no meaning (a model type that does not exist, a runtime for training)
"""

from collections.abc import Sequence
from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"


class EcosystemsError(Exception):
    """The root of this room's errors."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with a catalogue: where, and what to do about it."""

    file: str
    record: str
    """Section and position, with the record's name where it has one: ``baseModels[3] 'SD 1.5'``."""
    field: str
    problem: str
    level: str = ERROR
    """``error``, or ``warning`` for a fact that is harmless and useless."""

    def __str__(self) -> str:
        file = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.file)  # a name may hold a line break
        place = ", ".join(part for part in (file, self.record, self.field and f"field {self.field!r}") if part)
        return f"{place}: {self.problem}"


class CatalogueError(EcosystemsError):
    """A catalogue that is not used, because of its ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        first = "\n".join(str(fault) for fault in self.faults[:20])
        more = f"\n… and {len(self.faults) - 20} more" if len(self.faults) > 20 else ""
        super().__init__(first + more)


class LegacyError(EcosystemsError):
    """A verbose generation configuration that is not a list of groups with their support."""


class QuestionError(EcosystemsError):
    """A question that has no answer; ``field`` names the part of it that is wrong or ``missing``."""

    def __init__(self, field: str, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.missing = missing
