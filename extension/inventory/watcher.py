"""Watch roots: native events where they arrive, a tick of the clock where they do not.

An event is a hint, never a fact: it says where to look, and the agent's scan of that place says what is there. So
losing one costs time until the next reconcile and nothing else. Polling is a tick as well: watchdog's
``PollingObserver`` keeps a snapshot of the whole tree in memory, reports a mount that is gone as files deleted, and
blocks in ``stat`` on a dead server, while the agent has a rescan of its own that is fast, notices stale roots, and runs
where it may block. The watcher itself touches no file system that is polled.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from watchdog.events import FileSystemEvent

from .mounts import Mount, read_mounts
from .native_watches import Burst, NativeWatches
from .roots import Root
from .watch_method import Choice, choose, exhausted
from .watch_plan import Plan, make_plan
from .watch_survey import count_folders, read_limits, resolve

log = logging.getLogger(__name__)

OnChange = Callable[[Root, "frozenset[str] | None"], None]
"""Called with a root and the files or folders to look at again, as paths below ``root.path``; None: all of it."""

GATHER_SECONDS = 0.2
REPLAN_SECONDS = 0.5
"""A new folder or link is followed after this long: one walk through the roots for many that come together."""
MOUNTS_SECONDS = 5.0
"""The mount table is read so often; on macOS that takes a process."""
MAX_PATHS = 1000
"""More changed paths than these in one root are worth a rescan of it."""


class Watcher:
    """Calls ``on_change`` from one thread of its own until it is stopped.

    ``choices`` (by root path, see ``watch_survey.choices_for``) say which roots are watched natively. When the
    system refuses that, the root is polled, and ``choices`` of this object say why. ``on_change`` should only take
    note: whatever takes long, or may block on a dead server, belongs into another thread.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        on_change: OnChange,
        *,
        choices: Mapping[str, Choice],
        poll_seconds: float = 60.0,
        check_seconds: float = 2.0,
    ) -> None:
        self.choices = dict(choices)
        self._roots = tuple(roots)
        self._on_change = on_change
        self._poll_seconds = poll_seconds
        self._check_seconds = check_seconds
        self._watches = NativeWatches(self._take)
        self._plan = Plan()
        self._mounts: tuple[Mount, ...] = ()
        self._next_mounts = 0.0
        self._lock = threading.Lock()
        self._pending: dict[Root, set[str] | None] = {}
        self._outdated: set[str] = set()
        self._burst = Burst()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quartermaster-watch", daemon=True)

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch; what changes after this returns is noticed."""
        self._mounts = read_mounts()
        if self._native():
            try:
                self._watches.open()
            except OSError as error:
                self._refused(self._native(), error)
        self._replan()
        self._thread.start()

    def stop(self) -> None:
        """Stop all threads; returns when they have ended. May be repeated."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._watches.close()

    def watched(self) -> tuple[str, ...]:
        """Return the real folders that are under native watch now, each with all beneath it."""
        return self._watches.folders()

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        next_check = time.monotonic() + self._check_seconds
        next_poll = time.monotonic() + self._poll_seconds
        while not self._stopped.is_set():
            self._wake.wait(max(0.0, min(next_check, next_poll) - time.monotonic()))
            if self._wake.is_set():
                self._stopped.wait(GATHER_SECONDS)
                self._wake.clear()
            now = time.monotonic()
            try:
                if now >= next_poll:
                    next_poll = now + self._poll_seconds
                    self._tick()
                if now >= next_check:
                    next_check = now + self._check_seconds
                    self._check()
                elif self._outdated:
                    next_check = min(next_check, now + REPLAN_SECONDS)
                self._deliver()
            except Exception:
                # A fault here must not end the watching of all roots; the reconcile repairs what this round missed.
                log.exception("a round of watching failed")

    def _deliver(self) -> None:
        for root in self._roots:
            with self._lock:
                if self._stopped.is_set() or root not in self._pending:
                    continue
                paths = self._pending.pop(root)
            self._on_change(root, None if paths is None else frozenset(paths))

    def _tick(self) -> None:
        """Have the roots looked at whose file systems send no events."""
        self._rescan(root for root in self._roots if self.choices[root.path].method == "polling")
        with self._lock:
            for view in self._plan.polled:
                self._add(view.root, view.shown)

    def _check(self) -> None:
        """Notice what sends no event: a root that was replaced, came back or is gone, and a watch that has died."""
        with self._lock:
            outdated, self._outdated = self._outdated, set()
            burst = self._burst.is_over()
        broken = self._watches.broken() | set(self._watches.folders() if burst else ()) | outdated
        for folder in broken.intersection(self._watches.folders()):
            self._watches.remove(folder)
            self._rescan(self._plan.roots_in(folder))
        mounted = self._look_at_mounts()
        shown = {view.root: view.real for view in self._plan.views if not view.link}
        moved = [root for root in self._native() if shown.get(root) != _existing(resolve(root.path, self._mounts))]
        self._rescan(moved)
        if broken or moved or mounted:
            self._replan()

    def _look_at_mounts(self) -> bool:
        """Say whether the mounts changed; a root on which a network file system was mounted is polled from now on."""
        now = time.monotonic()
        if now < self._next_mounts:
            return False
        self._next_mounts = now + MOUNTS_SECONDS
        before, self._mounts = self._mounts, read_mounts()
        if self._mounts == before:
            return False
        for root in self._native():
            choice = choose(resolve(root.path, self._mounts), self._mounts, sys.platform)
            if choice.method == "polling":
                self._poll(root, choice)
        return True

    # -- watches ------------------------------------------------------------------------------------------------

    def _native(self) -> list[Root]:
        return [root for root in self._roots if self.choices[root.path].method == "native"]

    def _replan(self) -> None:
        """Bring the watches in line with what the roots and their links lead to now."""
        known = {view.shown for view in self._plan.views}
        while not self._follow(make_plan(self._native(), self._mounts)):
            pass  # some roots are polled from now on, which leaves fewer to plan for
        with self._lock:
            for view in self._plan.views:
                if known and view.shown not in known:
                    self._add(view.root, view.shown)  # it may have filled before it was watched

    def _follow(self, plan: Plan) -> bool:
        """Watch what a plan says; where the system refuses, have the roots concerned polled and return False."""
        with self._lock:
            self._plan = plan
        watched = set(self._watches.folders())
        for folder in watched.difference(plan.folders()):
            self._watches.remove(folder)
        for folder in plan.folders():
            if folder not in watched:
                try:
                    self._watches.add(folder)
                except OSError as error:
                    self._refused(plan.roots_in(folder), error)
                    return False
        return True

    def _refused(self, roots: Iterable[Root], error: OSError) -> None:
        for root in roots:
            limits = replace(read_limits(), folders=count_folders(root, 1_000_000))
            self._poll(root, exhausted(self.choices[root.path], error, limits))

    def _poll(self, root: Root, choice: Choice) -> None:
        self.choices[root.path] = choice
        told = f"{choice.reason}. {choice.remedy}" if choice.remedy else choice.reason
        log.warning("%s is polled every %g s: %s", root.path, self._poll_seconds, told)
        self._rescan([root])

    # -- events -------------------------------------------------------------------------------------------------

    def _take(self, event: FileSystemEvent) -> None:
        """Note an event; called from watchdog's thread."""
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        with self._lock:
            if self._burst.count():
                self._pending.update(dict.fromkeys(self._native()))
            for path in paths:
                shown = [(view.root, name) for view in self._plan.views if (name := view.translate(path)) is not None]
                for root, name in shown:
                    self._add(root, name)
                if shown and self._alters_the_plan(event, path):
                    self._outdated |= self._watches.around(path)
        self._wake.set()

    def _alters_the_plan(self, event: FileSystemEvent, path: str) -> bool:
        """Say whether other folders must be watched after an event.

        That is so where a link came or went. And watchdog before 7 does not watch what is beneath a folder that was
        moved in, which it does not tell from one that was made.
        """
        if event.event_type in {"created", "moved"} and (event.is_directory or os.path.islink(path)):
            return True
        return event.event_type in {"deleted", "moved"} and path in self._plan.links()

    def _rescan(self, roots: Iterable[Root]) -> None:
        with self._lock:
            self._pending.update(dict.fromkeys(roots))

    def _add(self, root: Root, path: str) -> None:
        paths = self._pending.setdefault(root, set())
        if paths is not None:
            paths.add(path)
            if len(paths) > MAX_PATHS:
                self._pending[root] = None


def _existing(folder: str) -> str | None:
    return folder if os.path.isdir(folder) else None
