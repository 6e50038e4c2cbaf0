"""Resolves requirements of waiting jobs again when models and names come, and lets those jobs take part in the queue.

A job of which a requirement was unknown or ambiguous waits with no need. What is asked for is looked up once, however
many jobs ask for it; the jobs follow in batches.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from ..background import Job
from ..database import Database, Record
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

_PARTS = (
    job_requirements.c.role,
    job_requirements.c.name,
    job_requirements.c.hash,
    job_requirements.c.civitai_version_id,
    jobs.c.target_server_id,
)


class _Question(NamedTuple):
    """What one or many jobs ask; its parts are called as the columns are."""

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
        asked = select(*_PARTS, needed.resolution, needed.candidates)
        waiting = asked.join(jobs, jobs.c.id == needed.job_id).where(IS_UNRESOLVED).distinct()
        known: dict[_Question, set[tuple[str, str]]] = {}
        with self._database.read() as connection:
            for *parts, resolution, candidates in connection.execute(waiting):
                known.setdefault(_Question(*parts), set()).add((resolution, candidates))
        if known:
            self._indexing.refresh()  # learns the names of files that came just now
        changed: dict[_Question, Meaning] = {}
        for batch in _batches(list(known)):
            with self._database.read() as connection:
                found = self._resolver.resolve(connection, [asking_again(each) for each in batch])
            for question, meaning in zip(batch, found, strict=True):
                if known[question] != {_stated(meaning)}:
                    changed[question] = meaning
        if changed:
            self._tell(changed)
        return False

    def _tell(self, changed: Mapping[_Question, Meaning]) -> None:
        """Write what these questions mean now into every requirement that asks one of them, a batch at a time."""
        for rows in self._unresolved():
            stale = [(row, changed[_question(row)]) for row in rows if _question(row) in changed]
            stale = [(row, now) for row, now in stale if (row.resolution, row.candidates) != _stated(now)]
            if stale:
                self._database.write(lambda connection, stale=stale: self._write(connection, stale))  # type: ignore[misc]

    def _unresolved(self) -> Iterator[Sequence[Record]]:
        """Yield every requirement that is not resolved, in batches, in the order of the jobs."""
        needed = job_requirements.c
        query = (
            select(needed.job_id, needed.slot, *_PARTS, needed.resolution, needed.candidates)
            .join(jobs, jobs.c.id == needed.job_id)
            .where(IS_UNRESOLVED)
            .order_by(needed.job_id, needed.slot)
            .limit(_ROWS_AT_ONCE)
        )
        job_id, slot = -1, -1
        while True:
            behind = (needed.job_id >= job_id, (needed.job_id > job_id) | (needed.slot > slot))
            with self._database.read() as connection:
                rows = connection.execute(query.where(*behind)).all()
            yield rows
            if len(rows) < _ROWS_AT_ONCE:
                return
            job_id, slot = rows[-1].job_id, rows[-1].slot

    def _write(self, connection: Connection, stale: Sequence[tuple[Record, Meaning]]) -> None:
        needed = job_requirements.c
        columns = ("resolution", "models", "candidates", "model_id")
        this = (needed.job_id == bindparam("this_job"), needed.slot == bindparam("this_slot"), IS_UNRESOLVED)
        rows = [
            {
                "this_job": row.job_id,
                "this_slot": row.slot,
                "to_resolution": now.resolution,
                "to_models": _json(now.models),
                "to_candidates": _json(now.candidates),
                "to_model_id": now.models[0] if now.models else None,
            }
            for row, now in stale
        ]
        to: dict[str, Any] = {name: bindparam(f"to_{name}") for name in columns}
        connection.execute(update(job_requirements).where(*this).values(**to), rows)
        resolved = {row.job_id for row, now in stale if now.resolution == RESOLVED}
        if resolved:
            self._queue.place(connection, sorted(resolved))


def _batches(questions: Sequence[_Question]) -> Iterator[Sequence[_Question]]:
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        yield questions[start : start + _QUESTIONS_AT_ONCE]


def _question(row: Record) -> _Question:
    return _Question(row.role, row.name, row.hash, row.civitai_version_id, row.target_server_id)


def _stated(meaning: Meaning) -> tuple[str, str]:
    return meaning.resolution, _json(meaning.candidates)


def _json(ids: Sequence[int]) -> str:
    return json.dumps(list(ids), separators=(",", ":"))
