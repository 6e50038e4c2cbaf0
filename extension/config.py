"""What an agent is told: whose inventory, where the models are, which hub."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..hub_client import Credentials
from .claims.web_ui_caches import HashReader
from .inventory.discover import discover, named_roots
from .inventory.roots import Root, label_roots, lies_within
from .jobs.runner import JobsConfig
from .paths import data_home
from .sync import DEBOUNCE_SECONDS, HEARTBEAT_SECONDS

RECONCILE_SECONDS = 15 * 60.0
POLL_SECONDS = 60.0
"""How often a root without events is looked at."""
WORKERS = 2

_SERVER_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff/\\]{1,100}")


def is_server_id(text: str) -> bool:
    """Tell whether a hub takes this as the id of a server: 1 to 100 printable characters, no slash, not only dots."""
    return bool(_SERVER_ID.fullmatch(text)) and text == text.strip() and bool(text.strip("."))


@dataclass(frozen=True)
class AgentConfig:
    """The settings of one agent.

    ``models`` is a folder in which roots are looked for; ``named`` are roots given one by one, as (model type or
    None, absolute path), with labels relative to ``base`` where they lie below it. Of ``closed`` folders nothing is
    listed but the named ones within; with ``only_existing``, named ones that are not there (yet) are no roots.
    ``web_ui_hashes`` gives, inside a web UI's process, that one's own cache. ``excludes`` are glob patterns over
    paths relative to a root; ``never_share`` are folders whose models are listed but never sent to another server.
    ``hub`` None means that nobody is told; ``ca_file`` is for ``HubClient``. ``jobs`` None means that this server runs
    no jobs of the hub's. Times are in seconds; ``settle_seconds``
    None takes what fits each root's file system.
    """

    server_id: str
    models: str | None = None
    named: tuple[tuple[str | None, str], ...] = ()
    base: str | None = None
    closed: tuple[str, ...] = ()
    only_existing: bool = False
    excludes: tuple[str, ...] = ()
    never_share: tuple[str, ...] = ()
    hub: str | None = None
    credentials: Credentials | None = None
    ca_file: str | None = None
    home: Path = field(default_factory=data_home)
    workers: int = WORKERS
    mib_per_second: float | None = None
    settle_seconds: float | None = None
    debounce_seconds: float = DEBOUNCE_SECONDS
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    reconcile_seconds: float = RECONCILE_SECONDS
    poll_seconds: float = POLL_SECONDS
    web_ui_hashes: Callable[[], HashReader | None] = lambda: None
    jobs: JobsConfig | None = None

    def find_roots(self) -> tuple[tuple[Root, ...], tuple[str, ...]]:
        """Return the roots as the disk has them now, and notes for a person.

        Raises:
            RootError: the ``models`` folder cannot be listed.
        """
        roots: tuple[Root, ...] = ()
        notes: tuple[str, ...] = ()
        if self.models is not None:
            found = discover(self.models)
            roots, notes = found.roots, found.notes
        named = [(kind, path) for kind, path in self.named if not self.only_existing or os.path.isdir(path)]
        if named:
            more, said = named_roots(named, self.base, self.closed)
            roots, notes = label_roots([*roots, *more], self.base), notes + said
        return tuple(self._marked(root) for root in roots), notes

    def _marked(self, root: Root) -> Root:
        return replace(
            root, shared=not lies_within(root.path, self.never_share), excludes=(*root.excludes, *self.excludes)
        )
