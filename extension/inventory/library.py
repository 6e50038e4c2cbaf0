"""The library: every model file below a server's roots, kept equal to the disk and to the index.

It is told what scans and hashes found, decides with ``identity`` and ``settle`` what that means, and says what is to be
done: which files to read, which entries changed. It starts no thread and never blocks on a file: the pool reads, the
agent scans, both hand their results in here. All methods may be called from any thread.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from ...ecosystems.model_types import LORA_TYPES
from . import identity
from .completeness import is_safetensors_name
from .errors import FileChangedError, FileError, FileVanishedError, UnreadableFileError
from .identification import is_current
from .identity import Match
from .index import Facts, Index, Row
from .kinds import kind_of
from .pool import Job, Outcome, Urgency
from .problems import Problem
from .record import Record
from .roots import Root, lies_within
from .scan import FileStat, ScanResult
from .settle import LOCAL_SECONDS, Settling

log = logging.getLogger(__name__)

Identifier: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class RootTraits:
    """What the file system of a root is like."""

    stable_inodes: bool = True
    settle_seconds: float = LOCAL_SECONDS


class Work(Protocol):
    """Whatever reads files: a ``HashPool``."""

    def submit(self, job: Job) -> None:
        """Queue a job."""

    def discard(self, key: Hashable) -> None:
        """Drop a job that still waits; one that runs is left to end."""


class Library:
    """The records of one server, by root."""

    def __init__(
        self,
        server_id: str,
        index: Index,
        work: "Work",
        on_change: Callable[[Record], None],
        *,
        never_share: tuple[str, ...] = (),
        correction: Callable[[str], Identifier | None] = lambda sha256: None,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty library.

        Args:
            server_id: whose roots these are; what is kept of them is kept under this name.
            index: the machine's index.
            work: takes files that are to be read, and takes them back.
            on_change: told of every record whose entry may have changed, one that was removed included (its
                ``facts`` are None then). Called with the library locked: it must be quick and not call back.
            correction: by SHA-256, what puts a person's correction on top of an identification, or None.
            never_share: folders whose models are listed, but never sent to another server.
            clock_ns: the wall clock; monotonic: a clock that never jumps, in seconds.
        """
        self.server_id = server_id
        self.index = index
        self._work = work
        self._on_change = on_change
        self._never_share = never_share
        self._correction = correction
        self._clock_ns = clock_ns
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._records: dict[str, dict[str, Record]] = {}
        self._roots: dict[str, Root] = {}
        self._traits: dict[str, RootTraits] = {}
        self._volumes: dict[str, set[str]] = {}
        self._gone: dict[str, str] = {}
        self._problems: dict[str, list[Problem]] = {}
        self._jobs: dict[Hashable, list[Record]] = {}
        self._settling = Settling()
        self._due: dict[tuple[str, str], float] = {}
        self._started = False
        self.wrong_claims = 0

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the library from changing while several of its answers must be of one moment."""
        with self._lock:
            yield

    # --- what stands in it

    def roots(self) -> list[Root]:
        """Return the roots as they are now."""
        with self._lock:
            return list(self._roots.values())

    def records(self) -> list[Record]:
        """Return all records, published or not."""
        with self._lock:
            return [record for below in self._records.values() for record in below.values()]

    def find(self, name: str) -> Record | None:
        """Return the record of a published path."""
        with self._lock:
            for root in self._roots.values():
                if name.startswith(root.label + "/"):
                    record = self._records[root.path].get(name[len(root.label) + 1 :])
                    if record is not None:
                        return record
            return None

    def problems(self) -> list[Problem]:
        """Return what is passed over, and why: of the last scan of each root, and files that wait."""
        with self._lock:
            found = [problem for problems in self._problems.values() for problem in problems]
            found += [Problem(r.path, r.waiting) for r in self.records() if r.waiting is not None]
            return found

    def stale_roots(self) -> dict[str, str]:
        """Return root path -> why it cannot be looked at."""
        with self._lock:
            return dict(self._gone)

    # --- roots

    def set_roots(self, roots: Iterable[tuple[Root, RootTraits]]) -> None:
        """Take these roots and no others. A root that was known and is not named any more loses its records.

        A new root's files come with its first ``apply``; until then, what the index holds below it is shown as stale
        only if that scan fails.
        """
        with self._lock:
            wanted = {root.path: (root, traits) for root, traits in roots}
            for path in [path for path in self._roots if path not in wanted or wanted[path][0] != self._roots[path]]:
                for relative in list(self._records[path]):
                    self._remove(path, relative)
                del self._roots[path], self._records[path]
                self._gone.pop(path, None)
                self._problems.pop(path, None)
            for path, (root, traits) in wanted.items():
                self._roots[path] = root
                self._traits[path] = traits
                self._records.setdefault(path, {})
            kept = self.index.roots(self.server_id)
            for path in self._roots:
                if path not in self._volumes:
                    self._volumes[path] = set(kept.get(path, {}).get("volumes", []))

    # --- scans

    def apply(self, root: Root, result: ScanResult, below: str = "") -> None:
        """Take in what a scan of a root, or of its folder ``below``, found."""
        with self._lock:
            if self._roots.get(root.path) != root:
                return  # the roots changed while the scan ran
            records = self._records[root.path]
            first = not records
            rows = self.index.below(root.path) if first else {}
            away = self._away(root, result, below)
            if first and away:
                self._recall(root, rows, away)
            for relative, found in result.files.items():
                self._take(root, relative, found, rows)
            gone = []
            for relative in [r for r in records if r not in result.files and _is_below(r, below)]:
                if _is_away(relative, away):
                    self._mark_stale(records[relative], stale=True)
                else:
                    gone.append(self._remove(root.path, relative))
            paths = {record.path for record in gone}
            if first:
                known = {os.path.join(root.path, *relative.split("/")) for relative in records}
                # Another agent may list what this one excludes: only what is not on the disk went away.
                paths |= {path for path in rows if not away and path not in known and not os.path.lexists(path)}
            if paths:
                self.index.mark_gone(paths)
            if not below:
                self._problems[root.path] = result.problems
                self._remember(root, result, away)

    def _away(self, root: Root, result: ScanResult, below: str) -> set[str]:
        """Return the folders of which nothing can be said: unreadable ones, and volumes that are not mounted."""
        away = set(result.unreadable)
        volumes = self._volumes.get(root.path, set())
        for folder in volumes:
            if folder in result.volumes or not _is_below(folder, below):
                continue
            prefix = folder + "/" if folder else ""
            if not any(relative.startswith(prefix) for relative in result.files):
                away.add(folder)
        if not below:
            reason = result.gone or ("its volume is not mounted" if "" in away else None)
            if reason is None:
                if self._gone.pop(root.path, None) is not None:
                    log.warning("The folder %s is back.", root.path)
            elif root.path not in self._gone:
                log.warning("The folder %s cannot be looked at: %s. Its models are kept as stale.", root.path, reason)
                self._gone[root.path] = reason
        return away

    def _remember(self, root: Root, result: ScanResult, away: set[str]) -> None:
        """Keep which folders are volumes of their own, so that an unmounted one is known after a restart too."""
        volumes = set(result.volumes) | {v for v in self._volumes.get(root.path, set()) if v in away}
        kept = {"label": root.label, "kind": root.kind, "shared": root.shared, "volumes": sorted(volumes)}
        if self.index.roots(self.server_id).get(root.path) != kept:
            self.index.keep_root(self.server_id, root.path, kept)
        self._volumes[root.path] = volumes

    def _recall(self, root: Root, rows: dict[str, Row], away: set[str]) -> None:
        """Bring back, as stale, what the index holds of folders that cannot be looked at now."""
        for row in rows.values():
            relative = os.path.relpath(row.path, root.path).replace(os.sep, "/")
            if _is_away(relative, away):
                found = FileStat(row.size, row.mtime_ns, row.inode, 0, row.changed_ns, False)
                record = self._add(root, relative, found)
                self._set_facts(record, row.facts)
                record.stale = True
                self._on_change(record)

    def look(self, root: Root, relative: str, found: FileStat | None) -> None:
        """Take in one file's stat (None: it is not there, although its folder is)."""
        with self._lock:
            if self._roots.get(root.path) != root:
                return
            if found is not None:
                self._take(root, relative, found, {})
            elif relative in self._records[root.path]:
                self.index.mark_gone([self._remove(root.path, relative).path])

    def believe(self, claims: Mapping[str, Facts]) -> int:
        """Publish what is claimed of files that were not read yet; verifying them waits until nothing else is to do.

        Args:
            claims: path -> facts with the hash state ``claimed``.

        Returns:
            how many files are published by it.
        """
        believed = 0
        with self._lock:
            for record in self.records():
                facts = claims.get(record.path)
                if facts is not None and record.facts is None and record.job is not None:
                    self._drop_job(record)
                    self._know(record, facts)
                    believed += 1
        return believed

    # --- files that wait

    def due(self) -> list[Record]:
        """Return the records whose settle time should be over: they are to be looked at again."""
        with self._lock:
            now = self._monotonic()
            ripe = [key for key, at in self._due.items() if at <= now]
            for key in ripe:
                del self._due[key]
            found = [self._records.get(path, {}).get(relative) for path, relative in ripe]
            return [record for record in found if record is not None]

    def next_due(self) -> float | None:
        """Return the monotonic time at which the next file will have settled, or None."""
        with self._lock:
            return min(self._due.values(), default=None)

    def settled(self) -> bool:
        """Tell whether no file waits for its writer; a download, which may take hours or never end, does not count."""
        with self._lock:
            waiting = (self._records.get(path, {}).get(relative) for path, relative in self._due)
            return all(record is None or record.found.busy for record in waiting)

    # --- one file

    def _take(self, root: Root, relative: str, found: FileStat, rows: dict[str, Row]) -> None:
        record = self._records[root.path].get(relative)
        if record is None:
            record = self._add(root, relative, found)
            row = rows.get(record.path) or (None if rows else self.index.get(record.path))
            self._judge(record, row)
            return
        if record.stale:
            self._mark_stale(record, stale=False)
        if record.found == found or (record.found[:3] == found[:3] and record.found[4:] == found[4:]):
            record.found = found
            if record.facts is None and record.job is None and (record.waiting is None or record.retry):
                self._wait_or_read(record)
            return
        row = self.index.get(record.path) if record.facts is not None else None
        self._drop_job(record)
        record.found = found
        self._judge(record, row)

    def _add(self, root: Root, relative: str, found: FileStat) -> Record:
        record = Record(root, relative, kind_of(root, relative), found)
        if self._never_share:
            record.shared = not lies_within(record.path, self._never_share)
        self._records[root.path][relative] = record
        return record

    def _judge(self, record: Record, row: Row | None) -> None:
        """Decide what a new or changed stat means for what is known of the file."""
        stable = self._traits[record.root.path].stable_inodes
        found = record.found
        if row is not None:
            match = identity.match_in_place(found, row, stable_inodes=stable)
            if match is not Match.OTHER:
                self._know(record, row.facts, save=row.gone or (match is Match.SAME and row.inode != found.inode))
                if match is Match.CHECK:
                    self._read(record, Urgency.CHECK, {row.facts.sample or "": row.facts})
                return
        rows = self.index.with_inode(found) if stable else self.index.with_stat(found)
        match, rows = identity.match_elsewhere(found, rows, stable_inodes=stable)
        if match is Match.SAME and not found.busy:
            self._know(record, rows[0].facts)
            self._moved(record, rows)
            return
        if record.facts is not None:
            record.facts = None
            self._on_change(record)
        self._wait_or_read(record, {row.facts.sample or "": row.facts for row in rows})

    def _moved(self, record: Record, rows: Iterable[Row]) -> None:
        """Drop the records of folders that are away whose very file was found here: it moved, nothing is unmounted."""
        for path in {row.path for row in rows} - {record.path}:
            for root in self._roots.values():
                if path.startswith(os.path.join(root.path, "")):
                    relative = os.path.relpath(path, root.path).replace(os.sep, "/")
                    before = self._records[root.path].get(relative)
                    if before is not None and before.stale:
                        self.index.mark_gone([self._remove(root.path, relative).path])

    def _wait_or_read(self, record: Record, known: dict[str, Facts] | None = None) -> None:
        key = (record.root.path, record.relative)
        record.retry = False
        if record.found.size == 0:
            record.waiting = "it is empty"
            return
        settle = self._settle_seconds(record)
        now = self._monotonic()
        wait = self._settling.wait_seconds(key, record.found, settle, wall_ns=self._clock_ns(), monotonic=now)
        if record.found.busy:
            record.waiting = "a download of it is under way (an .aria2 file stands beside it)"
            wait = max(wait, settle)
        if wait > 0:
            if not record.found.busy:
                record.waiting = "it was written to just now; it is read once it has been left alone"
            self._due[key] = now + wait
            record.retry = True
            return
        self._due.pop(key, None)
        record.waiting = None
        self._read(record, Urgency.NEW if self._started else Urgency.BACKLOG, known or {})

    def _read(
        self, record: Record, urgency: Urgency, known: Mapping[str, Facts] | None = None, facts: Facts | None = None
    ) -> None:
        found = record.found
        key = (found.device, found.inode, found.size, found.mtime_ns, record.path if not found.inode else "")
        self._drop_job(record)
        record.job = key
        waiting = self._jobs.setdefault(key, [])
        waiting.append(record)
        wants = urgency >= Urgency.IDLE or any(r.kind in LORA_TYPES for r in waiting)
        stable = self._traits[record.root.path].stable_inodes
        self._work.submit(Job(key, record.path, record.kind, found, wants, urgency, stable, dict(known or {}), facts))

    def read_done(self, job: Job, outcome: Outcome) -> None:
        """Take in what reading a file gave: facts, or why there are none."""
        with self._lock:
            records = self._jobs.pop(job.key, [])
            self._work.discard(job.key)  # a second link to the file may have queued it once more
            for record in records:
                record.job = None
            if isinstance(outcome, Facts):
                merged = [(record, self._merged(record, outcome)) for record in records]
                self.index.put_all([(record.path, record.found, facts) for record, facts in merged])
                for record, facts in merged:
                    self._know(record, facts, save=False)
                return
            for record in records:
                self._failed(record, outcome)

    def _failed(self, record: Record, error: FileError) -> None:
        if record.facts is not None:
            record.facts = None
            self.index.forget([record.path])
            self._on_change(record)
        if isinstance(error, FileVanishedError):
            return  # the next event or scan says so
        if isinstance(error, FileChangedError):
            self._due[(record.root.path, record.relative)] = self._monotonic() + self._settle_seconds(record)
            return
        if record.waiting != error.reason:
            log.warning("%s is not published: %s", record.path, error.reason)
        record.waiting = error.reason
        record.retry = isinstance(error, UnreadableFileError)

    def _settle_seconds(self, record: Record) -> float:
        return self._traits[record.root.path].settle_seconds

    def _know(self, record: Record, facts: Facts, *, save: bool = True) -> None:
        before = record.facts
        record.waiting = None
        self._set_facts(record, facts)
        if save:
            self.index.put(record.path, record.found, facts)
        if before is not None and before.sha256 != facts.sha256 and before.hash_state == "claimed":
            log.warning(
                "%s: %s said its SHA-256 is %s…, it is %s…", record.path, before.source, before.sha256[:10],
                facts.sha256[:10],
            )  # fmt: skip
            self.wrong_claims += 1
        self._on_change(record)
        if record.job is None and not record.stale:
            self._improve(record, facts)

    def _set_facts(self, record: Record, facts: Facts) -> None:
        record.facts = facts
        record.corrected = self._correction(facts.sha256)

    def corrected(self) -> None:
        """Take in that a person corrected something, or took a correction back."""
        with self._lock:
            for record in self.records():
                if record.facts is not None:
                    self._set_facts(record, record.facts)
                    self._on_change(record)

    def verify(self, hashes: Collection[str]) -> int:
        """Read models again, now, whether or not their hashes are verified; return how many files that are."""
        with self._lock:
            wanted = [r for r in self.records() if r.facts is not None and r.facts.sha256 in hashes and not r.stale]
            for record in wanted:
                self._read(record, Urgency.NEW)
            return len(wanted)

    def _improve(self, record: Record, facts: Facts) -> None:
        """Queue what is still to be found out of a file that is known: what it is, its bytes, its tensor hash."""
        if not is_current(facts):
            self._read(record, Urgency.CHECK, facts=facts)
        elif facts.hash_state == "claimed":
            self._read(record, Urgency.IDLE)
        elif facts.tensor_sha256 is None and is_safetensors_name(record.relative):
            self._read(record, Urgency.LATER)

    def look_beside(self, root: Root, stem: str) -> None:
        """Identify the files of this name without suffix anew: something changed in a sidecar of theirs."""
        with self._lock:
            for relative, record in self._records.get(root.path, {}).items():
                if os.path.splitext(relative)[0] == stem and record.facts is not None and record.job is None:
                    self._read(record, Urgency.CHECK, facts=record.facts)

    @staticmethod
    def _merged(record: Record, facts: Facts) -> Facts:
        """Keep a tensor hash that an earlier read of the same bytes found and this one was not asked for."""
        before = record.facts
        if before is not None and before.sha256 == facts.sha256 and facts.tensor_sha256 is None:
            return replace(facts, tensor_sha256=before.tensor_sha256)
        return facts

    def _mark_stale(self, record: Record, *, stale: bool) -> None:
        if record.stale != stale:
            record.stale = stale
            self._on_change(record)

    def _remove(self, root_path: str, relative: str) -> Record:
        record = self._records[root_path].pop(relative)
        key = (root_path, relative)
        self._due.pop(key, None)
        self._settling.forget(key)
        self._drop_job(record)
        record.facts = None
        record.waiting = None
        self._on_change(record)
        return record

    def _drop_job(self, record: Record) -> None:
        key, record.job = record.job, None
        waiting = self._jobs.get(key, []) if key is not None else []
        if record in waiting:
            waiting.remove(record)
            if not waiting:
                del self._jobs[key]
                self._work.discard(key)

    def started(self) -> None:
        """Say that the first scan is over: what comes from now on is new and goes first."""
        with self._lock:
            self._started = True


def _is_below(relative: str, folder: str) -> bool:
    return not folder or relative == folder or relative.startswith(folder + "/")


def _is_away(relative: str, away: set[str]) -> bool:
    return any(_is_below(relative, folder) for folder in away)
