"""Resolves requirements of waiting jobs again when models and names come, and lets those jobs take part in the queue.

A job of which a requirement was unknown or ambiguous waits with no need. What is asked for is looked up once, however
many jobs ask for it; the jobs follow in batches.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from ..background import Job
from ..database import Database, Record, among
from ..events.kinds import ENRICHMENT, INVENTORY_CHANGED, MODEL_REGISTERED, OVERRIDE_CHANGED
from ..events.log import Event
from ..schema import IS_UNRESOLVED, job_requirements, jobs
from ..search import Indexing
from .job import RESOLVED
from .queue import Queue
from .refuted import Refuted
from .resolving import Meaning, Resolver, asking_again

_EVERY_SECONDS = 30.0
_SETTLE_SECONDS = 0.5
_QUESTIONS_AT_ONCE = 500
_ROWS_AT_ONCE = 500

_TELLING = frozenset({INVENTORY_CHANGED, MODEL_REGISTERED, OVERRIDE_CHANGED, ENRICHMENT})
"""Kinds of events after which a hash or a name may mean something else."""


class _Question(NamedTuple):
    """What one or many jobs ask; the names of its parts are those of the columns."""

    role: str
    name: str
    hash: str | None
    civitai_version_id: int | None
    target_server_id: str | None


class Waking:
    """Looks again what waiting jobs ask for."""

    def __init__(self, database: Database, resolver: Resolver, queue: Queue, indexing: Indexing) -> None:
        self._database = database
        self._indexing = indexing
        self._resolver = resolver
        self._queue = queue
        self._refuted = Refuted(database, resolver, queue, indexing)
        self.job = Job("job requirements", _EVERY_SECONDS, self.look, settle_seconds=_SETTLE_SECONDS)
        """Call it when models or names came, or are other ones."""

    def heard(self, events: Sequence[Event]) -> None:
        """Take note of events: somebody said something of a model. For ``Broadcaster.when_heard``."""
        if any(event.kind in _TELLING for event in events):
            self.job.call()

    def look(self) -> bool:
        """Look up what jobs ask for and what was not known before; cheap where there is none. For ``Job``.

        Jobs that ended while they waited are looked at too: they may be tried again.
        """
        self._refuted.release()
        needed = job_requirements.c
        columns = (needed.role, needed.name, needed.hash, needed.civitai_version_id, jobs.c.target_server_id)
        asked = select(*columns, needed.resolution, needed.candidates)
        waiting = asked.join(jobs, jobs.c.id == needed.job_id).where(IS_UNRESOLVED).distinct()
        known: dict[_Question, set[tuple[str, str]]] = {}
        with self._database.read() as connection:
            for *parts, resolution, candidates in connection.execute(waiting):
                known.setdefault(_Question(*parts), set()).add((resolution, candidates))
        if known:
            self._indexing.refresh()  # learns the names of files that came just now
        for batch in _batches(list(known)):
            with self._database.read() as connection:
                found = self._resolver.resolve(connection, [asking_again(each) for each in batch])
            for question, meaning in zip(batch, found, strict=True):
                if known[question] != {(meaning.resolution, _json(meaning.candidates))}:
                    self._tell(question, meaning)
        return False

    def _tell(self, question: _Question, meaning: Meaning) -> None:
        """Write what a question means now into every requirement that asks it, a batch of jobs at a time."""
        for rows in self._asking(question, meaning):
            self._database.write(lambda connection, rows=rows: self._write(connection, rows, meaning))  # type: ignore[misc]

    def _asking(self, question: _Question, meaning: Meaning) -> Iterator[Sequence[Record]]:
        """Yield the requirements that ask this and are not up to date, in batches."""
        needed, after = job_requirements.c, -1
        stale = needed.candidates != _json(meaning.candidates)
        query = (
            select(needed.job_id, needed.slot)
            .join(jobs, jobs.c.id == needed.job_id)
            .where(IS_UNRESOLVED, needed.role == question.role, needed.name == question.name)
            .where(needed.hash.is_not_distinct_from(question.hash))
            .where(needed.civitai_version_id.is_not_distinct_from(question.civitai_version_id))
            .where(jobs.c.target_server_id.is_not_distinct_from(question.target_server_id))
            .where((needed.resolution != meaning.resolution) | stale)
            .order_by(needed.job_id, needed.slot)
            .limit(_ROWS_AT_ONCE)
        )
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(needed.job_id > after)).all()
            if rows:
                yield rows
            if len(rows) < _ROWS_AT_ONCE:
                return
            after = rows[-1].job_id

    def _write(self, connection: Connection, rows: Sequence[Record], meaning: Meaning) -> None:
        needed = job_requirements.c
        values = {
            "resolution": meaning.resolution,
            "models": _json(meaning.models),
            "candidates": _json(meaning.candidates),
            "model_id": meaning.models[0] if meaning.models else None,
        }
        for slot, group in groupby(sorted(rows, key=lambda row: row.slot), lambda row: int(row.slot)):
            here = among(connection, needed.job_id, [row.job_id for row in group])
            connection.execute(
                update(job_requirements).where(here, needed.slot == slot, IS_UNRESOLVED).values(**values)
            )
        if meaning.resolution == RESOLVED:
            self._queue.place(connection, sorted({row.job_id for row in rows}))


def _batches(questions: Sequence[_Question]) -> Iterator[Sequence[_Question]]:
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        yield questions[start : start + _QUESTIONS_AT_ONCE]


def _json(ids: Sequence[int]) -> str:
    return json.dumps(list(ids), separators=(",", ":"))
