"""The agent: one server's library, kept equal to its disk and to the hub by a handful of threads.

One thread looks at the disk (scans, settled files, hints of the watcher), the pool's threads read files, one thread
talks to the hub. Each hands its findings to the library or the ledger and waits for nothing else, so that a hub that
is away stops no hashing and a disk that hangs stops no heartbeat. Everything is saved as it happens: a kill at any
moment loses only work.
"""

import platform
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import requests

from .._version import VERSION
from ..hub_client import NO_RETRY, HubClient, Sender
from .catalogue import CatalogueKeeper
from .config import AgentConfig
from .correction_teller import CorrectionTeller
from .corrections import Corrections
from .disk_space import DiskSpaces
from .hub_words import HubWords
from .inventory.control import HashControl
from .inventory.index import Index
from .inventory.library import Library
from .inventory.pool import HashPool
from .inventory.progress import Progress
from .inventory.record import Record
from .inventory.watcher import Watcher
from .jobs.runner import NO_JOBS, Runner
from .jobs.setting_up import make_runner
from .ledger import Ledger
from .lock import FileLock
from .looker import Looker
from .paths import make_private
from .status_file import keep_writing, lock_path, status_path
from .sync import Syncer

INDEX_NAME = "index.sqlite"
MOST_ROOTS_TOLD = 50
READY_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class World:
    """What an agent has around it; a test that steps an agent by hand puts its own in its place.

    ``wall`` is the wall clock in seconds since the epoch, ``monotonic`` a clock that never jumps, ``draw`` the jitter
    between 0 and 1, ``watch`` makes the watcher, and ``session`` carries the requests to the hub.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random
    watch: Callable[..., Watcher] = Watcher
    session: requests.Session | None = None


@dataclass(frozen=True)
class Quiet:
    """Why there is nothing left to do, or what there is: for ``--once`` and for tests."""

    scanned: bool
    settled: bool
    hashed: bool

    @property
    def done(self) -> bool:
        """Tell whether the inventory is complete."""
        return self.scanned and self.settled and self.hashed


class Agent:
    """The agent of one server; ``start`` it once, ``stop`` it once."""

    def __init__(self, config: AgentConfig, world: World | None = None) -> None:
        """Take the server's lock and open the index; nothing runs yet.

        Raises:
            AlreadyRunningError: another agent of this server runs on this machine.
            OSError, sqlite3.Error: the data folder, or the index in it, cannot be used.
            HubError: the hub's address or key cannot be used.
        """
        self.config = config
        self._world = world = world or World()
        self._stop = threading.Event()
        make_private(config.home)
        with ExitStack() as undo:
            self._lock = FileLock(lock_path(config.home, config.server_id))
            undo.callback(self._lock.release)
            self.index = Index(config.home / INDEX_NAME, now=world.wall)
            undo.callback(self.index.close)
            self.ledger = Ledger(self._ledger_changed)
            self.control = HashControl(mib_per_second=config.mib_per_second)
            self.pool = HashPool(self._read_done, workers=config.workers, control=self.control)
            self.corrections = Corrections(config.home)
            self.hub_words = HubWords(config.home, config.hub, config.server_id) if config.hub else None
            self.library = Library(
                config.server_id,
                self.index,
                self.pool,
                self._record_changed,
                never_share=config.never_share,
                clock_ns=lambda: int(world.wall() * 1e9),
                monotonic=world.monotonic,
                correction=self._correction,
            )
            self.looker = Looker(config, self.library, self.index, watch=world.watch, monotonic=world.monotonic)
            self.syncer = self._make_syncer()
            self.runner = self._make_runner()
            undo.pop_all()
        self._threads = [threading.Thread(target=self.looker.run, args=(self._stop,), name="qm-disk", daemon=True)]
        path = status_path(config.home, config.server_id)
        self.disks = DiskSpaces(lambda: [(root.label, root.path) for root in self.library.roots()[:MOST_ROOTS_TOLD]])
        self._platform = platform.platform(terse=True)
        measuring = threading.Thread(target=self.disks.run, args=(self._stop,), name="qm-disks", daemon=True)
        self._reporter = threading.Thread(
            target=keep_writing, args=(path, self.status, self._stop), name="qm-status", daemon=True
        )
        if self.syncer is not None:
            self._threads.append(threading.Thread(target=self._talk, args=(self.syncer,), name="qm-sync", daemon=True))
            self._threads.append(measuring)

    def _make_syncer(self) -> Syncer | None:
        config = self.config
        if config.hub is None:
            return None
        client = HubClient(
            config.hub,
            config.credentials,
            retry=NO_RETRY,
            stop=self._stop,
            session=self._world.session,
            ca_file=config.ca_file,
        )
        return Syncer(
            client,
            config.server_id,
            Sender(self.index.agent_id(config.server_id)),
            self.library,
            self.ledger,
            describe=self._description,
            on_request=self._requested,
            on_catalogue=CatalogueKeeper(config.home).keep_up,
            on_talked=CorrectionTeller(self.corrections).tell,
            on_news=self._hear,
            debounce_seconds=config.debounce_seconds,
            heartbeat_seconds=config.heartbeat_seconds,
            draw=self._world.draw,
            wall=self._world.wall,
            monotonic=self._world.monotonic,
        )

    def _make_runner(self) -> Runner | None:
        if self.syncer is None or self.config.jobs is None:
            return None
        return make_runner(self.config, self.library, self.looker, self.syncer)

    def _description(self) -> dict[str, Any]:
        """Return what the hub is told of this agent: labels of folders, never where they are."""
        away = self.library.stale_roots()
        roots = self.library.roots()[:MOST_ROOTS_TOLD]
        return {
            "version": VERSION,
            "platform": self._platform,
            "python": platform.python_version(),
            "roots": [
                {"label": root.label, "type": root.kind, **({"away": True} if root.path in away else {})}
                for root in roots
            ],
            "disks": [
                {"roots": list(disk.roots), "free": disk.free_bytes, "total": disk.total_bytes}
                for disk in self.disks.last
            ],
            "hashing": self.pool.waiting(),
            "problems": len(self.library.problems()),
            "jobs": self.runner.described() if self.runner is not None else NO_JOBS,
        }

    # --- life

    def start(self, *, talk: bool = True) -> None:
        """Begin to work; with ``talk=False`` the hub is told nothing until ``Syncer.round`` is called."""
        self.pool.start()
        self._reporter.start()
        for thread in self._threads:
            if talk or thread.name != "qm-sync":
                thread.start()
        if self.runner is not None and talk:
            self.runner.start()

    def _talk(self, syncer: Syncer) -> None:
        """Tell the hub, but only what was seen: before the first look is over, nothing is known of any file, and saying
        so would take the whole inventory from the hub at each restart."""
        while not self.looker.scanned.wait(READY_POLL_SECONDS):
            if self._stop.is_set():
                return
        syncer.run(self._stop)

    def stop(self) -> None:
        """Stop in order: within seconds, whatever is being read or waited for. A job that runs is handed back."""
        if self.runner is not None:
            self.runner.stop()
        self._stop.set()
        self.looker.wake()
        self.pool.stop()
        if self.syncer is not None:
            self.syncer.hurry()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=10)
        if self.syncer is not None:
            if self.syncer.state.last_sync is not None:
                self.syncer.leave()
            self.syncer.client.close()
        if self._reporter.ident is not None:
            self._reporter.join()
        self.index.close()
        self._lock.release()

    # --- what it knows

    def quiet(self) -> Quiet:
        """Tell whether the inventory is complete."""
        scanned = self.looker.scanned.is_set()
        settled = self.library.settled() and not self.looker.following.is_set()
        hashed = self.pool.idle()
        # Asked once more: a file that changed while it was read has been waiting again since before the pool was idle.
        return Quiet(scanned, settled and self.library.settled(), hashed)

    def progress(self) -> Progress:
        """Return how far the hashing is."""
        return self.pool.meter.look(time.monotonic())

    def status(self) -> dict[str, Any]:
        """Return what a person wants to know of this agent, as JSON-ready values."""
        digest, count = self.ledger.state()
        claimed = sum(r.facts is not None and r.facts.hash_state == "claimed" for r in self.library.records())
        sync = self.syncer.state if self.syncer is not None else None
        stale = self.library.stale_roots()
        choices = self.looker.choices()
        return {
            "server_id": self.config.server_id,
            "version": VERSION,
            "roots": [
                {
                    "label": root.label,
                    "path": root.path,
                    "type": root.kind,
                    "shared": root.shared,
                    "stale": stale.get(root.path),
                    "method": choices[root.path].method if root.path in choices else None,
                    "reason": choices[root.path].reason if root.path in choices else None,
                }
                for root in self.library.roots()
            ],
            "models": count,
            "digest": digest,
            "queue": self.pool.waiting(),
            "bytes_read": self.pool.meter.bytes_read_ever,
            "problems": len(self.library.problems()),
            "wrong_claims": self.library.wrong_claims,
            "claimed": claimed,
            "hub": self.config.hub,
            "in_sync": self.syncer.complete() if self.syncer else None,
            "last_sync": sync.last_sync if sync else None,
            "unsent": self.ledger.dirty_count(),
            "error": sync.error if sync else None,
            "jobs": {**self.runner.described(), "state": self.runner.doing.state} if self.runner is not None else None,
        }

    # --- what its parts say to each other

    def _record_changed(self, record: Record) -> None:
        entry = record.entry()
        if entry is None:
            self.ledger.drop(record.name)
        else:
            self.ledger.put(record.name, entry.digest())

    def _correction(self, sha256: str) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
        said = self.corrections.get(sha256)
        return said.applied if said is not None else None

    def _hear(self, client: HubClient, news: int) -> None:
        if self.hub_words is not None:
            records = self.library.records()
            here = {record.facts.sha256: None for record in records if record.facts is not None}
            self.hub_words.keep_up(client, news, here)

    def _ledger_changed(self) -> None:
        if self.syncer is not None:
            self.syncer.dirty()

    def _read_done(self, job: Any, outcome: Any) -> None:
        self.library.read_done(job, outcome)
        self.looker.wake()

    def _requested(self, request: str) -> None:
        if request == "rescan":
            self.looker.rescan()


def wait_until(condition: Callable[[], bool], stop: threading.Event, poll_seconds: float = 0.05) -> bool:
    """Wait for a condition that nothing announces; return False when ``stop`` was set first."""
    while not condition():
        if stop.wait(poll_seconds):
            return False
    return True
