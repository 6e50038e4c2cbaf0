"""Which parts of the roots are away: folders that cannot be listed, and volumes that are not mounted now.

An unmounted volume leaves an empty folder behind, and an empty folder proves nothing: so it is kept, in the index too,
which folders have been volumes of their own. One that is none now, and empty, is away; its models are stale, not gone.
"""

import logging

from .index import Index
from .roots import Root
from .scan import ScanResult

log = logging.getLogger(__name__)


class Absences:
    """What is away of the roots of one server. Its caller holds the lock."""

    def __init__(self, server_id: str, index: Index) -> None:
        self._server_id = server_id
        self._index = index
        self._volumes: dict[str, set[str]] = {}
        self._reasons: dict[str, str] = {}

    def reasons(self) -> dict[str, str]:
        """Return root path -> why the whole of it cannot be looked at."""
        return dict(self._reasons)

    def begin(self, root: Root) -> None:
        """Remember what an earlier agent of this server knew of a root."""
        if root.path not in self._volumes:
            kept = self._index.roots(self._server_id).get(root.path, {})
            self._volumes[root.path] = set(kept.get("volumes", []))

    def end(self, root_path: str) -> None:
        """Say that a folder is no root any more."""
        self._reasons.pop(root_path, None)

    def away(self, root: Root, result: ScanResult, below: str) -> set[str]:
        """Return the folders of which a scan of ``below`` can say nothing, as relative paths (``""``: the root)."""
        away = set(result.unreadable)
        for folder in self._volumes.get(root.path, set()):
            if folder in result.volumes or not is_below(folder, below):
                continue
            prefix = folder + "/" if folder else ""
            if not any(relative.startswith(prefix) for relative in result.files):
                away.add(folder)
        if not below:
            self._tell(root, result.gone or ("its volume is not mounted" if "" in away else None))
        return away

    def _tell(self, root: Root, reason: str | None) -> None:
        if reason is None:
            if self._reasons.pop(root.path, None) is not None:
                log.warning("The folder %s is back.", root.path)
        elif root.path not in self._reasons:
            log.warning("The folder %s cannot be looked at: %s. Its models are kept as stale.", root.path, reason)
            self._reasons[root.path] = reason

    def keep(self, root: Root, result: ScanResult, away: set[str]) -> None:
        """Keep which folders of a root are volumes, after a scan of the whole of it."""
        volumes = set(result.volumes) | {v for v in self._volumes.get(root.path, set()) if is_away(v, away)}
        kept = {"label": root.label, "kind": root.kind, "shared": root.shared, "volumes": sorted(volumes)}
        self._volumes[root.path] = volumes
        if self._index.roots(self._server_id).get(root.path) != kept:
            self._index.keep_root(self._server_id, root.path, kept)


def is_below(relative: str, folder: str) -> bool:
    """Tell whether a relative path is a folder, or lies in it; everything lies in ``""``."""
    return not folder or relative == folder or relative.startswith(folder + "/")


def is_away(relative: str, away: set[str]) -> bool:
    """Tell whether a relative path lies in one of these folders."""
    return any(is_below(relative, folder) for folder in away)
