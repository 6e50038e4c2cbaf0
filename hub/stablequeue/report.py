"""What an import did, and what it left where it was, row by row with the reason."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something that was not taken: a whole row, or one field of it.

    ``row`` is the row's id there; ``field`` is None where the whole row was left.
    """

    table: str
    row: str
    field: str | None
    problem: str

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"table": self.table, "row": self.row, "field": self.field, "problem": self.problem}

    def line(self) -> str:
        """Return it as a person reads it."""
        place = f"{self.table} {self.row}" + (f", {self.field}" if self.field else "")
        return f"{place}: {self.problem}"


@dataclass
class Report:
    """The counts of one run, by table and outcome, and what was not taken."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    api_keys: int = 0
    dry_run: bool = False

    def count(self, table: str, outcome: str, number: int = 1) -> None:
        """Count an outcome of rows of a table."""
        self.counts.setdefault(table, Counter())[outcome] += number

    def leave(self, table: str, row: object, problem: str) -> None:
        """Note a row that was not taken."""
        self.count(table, "left")
        self.findings.append(Finding(table, _id(row), None, problem))

    def note(self, table: str, row: object, name: str, problem: str) -> None:
        """Note a field that was not taken, of a row that was."""
        self.findings.append(Finding(table, _id(row), name, problem))

    @property
    def changed(self) -> bool:
        """Whether anything is (or, in a dry run, would be) other than before."""
        return any(counter[name] for counter in self.counts.values() for name in ("new", "updated"))

    def shown(self) -> dict[str, Any]:
        """Return the whole report as JSON has it."""
        return {
            "dry_run": self.dry_run,
            "changed": self.changed,
            "counts": {table: dict(sorted(counter.items())) for table, counter in sorted(self.counts.items())},
            "jobs": self.jobs,
            "api_keys": self.api_keys,
            "unknown_columns": self.unknown_columns,
            "not_taken": [finding.shown() for finding in self.findings],
        }


def _id(row: object) -> str:
    """Return a row's id as short text: in a hostile file it can be anything."""
    return ascii(row)[:60] if not isinstance(row, (int, str)) else str(row)[:60]
