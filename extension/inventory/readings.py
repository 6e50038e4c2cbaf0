"""Which records wait for which reading of a file, so that two links to one file are read once."""

from collections.abc import Hashable, Mapping
from typing import Protocol

from ...ecosystems.model_types import LORA_TYPES
from .completeness import is_safetensors_name
from .index import Facts
from .pool import Job, Urgency
from .record import Record


class Work(Protocol):
    """Whatever reads files: a ``HashPool``."""

    def submit(self, job: Job) -> None:
        """Queue a job."""

    def discard(self, key: Hashable) -> None:
        """Drop a job that still waits; one that runs is left to end."""


class Readings:
    """The jobs under way and who waits for each; a record waits for one at a time. Its caller holds the lock."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: dict[Hashable, list[Record]] = {}

    def read(
        self,
        record: Record,
        urgency: Urgency,
        stable_inodes: bool,
        known: Mapping[str, Facts],
        *,
        alone: bool = False,
    ) -> None:
        """Have the content of a record's file read, in place of what was to be done with it before.

        ``known`` maps samples to the facts that hold if the file has that sample. Other links to the file join,
        unless this record is to be read ``alone``, for the very state in which it is now.
        """
        found = record.found
        path = record.path if alone or not found.inode else ""
        # Links whose names promise different formats are held against different rules: is it whole?
        key = (found.device, found.inode, found.size, found.mtime_ns, is_safetensors_name(record.relative), path)
        waiting = self._join(key, record)
        tensor_hash = urgency >= Urgency.IDLE or any(r.kind in LORA_TYPES for r in waiting)
        job = Job(key, record.path, record.kind, found, tensor_hash, urgency, stable_inodes, dict(known))
        self._work.submit(job)

    def identify(self, record: Record, facts: Facts, stable_inodes: bool) -> None:
        """Have a file of known content identified anew; what it is depends on its path too, so no links join."""
        key = ("identify", record.path)
        self._join(key, record)
        job = Job(key, record.path, record.kind, record.found, False, Urgency.CHECK, stable_inodes, {}, facts)
        self._work.submit(job)

    def drop(self, record: Record) -> None:
        """Let a record wait for nothing any more."""
        key, record.job = record.job, None
        waiting = self._waiting.get(key, []) if key is not None else []
        if record in waiting:
            waiting.remove(record)
            if not waiting:
                del self._waiting[key]
                self._work.discard(key)

    def done(self, job: Job) -> list[Record]:
        """Return the records that waited for a job; they do not any more."""
        records = self._waiting.pop(job.key, [])
        self._work.discard(job.key)  # a second link to the file may have queued it once more
        for record in records:
            record.job = None
        return records

    def _join(self, key: Hashable, record: Record) -> list[Record]:
        self.drop(record)
        record.job = key
        waiting = self._waiting.setdefault(key, [])
        waiting.append(record)
        return waiting
