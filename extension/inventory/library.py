"""The library: every model file below a server's roots, kept equal to the disk and to the index.

It is told what scans and hashes found, decides with ``identity`` and ``settle`` what that means, and says what is to be
done: which files to read, which entries changed. It starts no thread and never blocks on a file: the pool reads, the
agent scans, both hand their results in here. All methods may be called from any thread.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from . import identity
from .absences import Absences, is_away, is_below
from .completeness import is_safetensors_name
from .errors import FileChangedError, FileError, FileVanishedError, UnreadableFileError
from .identification import is_current
from .identity import Match
from .index import Facts, Index, Row
from .kinds import kind_of
from .pool import Job, Outcome, Urgency
from .problems import Problem
from .readings import Readings, Work
from .record import Record
from .roots import Root, exclusion, lies_within
from .scan import UNSURE_NS, FileStat, ScanResult
from .settle import DOWNLOADING, EMPTY, LOCAL_SECONDS, SETTLING, Waiting

log = logging.getLogger(__name__)

Identifier: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class RootTraits:
    """What the file system of a root is like."""

    stable_inodes: bool = True
    settle_seconds: float = LOCAL_SECONDS


class Library:
    """The records of one server, by root."""

    def __init__(
        self,
        server_id: str,
        index: Index,
        work: Work,
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
        self._on_change = on_change
        self._never_share = never_share
        self._correction = correction
        self._lock = threading.RLock()
        self._records: dict[str, dict[str, Record]] = {}
        self._roots: dict[str, Root] = {}
        self._traits: dict[str, RootTraits] = {}
        self._compared: set[str] = set()
        self._problems: dict[str, list[Problem]] = {}
        self._absences = Absences(server_id, index)
        self._readings = Readings(work)
        self._waiting = Waiting(clock_ns, monotonic)
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
            return self._absences.reasons()

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
                self._compared.discard(path)
                self._absences.end(path)
                self._problems.pop(path, None)
            for path, (root, traits) in wanted.items():
                self._roots[path] = root
                self._traits[path] = traits
                self._records.setdefault(path, {})
                self._absences.begin(root)

    # --- scans

    def apply(self, root: Root, result: ScanResult, below: str = "") -> None:
        """Take in what a scan of a root, or of its folder ``below``, found."""
        with self._lock:
            if self._roots.get(root.path) != root:
                return  # the roots changed while the scan ran
            records = self._records[root.path]
            away = self._absences.away(root, result, below)
            # A root that is and stays empty (most have one for the rest) need not be held against all rows each time.
            first = not records and bool(result.files or away or root.path not in self._compared)
            rows = self.index.below(root.path) if first else {}
            self._compared.add(root.path)
            if first and away:
                self._recall(root, rows, away)
            self._take_all(root, result.files, rows)
            gone = []
            for relative in [r for r in records if r not in result.files and is_below(r, below)]:
                if is_away(relative, away):
                    self._mark_stale(records[relative], stale=True)
                else:
                    gone.append(self._remove(root.path, relative))
            paths = {record.path for record in gone}
            if first:
                known = {os.path.join(root.path, *relative.split("/")) for relative in records}
                # Another agent may list what this one excludes: only what is not on the disk went away.
                unseen = (path for path in rows if path not in known and not is_away(_relative(root, path), away))
                paths |= {path for path in unseen if not os.path.lexists(path)}
            if paths:
                self.index.mark_gone(paths)
            if not below:
                self._problems[root.path] = result.problems
                self._absences.keep(root, result, away)

    def _recall(self, root: Root, rows: dict[str, Row], away: set[str]) -> None:
        """Bring back, as stale, what the index holds of folders that cannot be looked at now."""
        excluded = exclusion(root.excludes)
        for row in rows.values():
            relative = _relative(root, row.path)
            if is_away(relative, away) and not (excluded and excluded.match(relative)):
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
                self._take_all(root, {relative: found}, {})
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
                    self._readings.drop(record)
                    self._know(record, facts)
                    believed += 1
        return believed

    # --- files that wait

    def due(self) -> list[Record]:
        """Return the records whose settle time should be over: they are to be looked at again."""
        with self._lock:
            found = [self._records.get(path, {}).get(relative) for path, relative in self._waiting.take_due()]
            return [record for record in found if record is not None]

    def next_due(self) -> float | None:
        """Return the monotonic time at which the next file will have settled, or None."""
        with self._lock:
            return self._waiting.next_due()

    def settled(self) -> bool:
        """Tell whether no file waits for its writer; a download, which may take hours or never end, does not count."""
        with self._lock:
            waiting = (self._records.get(path, {}).get(relative) for path, relative in self._waiting)
            return all(record is None or record.found.busy for record in waiting)

    # --- one file

    def _take_all(self, root: Root, files: Mapping[str, FileStat], rows: Mapping[str, Row]) -> None:
        """Take in the stats of files; ``rows`` are what the index holds of the whole root, or empty.

        All verdicts come before the first consequence: of two files that swapped their names, the one that is seen
        first would overwrite the row by which the other is recognised.
        """
        verdicts = []
        for relative, found in files.items():
            record = self._records[root.path].get(relative)
            if record is None:
                record = self._add(root, relative, found)
            elif self._is_unchanged(record, found):
                continue
            row = rows.get(record.path) or (None if rows else self.index.get(record.path))
            verdicts.append((record, *self._verdict(record, row)))
        for record, match, matching in verdicts:
            self._follow(record, match, matching)

    def _is_unchanged(self, record: Record, found: FileStat) -> bool:
        """Take in the stat of a known file; tell whether nothing is left to be found out about it."""
        before, record.found = record.found, found
        if record.stale:
            self._mark_stale(record, stale=False)
            if record.facts is not None and record.job is None:
                self._improve(record, record.facts)
        same = before == found or (before[:3] == found[:3] and before[4:] == found[4:])
        if same and record.job is not None:
            return True
        self._readings.drop(record)
        unsure = record.retry or found.changed_ns == UNSURE_NS or (record.facts is None and record.waiting is None)
        return same and not unsure

    def _add(self, root: Root, relative: str, found: FileStat) -> Record:
        record = Record(root, relative, kind_of(root, relative), found)
        if self._never_share:
            record.shared = not lies_within(record.path, self._never_share)
        self._records[root.path][relative] = record
        return record

    def _verdict(self, record: Record, row: Row | None) -> tuple[Match, list[Row]]:
        """Decide what a new or changed stat means for what is known of the file."""
        stable = self._traits[record.root.path].stable_inodes
        found = record.found
        if found.busy:
            return Match.OTHER, []
        if row is not None:
            match = identity.match_in_place(found, row, stable_inodes=stable)
            if match is not Match.OTHER:
                return match, [row]
        rows = self.index.with_inode(found) if stable else self.index.with_stat(found)
        return identity.match_elsewhere(found, rows, stable_inodes=stable)

    def _follow(self, record: Record, match: Match, rows: list[Row]) -> None:
        known = {row.facts.sample: row.facts for row in rows if row.facts.sample is not None}
        if match is Match.SAME or match is Match.CHECK:
            row = rows[0]
            # What a file is depends on its folder and its sidecars too: under another path it is identified anew.
            facts = row.facts if row.path == record.path else replace(row.facts, rules=None)
            sure = match is Match.SAME
            as_it_was = row.path == record.path and not row.gone and row.inode == record.found.inode
            self._know(record, facts, save=not (sure and as_it_was), sure=sure)
            if sure:
                self._moved(record, rows)
            else:
                self._read(record, Urgency.CHECK, {facts.sample or "": facts})
            return
        if record.facts is not None:
            record.facts = None
            self._on_change(record)
        self._wait_or_read(record, known)

    def _moved(self, record: Record, rows: Iterable[Row]) -> None:
        """Drop the records of folders that are away whose very file was found here: it moved, nothing is unmounted."""
        for path in {row.path for row in rows} - {record.path}:
            for root in self._roots.values():
                if path.startswith(os.path.join(root.path, "")):
                    relative = _relative(root, path)
                    before = self._records[root.path].get(relative)
                    if before is not None and before.stale:
                        self.index.mark_gone([self._remove(root.path, relative).path])

    def _wait_or_read(self, record: Record, known: Mapping[str, Facts] | None = None) -> None:
        key = (record.root.path, record.relative)
        record.retry = False
        if record.found.size == 0:
            record.waiting = EMPTY
            return
        if self._waiting.must_wait(key, record.found, self._traits[record.root.path].settle_seconds):
            record.waiting, record.retry = DOWNLOADING if record.found.busy else SETTLING, True
            return
        if record.waiting in {EMPTY, DOWNLOADING, SETTLING}:
            record.waiting = None  # any other reason stands until the file was read, so that it is told once
        urgency = Urgency.CHECK if known else Urgency.NEW if self._started else Urgency.BACKLOG
        self._read(record, urgency, known or {})

    def _read(
        self, record: Record, urgency: Urgency, known: Mapping[str, Facts] | None = None, *, alone: bool = False
    ) -> None:
        stable = self._traits[record.root.path].stable_inodes
        self._readings.read(record, urgency, stable, known or {}, alone=alone)

    def read_done(self, job: Job, outcome: Outcome) -> None:
        """Take in what reading a file gave: facts, or why there are none."""
        with self._lock:
            records = self._readings.done(job)
            if not isinstance(outcome, Facts):
                for record in records:
                    if record.path == job.path:
                        self._failed(record, outcome)
                    else:  # another file may stand at the job's path by now
                        self._read(record, Urgency.CHECK, alone=True)
                return
            merged = [(record, self._merged(record, job, outcome)) for record in records]
            # What was read is what stood there when the job was made, or later: never what changed after.
            states = {record.path: record.found._replace(changed_ns=job.found.changed_ns) for record in records}
            self.index.put_all([(record.path, states[record.path], facts) for record, facts in merged])
            for record, facts in merged:
                self._know(record, facts, save=False)
                if job.facts is None and self._traits[record.root.path].stable_inodes:
                    same = (row for row in self.index.with_inode(record.found) if row.facts.sha256 == facts.sha256)
                    self._moved(record, same)
                if not _is_of(job, record):
                    self._read(record, Urgency.CHECK, {facts.sample: facts} if facts.sample else {}, alone=True)

    def _failed(self, record: Record, error: FileError) -> None:
        key = (record.root.path, record.relative)
        if isinstance(error, FileVanishedError):
            # It was deleted, or its whole folder is away: the next look tells, and until then what is known stands.
            record.retry = True
            self._waiting.again(key, 0.0)
            return
        unreadable = isinstance(error, UnreadableFileError)
        if record.facts is not None and not unreadable:
            record.facts = None
            self.index.forget([record.path])
            self._on_change(record)
        if isinstance(error, FileChangedError):
            record.retry = True
            self._waiting.again(key, self._traits[record.root.path].settle_seconds)
            return
        if record.waiting != error.reason:
            log.warning("%s is not published: %s", record.path, error.reason)
        record.waiting = error.reason
        record.retry = unreadable

    def _know(self, record: Record, facts: Facts, *, save: bool = True, sure: bool = True) -> None:
        """Publish facts; those that are not ``sure`` are kept as such, so that a kill before the check costs none."""
        if save:
            self.index.put(record.path, record.found if sure else record.found._replace(changed_ns=UNSURE_NS), facts)
        before = record.facts
        record.waiting = None
        record.retry = False
        self._set_facts(record, facts)
        if before is not None and before.sha256 != facts.sha256 and before.hash_state == "claimed":
            log.warning(
                "%s: %s said its SHA-256 is %s…, it is %s…", record.path, before.source, before.sha256[:10],
                facts.sha256[:10],
            )  # fmt: skip
            self.wrong_claims += 1
        self._on_change(record)
        if sure and record.job is None and not record.stale:
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

    def proven(self, path: str, found: FileStat, sha256: str, sample: str) -> None:
        """Take in that a file was read by somebody else's hand, in the state ``found``, and has the hash it should."""
        with self._lock:
            for record in self.records():
                facts = record.facts
                if record.path == path and facts is not None and facts.sha256 == sha256:
                    self._readings.drop(record)
                    record.found = found
                    self._know(record, replace(facts, hash_state="verified", source="read", sample=sample))

    def stable_inodes(self, root: Root) -> bool:
        """Tell whether files of a root keep their inodes from look to look."""
        with self._lock:
            return self._traits.get(root.path, RootTraits()).stable_inodes

    def _improve(self, record: Record, facts: Facts) -> None:
        """Queue what is still to be found out of a file that is known: what it is, its bytes, its tensor hash."""
        if not is_current(facts):
            self._readings.identify(record, facts, self._traits[record.root.path].stable_inodes)
        elif facts.hash_state == "claimed":
            self._read(record, Urgency.IDLE)
        elif facts.tensor_sha256 is None and is_safetensors_name(record.relative):
            self._read(record, Urgency.LATER)

    def look_beside(self, root: Root, stem: str) -> None:
        """Identify the files of this name without suffix anew: something changed in a sidecar of theirs."""
        with self._lock:
            for relative, record in self._records.get(root.path, {}).items():
                if os.path.splitext(relative)[0] == stem and record.facts is not None and record.job is None:
                    self._readings.identify(record, record.facts, self._traits[root.path].stable_inodes)

    @staticmethod
    def _merged(record: Record, job: Job, facts: Facts) -> Facts:
        """Keep a tensor hash that an earlier read of the same bytes found and this one was not asked for.

        A second link to the file that was read is identified anew, by its own path.
        """
        before = record.facts
        if record.path != job.path:
            facts = replace(facts, rules=None)
        if before is not None and before.sha256 == facts.sha256 and facts.tensor_sha256 is None:
            return replace(facts, tensor_sha256=before.tensor_sha256)
        return facts

    def _mark_stale(self, record: Record, *, stale: bool) -> None:
        if record.stale != stale:
            record.stale = stale
            self._on_change(record)

    def _remove(self, root_path: str, relative: str) -> Record:
        record = self._records[root_path].pop(relative)
        self._waiting.forget((root_path, relative))
        self._readings.drop(record)
        record.facts = None
        record.waiting = None
        self._on_change(record)
        return record

    def started(self) -> None:
        """Say that the first scan is over: what comes from now on is new and goes first."""
        with self._lock:
            self._started = True


def _relative(root: Root, path: str) -> str:
    return os.path.relpath(path, root.path).replace(os.sep, "/")


def _is_of(job: Job, record: Record) -> bool:
    """Tell whether a job was made for the state in which its record is now."""
    made_for = job.found.changed_ns
    return record.found is job.found or (made_for == record.found.changed_ns and made_for != UNSURE_NS)
