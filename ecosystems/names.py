"""Finding records by what people and tools call them, in any case of letters."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

NAME, ALIAS, LIKENESS = range(3)
"""How a record was found, the best first."""

_ADAPTERS = frozenset({"lora", "textual-inversion", "controlnet", "control-lora", "vae"})
"""What a modelspec architecture may have behind a slash: ``stable-diffusion-v1/lora``."""

Row = TypeVar("Row", bound=Any)


class Index(Generic[Row]):
    """Finds records by name, then by alias, then by either without blanks, hyphens and underscores."""

    def __init__(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        self.shown = {row.name.casefold(): row.name for row in rows}
        self._exact: dict[str, tuple[Row, int]] = {row.name.casefold(): (row, NAME) for row in rows}
        for row in rows:
            for alias in getattr(row, "aliases", ()):
                self._exact.setdefault(alias.name.casefold(), (row, ALIAS))
        self._loose: dict[str, tuple[Row, int] | None] = {}
        for key, (row, _) in self._exact.items():
            loose = _squeeze(key)
            other = self._loose.setdefault(loose, (row, LIKENESS))
            if other is not None and other[0] is not row:
                self._loose[loose] = None  # two records look alike without the blanks: neither is meant

    def find(self, name: str) -> tuple[Row, int] | None:
        """Return the record that a name stands for and how it was found, or None."""
        key = name.strip().casefold()
        found = self._exact.get(key) or self._loose.get(_squeeze(key))
        if found is None and "/" in key:
            head, _, tail = key.rpartition("/")
            return self.find(head) if tail in _ADAPTERS else None
        return found


def _squeeze(key: str) -> str:
    return re.sub(r"[\s_-]+", "", key)


def similar(name: str, *indexes: "Index[Any]") -> list[str]:
    """Return up to three names that look like one that is not known."""
    known = {key: shown for index in indexes for key, shown in index.shown.items()}
    return [known[key] for key in difflib.get_close_matches(name[:80].casefold(), known, n=3)]
