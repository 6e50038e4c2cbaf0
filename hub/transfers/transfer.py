"""A transfer as it is asked for: pure values, between what reads a request and what queues it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ASKING = "asking"
WAITING = "waiting"
RUNNING = "running"
PAUSED = "paused"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
STATES = (ASKING, WAITING, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED)
ACTIVE = frozenset({ASKING, WAITING, RUNNING, PAUSED})

BY_PERSON = "person"
BY_JOB = "job"
BY_RULE = "rule"

AUTO = "auto"
SERVER = "server"
URL = "url"
CIVITAI = "civitai"
HUGGINGFACE = "huggingface"

LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10
MAX_ATTEMPTS = 5
SEGMENT_BYTES = 8 * 1024 * 1024
"""What goes through the hub at once."""
WINDOW = 4
"""How many segments of a transfer the hub keeps at most."""


@dataclass(frozen=True)
class Source:
    """Where a file can be had.

    ``kind`` is one of the above but ``auto``; ``of`` names it as rates know it (``relay:SERVER``, ``direct:SERVER``,
    the name of a host); ``details`` are the kind's own: ``server_id`` and ``path``, ``url``, ``version_id``, ``repo``.
    """

    kind: str
    of: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept and told."""
        return {"kind": self.kind, "of": self.of, **self.details}


@dataclass(frozen=True)
class NewTransfer:
    """A transfer to be queued.

    ``state`` is ``waiting``, or ``asking`` where a person's yes is waited for; ``sources`` the best first;
    ``plan`` what a person is shown of it.
    """

    sha256: str
    server_id: str
    name: str
    model_type: str
    size_bytes: int | None
    sources: tuple[Source, ...]
    plan: Mapping[str, Any]
    asked_source: str = AUTO
    state: str = WAITING
    root: str | None = None
    folder: str | None = None
    origin: str = BY_PERSON
    origin_id: str = ""
    requested_by: str = ""
    priority: int = 0
