"""A person's corrections of what a model is, kept by SHA-256: they win over all that is found out, for good.

They stand in a file of their own beside the index, because an index that is damaged is set aside and made anew, and
what a person said cannot be found out again. Only SQLite opens the file, as with the index. A correction that was taken
back stays as an empty one, until each hub that had it was told.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .paths import make_private

FILE_NAME = "corrections.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS corrections (
    sha256 TEXT PRIMARY KEY, base_model TEXT, ecosystem TEXT, type TEXT, at REAL NOT NULL, told_to TEXT
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Correction:
    """What a person says of a model: base model, ecosystem and type under the catalogue's names; None: no word."""

    base_model: str | None = None
    ecosystem: str | None = None
    type: str | None = None

    def applied(self, identity: dict[str, Any]) -> dict[str, Any]:
        """Return an identification (``inventory/identification.py``) with this on top: certain, and said to be so."""
        says = ", ".join(filter(None, (self.base_model or self.ecosystem, self.type)))
        evidence = {"witness": "manual", "says": f"corrected by hand: {says}", "weight": 1.0}
        found = {**identity, "evidence": [evidence, *identity.get("evidence", ())]}
        if self.type is not None:
            found["kind"] = self.type
        if self.ecosystem is not None:
            found.update(ecosystem=self.ecosystem, base_model=self.base_model, confidence=1.0)
        return found

    def merged(self, later: "Correction") -> "Correction":
        """Return this with what a later one says on top."""
        if later.ecosystem is not None:
            return replace(later, type=later.type or self.type)
        return replace(self, type=later.type or self.type)


class Corrections:
    """The corrections of this machine; all its agents share them."""

    def __init__(self, home: Path) -> None:
        """Read them.

        Raises:
            OSError, sqlite3.Error: the file cannot be used.
        """
        self._path = make_private(home) / FILE_NAME
        self._lock = threading.Lock()
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._open() as connection, connection:
            connection.execute(_SCHEMA)
        self._held: dict[str, Correction] = {}
        self.reload()

    def _open(self) -> "closing[sqlite3.Connection]":
        return closing(sqlite3.connect(self._path, timeout=10))

    def reload(self) -> None:
        """Read what other agents of this machine may have added."""
        with self._open() as connection:
            rows = connection.execute("SELECT sha256, base_model, ecosystem, type FROM corrections").fetchall()
        with self._lock:
            self._held = {sha256: Correction(*said) for sha256, *said in rows if any(said)}

    def get(self, sha256: str) -> Correction | None:
        """Return what was said of a model, or None."""
        return self._held.get(sha256)

    def put(self, hashes: Iterable[str], said: Correction) -> None:
        """Keep a correction of some models, on top of earlier ones.

        Raises:
            sqlite3.Error: it cannot be kept.
        """
        self.reload()
        self._write({sha256: (self.get(sha256) or Correction()).merged(said) for sha256 in hashes})

    def clear(self, hashes: Iterable[str]) -> None:
        """Forget what was said of some models: what was found out counts again.

        Raises:
            sqlite3.Error: it cannot be kept.
        """
        self._write({sha256: Correction() for sha256 in hashes if self.get(sha256) is not None})

    def _write(self, said: Mapping[str, Correction]) -> None:
        rows = [(sha256, c.base_model, c.ecosystem, c.type, time.time()) for sha256, c in said.items()]
        with self._open() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?, ?, NULL)", rows)
        self.reload()

    def untold(self, hub: str, most: int) -> list[tuple[str, Correction, float]]:
        """Return up to ``most`` corrections that a hub was not told of: SHA-256, what was said, and when."""
        query = (
            "SELECT sha256, base_model, ecosystem, type, at FROM corrections WHERE told_to IS NOT ? "
            "ORDER BY random() LIMIT ?"  # so that those of models which the hub does not know yet hold up no others
        )
        with self._open() as connection:
            rows = connection.execute(query, (hub, most)).fetchall()
        return [(sha256, Correction(*said), at) for sha256, *said, at in rows]

    def untold_hashes(self, hub: str) -> frozenset[str]:
        """Return the models of which a person said something that a hub was not told yet."""
        with self._open() as connection:
            rows = connection.execute("SELECT sha256 FROM corrections WHERE told_to IS NOT ?", (hub,)).fetchall()
        return frozenset(row[0] for row in rows)

    def told(self, hub: str, sha256: str, at: float) -> None:
        """Note that a hub was told what was said at this time; an empty correction has done its work then."""
        empty = "base_model IS NULL AND ecosystem IS NULL AND type IS NULL"
        with self._open() as connection, connection:
            connection.execute("UPDATE corrections SET told_to = ? WHERE sha256 = ? AND at = ?", (hub, sha256, at))
            connection.execute(f"DELETE FROM corrections WHERE sha256 = ? AND told_to = ? AND {empty}", (sha256, hub))  # noqa: S608
