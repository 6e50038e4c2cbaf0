"""``Row``: one line of the speed table."""

from dataclasses import dataclass
from typing import Literal


class NotMeasurableError(Exception):
    """A yardstick is missing on this machine; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, what it is held against, and its bound.

    Without a ``unit`` the value is a ratio to the yardstick, both measured in turn in this run. ``sense`` says on which
    side of the bound the value is to stay; the bound itself is allowed.
    """

    name: str
    value: float
    sense: Literal["at_least", "at_most"]
    bound: float
    yardstick: str
    unit: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the value keeps to its bound."""
        return self.value >= self.bound if self.sense == "at_least" else self.value <= self.bound


def at_least(name: str, value: float, bound: float, yardstick: str, unit: str = "") -> Row:
    """Return the row of a value that must not be below its bound."""
    return Row(name, value, "at_least", bound, yardstick, unit)


def at_most(name: str, value: float, bound: float, yardstick: str, unit: str = "") -> Row:
    """Return the row of a value that must not be above its bound."""
    return Row(name, value, "at_most", bound, yardstick, unit)
