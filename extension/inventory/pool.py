"""A bounded pool of threads that read files: new and small ones first, claims only when nothing else is to do."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum

from ...ecosystems.identify import rules_version
from ...ecosystems.model_types import LORA_TYPES
from .control import HashControl
from .errors import FileChangedError, FileError, HashingCancelledError
from .hashing import FileHashes, hash_file, sample_file
from .identification import identified, identity_of
from .index import Facts
from .progress import Meter
from .scan import LARGEST_INODE, FileStat

log = logging.getLogger(__name__)


class Urgency(IntEnum):
    """Which work goes first; within one urgency the smaller file does."""

    CHECK = 0
    """A sample decides: a few reads."""
    NEW = 1
    """It came while the agent ran: somebody waits for it."""
    BACKLOG = 2
    """It was there when the agent started."""
    IDLE = 3
    """A claim to be verified: done when nothing else is."""
    LATER = 4
    """A tensor hash that nobody has asked for yet: an inventory is complete without it."""


@dataclass(frozen=True)
class Job:
    """One file to be read.

    ``key`` names the content, so that two links to one file are one job. ``kind`` is what the folder is for. ``known``
    maps samples to the facts that hold if the file's sample is that one; only if none matches is the file hashed.
    Where ``facts`` are given, only the header is looked at, to identify the file by today's rules.
    """

    key: Hashable
    path: str
    kind: str
    found: FileStat
    want_tensor_hash: bool
    urgency: Urgency
    stable_inodes: bool = True
    known: dict[str, Facts] = field(default_factory=dict)
    facts: Facts | None = None

    @property
    def counts(self) -> bool:
        """Whether a person waits for it: it belongs into the progress that is shown."""
        return self.facts is None and self.urgency is not Urgency.LATER


Outcome = Facts | FileError


class HashPool:
    """Threads that take jobs in order of urgency and hand each outcome to ``on_done``."""

    def __init__(
        self,
        on_done: Callable[[Job, Outcome], None],
        *,
        workers: int = 2,
        control: HashControl | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the pool; no thread runs before ``start``.

        Args:
            on_done: called from a worker's thread with each finished job: facts, or why there are none.
            workers: how many files are read at once; more than two gain nothing on one disk.
            control: pauses, throttles and cancels the reading.
            monotonic: a clock that never jumps, in seconds.
        """
        self.meter = Meter()
        self.control = control or HashControl()
        self._on_done = on_done
        self._monotonic = monotonic
        self._queue: list[tuple[Urgency, int, int, Hashable]] = []
        self._queued: dict[Hashable, tuple[int, Job]] = {}
        self._running = 0
        self._idle_running = 0
        self._idle_most = max(1, workers - 1)  # so that a new file never waits behind verifications only
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"qm-hash-{n}", daemon=True) for n in range(workers)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Drop what is queued, give up what is being read, and wait for the threads to end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self.control.cancel()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def submit(self, job: Job) -> None:
        """Queue a job; one with the same key that waits is replaced, unless it is more urgent."""
        with self._changed:
            waiting = self._queued.get(job.key)
            if waiting is not None and waiting[1].urgency < job.urgency:
                return
            if job.counts:
                self.meter.queued(job.found.size, self._monotonic())
            if waiting is not None and waiting[1].counts:
                self.meter.dropped(waiting[1].found.size)
            number = next(self._number)
            self._queued[job.key] = (number, job)
            heapq.heappush(self._queue, (job.urgency, job.found.size, number, job.key))
            self._changed.notify()

    def discard(self, key: Hashable) -> None:
        """Drop a job that still waits; one that is being read goes on to its end."""
        with self._changed:
            waiting = self._queued.pop(key, None)
            if waiting is not None and waiting[1].counts:
                self.meter.dropped(waiting[1].found.size)

    def idle(self) -> bool:
        """Tell whether nothing is being read, and nothing queued that an inventory needs."""
        with self._changed:
            return not self._running and all(job.urgency is Urgency.LATER for _, job in self._queued.values())

    def waiting(self) -> int:
        """Return how many files are queued or being read."""
        with self._changed:
            return len(self._queued) + self._running

    def read_next(self) -> bool:
        """Read the next file in the caller's own thread, as a worker would; False where none is queued."""
        job = self._take(wait=False)
        if job is not None:
            self._do(job)
        return job is not None

    def _take(self, *, wait: bool = True) -> Job | None:
        with self._changed:
            while not self._stopping:
                while self._queue:
                    if self._queue[0][0] >= Urgency.IDLE and self._idle_running >= self._idle_most:
                        break
                    _, _, number, key = heapq.heappop(self._queue)
                    waiting = self._queued.get(key)
                    if waiting is not None and waiting[0] == number:  # else: it was replaced or dropped
                        del self._queued[key]
                        self._running += 1
                        self._idle_running += waiting[1].urgency >= Urgency.IDLE
                        return waiting[1]
                if not wait:
                    return None
                self._changed.wait()
            return None

    def _work(self) -> None:
        while (job := self._take()) is not None and self._do(job):
            pass

    def _do(self, job: Job) -> bool:
        """Read a file and hand on what came of it; False where the pool is being stopped."""
        if job.counts:
            self.meter.began(job.path, job.found.size, self._monotonic())
        outcome: Outcome
        try:
            outcome = self._read(job)
        except FileError as error:
            outcome = error
        except HashingCancelledError:
            return False
        finally:
            if job.counts:
                self.meter.ended(job.path, job.found.size, self._monotonic())
        try:
            self._on_done(job, outcome)
        except Exception:
            # This file is found unread by the next scan; the others go on.
            log.exception("What was read of %s could not be kept.", job.path)
        finally:
            with self._changed:
                self._running -= 1
                self._idle_running -= job.urgency >= Urgency.IDLE
                self._changed.notify_all()
        return True

    def _read_bytes(self, job: Job, count: int) -> None:
        self.meter.read(job.path if job.counts else None, count, self._monotonic())

    def _read(self, job: Job) -> Outcome:
        if job.facts is not None:
            return identified(job.facts, job.path, job.kind)
        if job.known:
            facts = job.known.get(sample_file(job.path))
            if facts is not None:
                return facts
        identity = identity_of(job.path, job.kind)
        hashes = hash_file(
            job.path,
            want_tensor_hash=job.want_tensor_hash or identity["kind"] in LORA_TYPES,
            control=self.control.for_file(lambda count: self._read_bytes(job, count)),
            stable_inodes=job.stable_inodes,
        )
        if not _is_what_was_found(hashes, job):
            raise FileChangedError(job.path, "was replaced before it was read")
        return Facts(
            hashes.sha256, hashes.tensor_sha256, sample=hashes.sample, identity=identity, rules=rules_version()
        )


def _is_what_was_found(hashes: FileHashes, job: Job) -> bool:
    """Tell whether the file that was read is the one that was looked at."""
    found = job.found
    same_inode = not job.stable_inodes or hashes.inode & LARGEST_INODE == found.inode
    return same_inode and (hashes.size_bytes, hashes.mtime_ns) == (found.size, found.mtime_ns)
