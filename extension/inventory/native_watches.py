"""Folders under native watch, recursively: a thin layer over watchdog that knows where watchdog's versions fall short.

Web UIs bring watchdog 4 to 7. Before 7 it hides an overflow of inotify's queue, and does not watch what is beneath a
folder that was moved in; 7 leaves sub-folders out, and does not say, where inotify's limit is reached.
"""

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from watchdog import events as watchdog_events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from .watch_plan import is_within

PROBES = sys.platform.startswith("linux")
BURST_EVENTS = 8192
BURST_SECONDS = 10.0
"""So many events in so short a time may have overflown inotify's queue (16,384 by default)."""

_WANTED = (
    "FileCreatedEvent FileDeletedEvent FileModifiedEvent FileMovedEvent FileClosedEvent FileAttribEvent "
    "DirCreatedEvent DirDeletedEvent DirMovedEvent"
)
"""Without those for opening and reading a file: hashing a library would flood us with them. Not every version of
watchdog has each of these."""


@dataclass(frozen=True)
class _Watch:
    """A folder under watch; its identity tells when another folder has taken its place."""

    observed: ObservedWatch
    identity: tuple[int, int] | None


class NativeWatches:
    """Watches folders and passes each event to ``take``, from a thread of watchdog's."""

    def __init__(self, take: Callable[[FileSystemEvent], None]) -> None:
        self._handler = _Handler(take)
        self._observer: BaseObserver | None = None
        self._watches: dict[str, _Watch] = {}
        self._lock = threading.Lock()

    def open(self) -> None:
        """Get ready to watch.

        Raises:
            OSError: the system has no instance of its event service left.
        """
        # watchdog 7 warns when folders come faster than it walks them; it only means that one was seen twice.
        warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)
        observer = Observer()
        observer.start()
        self._observer = observer

    def close(self) -> None:
        """End all watches and threads; may be repeated."""
        if self._observer is not None:
            self._observer.unschedule_all()
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def folders(self) -> tuple[str, ...]:
        """Return the folders under watch."""
        with self._lock:
            return tuple(sorted(self._watches))

    def around(self, path: str) -> set[str]:
        """Return the folders under watch that a path lies in."""
        return {folder for folder in self.folders() if is_within(path, folder)}

    def add(self, folder: str) -> None:
        """Watch a folder and all beneath it.

        Raises:
            OSError: the system refuses, or would leave some of it out.
        """
        assert self._observer is not None
        wanted = [getattr(watchdog_events, name, None) for name in _WANTED.split()]
        if sys.platform == "darwin":
            wanted.append(watchdog_events.DirModifiedEvent)  # FSEvents may name only the folder
        identity = _identity(folder)
        kinds = [kind for kind in wanted if kind]
        observed = self._observer.schedule(self._handler, folder, recursive=True, event_filter=kinds)
        try:
            self._probe(self._observer)
        except OSError:
            self._observer.unschedule(observed)
            raise
        with self._lock:
            self._watches[folder] = _Watch(observed, identity)

    def remove(self, folder: str) -> None:
        """Watch a folder no more."""
        with self._lock:
            watch = self._watches.pop(folder)
        if self._observer is not None and watch.observed in {emitter.watch for emitter in self._observer.emitters}:
            self._observer.unschedule(watch.observed)

    def broken(self) -> set[str]:
        """Return the folders whose watch has died, or that are not the folder any more that was put under watch."""
        if self._observer is None:
            return set()
        alive = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()}
        with self._lock:
            watches = dict(self._watches)
        return {
            folder
            for folder, watch in watches.items()
            if watch.observed not in alive or watch.identity != _identity(folder)
        }

    def _probe(self, observer: BaseObserver) -> None:
        """Raise OSError where not one more folder could be watched: then some of the last may have been left out."""
        if PROBES:
            observer.unschedule(observer.schedule(_Handler(lambda _event: None), os.sep))


class Burst:
    """Counts events to tell when so many came at once that some may be missing. Not locked."""

    def __init__(self) -> None:
        self._since = self._latest = 0.0
        self._events = 0
        self._full = False

    def count(self) -> bool:
        """Count one event; True for the one that fills the measure."""
        now = self._latest = time.monotonic()
        if now - self._since > BURST_SECONDS:
            self._since, self._events = now, 0
        self._events += 1
        self._full = self._full or self._events == BURST_EVENTS
        return self._events == BURST_EVENTS

    def is_over(self) -> bool:
        """Say once, a second after a burst's last event (or when its time is up), that one was there."""
        now = time.monotonic()
        over = self._full and (now - self._latest > 1.0 or now - self._since > BURST_SECONDS)
        self._full = self._full and not over
        return over


class _Handler(FileSystemEventHandler):
    """Passes every event on, whatever its type."""

    def __init__(self, take: Callable[[FileSystemEvent], None]) -> None:
        self._take = take

    def dispatch(self, event: FileSystemEvent) -> None:
        self._take(event)


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
