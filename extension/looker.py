"""Looks at the disk: scans roots, follows the watcher's hints, comes back to files that had to settle.

What the watcher says is only where to look; what a scan or a stat says is what the library is told. Whatever was missed
in between, the reconcile finds.
"""

import logging
import os
import threading
import time
from pathlib import Path

from .claims.book import find_claims
from .config import AgentConfig
from .inventory.identification import model_stem
from .inventory.index import Index
from .inventory.kinds import is_model_file
from .inventory.library import Library, RootTraits
from .inventory.roots import Root, RootError
from .inventory.scan import scan_root, stat_file
from .inventory.settle import LOCAL_SECONDS, NETWORK_SECONDS
from .inventory.watch_method import Choice
from .inventory.watch_survey import choices_for
from .inventory.watcher import Watcher

log = logging.getLogger(__name__)

AFTER_FAULT_SECONDS = 30.0
HINT_PAUSE_SECONDS = 0.5
"""Hints are followed at most this often: a download writes all the time."""


class Looker:
    """The one thread that looks at the disk of one agent, and the watcher that tells it where."""

    def __init__(self, config: AgentConfig, library: Library, index: Index) -> None:
        """Make it; nothing is looked at before ``run``."""
        self.scanned = threading.Event()
        self.following = threading.Event()
        """Set while files that should have settled are looked at: the library does not count them as waiting then."""
        self._config = config
        self._library = library
        self._index = index
        self._wake = threading.Condition()
        self._woken = False
        self._rescan = True
        self._hints: dict[str, set[str] | None] = {}
        self._watcher: Watcher | None = None
        self._watched: list[Root] = []
        self._traits: dict[str, RootTraits] = {}

    def rescan(self) -> None:
        """Look at every root again, now."""
        with self._wake:
            self._rescan = True
        self.wake()

    def wake(self) -> None:
        """Have a look at what is due."""
        with self._wake:
            self._woken = True
            self._wake.notify_all()

    def hint(self, root: Root, paths: frozenset[str] | None) -> None:
        """Say that something changed below a root: these absolute paths, or (None) anything."""
        with self._wake:
            known = self._hints.get(root.path, set())
            self._hints[root.path] = None if paths is None or known is None else known | paths
        self.wake()

    def choices(self) -> dict[str, Choice]:
        """Return how each root is watched, by its path."""
        return dict(self._watcher.choices) if self._watcher is not None else {}

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; ``wake`` must follow the setting of ``stop``."""
        reconcile_at = time.monotonic()
        try:
            while not stop.is_set():
                try:
                    if self._take_rescan() or time.monotonic() >= reconcile_at:
                        self._look_at_everything(stop)
                        reconcile_at = time.monotonic() + self._config.reconcile_seconds
                    self._look_at_hints(stop)
                    self._look_at_due(stop)
                except Exception:
                    # One look that failed (a full disk under the index, say) must not end all later ones.
                    log.exception("Looking at the disk failed; it is tried again.")
                    reconcile_at = time.monotonic() + AFTER_FAULT_SECONDS
                    stop.wait(1.0)
                self._sleep(reconcile_at, stop)
        finally:
            if self._watcher is not None:
                self._watcher.stop()

    def _take_rescan(self) -> bool:
        with self._wake:
            wanted, self._rescan = self._rescan, False
            return wanted

    def _sleep(self, until: float, stop: threading.Event) -> None:
        due = self._library.next_due()
        if self._hints:
            stop.wait(HINT_PAUSE_SECONDS)
        with self._wake:
            wait = min(until, due if due is not None else until) - time.monotonic()
            if not (self._woken or stop.is_set()) and wait > 0:
                self._wake.wait(wait)
            self._woken = False

    # --- everything

    def _look_at_everything(self, stop: threading.Event) -> None:
        roots = self._find_roots()
        self._watch(roots)  # before the scan, so that nothing falls between the two
        self._traits = {root.path: self._traits_of(root) for root in roots}
        if not self._library.roots():
            self._take_roots(roots)  # they are shown while the first scan runs
        scans = [(root, scan_root(root.path, excludes=root.excludes, stopped=stop.is_set)) for root in roots]
        if not stop.is_set():
            with self._library.frozen():  # a file that another root lists from now on is never seen to be gone
                self._take_roots(roots)
                # Roots that are away come first: a file of theirs that is found under another root has moved there.
                for root, result in sorted(scans, key=lambda scan: scan[1].gone is None):
                    self._library.apply(root, result)
            self._believe_claims()
            self._library.started()
            self._index.prune()
            self.scanned.set()

    def _take_roots(self, roots: list[Root]) -> None:
        self._library.set_roots([(root, self._traits[root.path]) for root in roots])

    def _believe_claims(self) -> None:
        """Publish what a web UI or another tool has hashed already: reading a large library takes hours."""
        records = self._library.records()
        if any(record.facts is None and record.job is not None for record in records):
            believed = self._library.believe(find_claims(self._config.models, records, self._config.web_ui_hashes()))
            if believed:
                log.info("%d files are published by hashes that others computed; they are verified later.", believed)

    def _find_roots(self) -> list[Root]:
        """Return the roots; one that was there and is not any more stays, as stale."""
        try:
            roots, notes = self._config.find_roots()
            failed = False
        except RootError as error:
            roots, notes, failed = (), (str(error),), True
        for note in notes:
            log.info("%s", note)
        found = {root.path: root for root in roots}
        known = {root.path: root for root in self._library.roots()}
        for path, kept in self._index.roots(self._config.server_id).items():
            if path not in found and self._is_configured(path) and (failed or not os.path.lexists(path)):
                recalled = Root(path, kept["label"], kept["kind"], kept["shared"], self._config.excludes)
                found[path] = known.get(path, recalled)
        return list(found.values())

    def _is_configured(self, path: str) -> bool:
        """Tell whether a root that was found earlier lies where this agent still looks."""
        places = [named for _, named in self._config.named]
        if self._config.models is not None:
            places.append(os.path.abspath(os.path.expanduser(self._config.models)))
        return any(Path(path).is_relative_to(place) for place in places)

    def _watch(self, roots: list[Root]) -> None:
        if self._watcher is not None and roots == self._watched:
            return
        if self._watcher is not None:
            self._watcher.stop()
        self._watched = roots
        self._watcher = Watcher(roots, self.hint, choices=choices_for(roots), poll_seconds=self._config.poll_seconds)
        self._watcher.start()
        for root in roots:
            choice = self._watcher.choices[root.path]
            if choice.method != "native":
                log.warning("%s is polled: %s. %s", root.path, choice.reason, choice.remedy or "")

    def _traits_of(self, root: Root) -> RootTraits:
        assert self._watcher is not None
        choice = self._watcher.choices[root.path]
        settle = self._config.settle_seconds
        if settle is None:
            settle = NETWORK_SECONDS if choice.network else LOCAL_SECONDS
        return RootTraits(choice.stable_inodes, settle)

    # --- parts

    def _scan(self, root: Root, below: str, stop: threading.Event) -> None:
        result = scan_root(root.path, excludes=root.excludes, below=below, stopped=stop.is_set)
        if not stop.is_set():
            self._library.apply(root, result, below)

    def _look_at_hints(self, stop: threading.Event) -> None:
        with self._wake:
            hints, self._hints = self._hints, {}
        for root in self._library.roots():
            paths = hints.get(root.path, set())
            folders = {""} if paths is None else self._look_at_files(root, paths)
            for folder in _outermost(folders):
                self._scan(root, folder, stop)

    def _look_at_files(self, root: Root, paths: set[str]) -> set[str]:
        """Take in what a stat can tell; return the folders, relative to the root, that need a scan."""
        folders = set()
        for path in paths:
            relative = os.path.relpath(path, root.path).replace(os.sep, "/")
            stem = model_stem(relative)
            if stem is not None:
                self._library.look_beside(root, stem)
                continue
            record = self._library.find(f"{root.label}/{relative}")
            found = stat_file(path) if record is not None and record.root == root else None
            if found is not None:
                self._library.look(root, relative, found)
            elif relative == ".":
                folders.add("")
            elif is_model_file(path) or path.endswith(".aria2") or not os.path.isdir(path):
                folders.add(relative.rpartition("/")[0])
            else:
                folders.add(relative)
        return folders

    def _look_at_due(self, stop: threading.Event) -> None:
        self.following.set()
        try:
            for record in self._library.due():
                found = stat_file(record.path)
                if found is not None:
                    self._library.look(record.root, record.relative, found)
                else:
                    self._scan(record.root, "", stop)  # gone, or the whole folder is away: only a scan can tell
        finally:
            self.following.clear()


def _outermost(folders: set[str]) -> list[str]:
    """Return the folders that lie in none of the others."""
    if "" in folders:
        return [""]
    kept: list[str] = []
    for folder in sorted(folders):
        if not any(folder == outer or folder.startswith(outer + "/") for outer in kept):
            kept.append(folder)
    return kept
