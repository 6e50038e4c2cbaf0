"""How fast servers are: seconds for a unit of work, a megapixel through one step."""

from collections.abc import Mapping
from typing import Any

WEIGHT = 0.25
"""Of the newest measurement in the decaying mean."""
ENOUGH = 3
"""So many measurements before two servers are compared."""
_LONGEST_SECONDS = 86_400.0
_MOST_UNITS = 1e9
_DEFAULTS = {"width": 512, "height": 512, "steps": 20, "batch_size": 1, "n_iter": 1}


def units(payload: Mapping[str, Any]) -> float | None:
    """Return how much work a payload asks for, None where it does not say so in numbers."""
    product = 1e-6
    for name, default in _DEFAULTS.items():
        value = payload.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            return None
        product *= float(value)
        if product > _MOST_UNITS:
            return None
    return product


def measured(seconds: float | None, payload: Mapping[str, Any]) -> float | None:
    """Return the seconds for a unit that a job took, None where that cannot be said."""
    work = units(payload)
    return None if seconds is None or work is None or not 0 < seconds < _LONGEST_SECONDS else seconds / work


def mean(before: float | None, now: float) -> float:
    """Return the decaying mean after one more measurement."""
    return now if before is None else before + WEIGHT * (now - before)


def much_faster(one: tuple[float | None, int], other: tuple[float | None, int]) -> bool:
    """Say whether one server, its mean and over how many jobs, takes at most half as long as another."""
    (first, over), (second, over_other) = one, other
    return first is not None and second is not None and min(over, over_other) >= ENOUGH and first * 2 <= second
