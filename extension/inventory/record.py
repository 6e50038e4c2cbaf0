"""One published path and what is known of it."""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ...hub_client import ModelEntry
from .index import Facts
from .roots import Root
from .scan import FileStat


@dataclass(slots=True, eq=False)
class Record:
    """One file below one root.

    ``facts`` are None until they are known for this very stat. ``waiting`` says, for a person, why the file is not
    published, and ``retry`` that another look may help without a change of the file; ``stale`` says that its root or
    folder cannot be looked at now, so that it is kept as it was. One that is not ``shared`` is listed, but never sent
    to another server. ``job`` names the reading that it waits for. ``corrected`` puts a person's correction on top of
    what was found out.
    """

    root: Root
    relative: str
    kind: str
    found: FileStat
    facts: Facts | None = None
    shared: bool = True
    waiting: str | None = None
    retry: bool = False
    stale: bool = False
    job: Hashable | None = None
    corrected: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The path under which it is published: ``<root label>/<relative path>``."""
        return f"{self.root.label}/{self.relative}"

    @property
    def path(self) -> str:
        """Where it stands on this machine."""
        return os.path.join(self.root.path, *self.relative.split("/"))

    @property
    def identity(self) -> dict[str, Any]:
        """What the file is, a person's correction included; empty while nothing is known."""
        found = (self.facts.identity if self.facts is not None else None) or {}
        return self.corrected(found) if self.corrected is not None else found

    def entry(self) -> ModelEntry | None:
        """Return the entry that the hub gets (docs/protocol.md), or None while there is no hash."""
        facts = self.facts
        if facts is None:
            return None
        identity = self.identity
        return ModelEntry(
            path=self.name,
            type=identity.get("kind") or self.kind,
            size_bytes=self.found.size,
            mtime_ns=self.found.mtime_ns,
            sha256=facts.sha256,
            tensor_sha256=facts.tensor_sha256,
            hash_state="verified" if facts.hash_state == "verified" else "claimed",
            state="stale" if self.stale else "present",
            ecosystem=identity.get("ecosystem"),
            base_model=identity.get("base_model"),
            confidence=identity.get("confidence") if identity.get("ecosystem") else None,
            evidence=identity.get("evidence", ()),
            conflicts=identity.get("conflicts", ()),
            shared=self.shared,
            metadata=identity.get("metadata") or None,
        )
