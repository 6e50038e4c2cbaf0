"""The speed table, as text and as JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from .row import Row

_WORDS = {"at_least": "at least", "at_most": "at most"}
_NAME_COLUMNS = 47


def text_line(row: Row) -> str:
    """Return a row as a person reads it; a miss says so at its end."""
    value = f"{_number(row.value)} {row.unit}".rstrip()
    bound = f"{_WORDS[row.sense]} {_number(row.bound)} {row.unit}".rstrip()
    return f"{row.name:{_NAME_COLUMNS}} {value:>10}  {bound:19}  {row.yardstick}{'' if row.met else '  MISSED'}"


def json_line(bench: str, row: Row) -> str:
    """Return a row as one line of ASCII JSON."""
    return json.dumps({"bench": bench, **asdict(row), "met": row.met})


def failure_line(bench: str, reason: str) -> str:
    """Return, as one line of ASCII JSON, why a bench has no figures."""
    return json.dumps({"bench": bench, "error": reason, "met": False})


def heading() -> str:
    """Return the line above the rows."""
    return f"{'':{_NAME_COLUMNS}} {'value':>10}  {'bound':19}  against"


def all_met(rows: Iterable[Row]) -> bool:
    """Tell whether every row keeps to its bound."""
    return all(row.met for row in rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
