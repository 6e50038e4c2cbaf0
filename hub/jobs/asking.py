"""Takes submissions of jobs: reads them, resolves what they ask for, queues them, and says what that comes to."""

import json
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete
from sqlalchemy.exc import IntegrityError

from ...ecosystems.infotext.resource import stem
from .. import fields
from ..ages import Ages, iso_time
from ..clock import Clock
from ..database import Database
from ..errors import FieldError
from ..keys import Caller
from ..schema import jobs
from ..search import Indexing, similar_names
from ..server_registry import find_server
from . import embeddings
from .changing import Changing
from .checking import Checked, Checker
from .facts import Facts, load
from .holder import is_job
from .job import DONE, PENDING, UNKNOWN, NewJob, Requirement, Submitter
from .listing import find_job, place_of
from .queue import Queue
from .requirements import MOST_REQUIREMENTS, Wanted, not_named
from .resolving import Asking, Meaning, Resolver, required, requirement, types_of
from .shapes import Asked, read_submission
from .shown import QUEUED, alias_of, ids, model_availability
from .values import integer
from .warned import Warned

MOST_IN_BULK = 1_000
MOST_MODELS_IN_BULK = 50_000
MOST_BYTES_IN_BULK = 256 << 20
"""What jobs that are submitted together may ask for and hold in all: each is kept for each job."""
_MOST_COMPARED = 5
SEEDS = 1 << 32
"""Web UIs take seeds below this."""
RANDOM, INCREMENT, FIXED = "random", "increment", "fixed"
VARIATIONS = {RANDOM: RANDOM, INCREMENT: INCREMENT, "incremental": INCREMENT, FIXED: FIXED, "none": FIXED}
"""How the seeds of jobs that are submitted together differ, by each word for it."""


@dataclass(frozen=True)
class Prepared:
    """A submission with what it means: the server (id), the requirements, and what to say of them."""

    asked: Asked
    target_server_id: str | None
    requirements: tuple[Requirement, ...]
    warnings: tuple[Warned, ...]
    facts: Facts
    checked: Checked


class Submissions:
    """What clients ask one hub to make."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ages: Ages,
        resolver: Resolver,
        checker: Checker,
        queue: Queue,
        changing: Changing,
        indexing: Indexing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._resolver = resolver
        self._checker = checker
        self._queue = queue
        self._changing = changing
        self._indexing = indexing

    def check(self, body: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """Return what ``submit`` would answer, without an id; nothing is queued.

        Raises:
            FieldError, NotFoundError: as ``submit``.
        """
        return _answer(self._prepare(body))

    def submit(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Queue a job, whatever is there of its models, and return what that comes to.

        Raises:
            FieldError: a field is missing or wrong.
            NotFoundError: there is no such server (``server_not_found``).
        """
        prepared, made = self._queued(body, lambda prepared: [new_job(prepared, caller)])
        with self._database.read() as connection:
            place = place_of(connection, find_job(connection, made[0]))
        return {**ids(made[0]), "id": made[0], **self._new(), "queue_position": place, **_answer(prepared)}

    def bulk(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Queue several jobs of one request that differ in their seeds, all of them or none; answer as ``submit``.

        Raises:
            FieldError, NotFoundError: as ``submit``; there are too many, or the seeds' variation is none.
        """
        quantity = integer(1, MOST_IN_BULK)(fields.required(body, "bulk_quantity"), "bulk_quantity")
        stated = body.get("seed_variation", RANDOM)
        if not isinstance(stated, str) or stated.lower() not in VARIATIONS:
            raise FieldError("seed_variation", f"must be one of {', '.join((RANDOM, INCREMENT, FIXED))}")
        bulk_id = str(uuid.uuid4())

        def several(prepared: Prepared) -> list[NewJob]:
            one = replace(new_job(prepared, caller), bulk_id=bulk_id)
            _check_amount(one, quantity or 1)
            first = _first_seed(body, one)
            seeds = seeds_of(VARIATIONS[stated.lower()], first, quantity or 1)
            return [one if seed is None else replace(one, payload={**one.payload, "seed": seed}) for seed in seeds]

        prepared, made = self._queued(body, several)
        listed = [{**ids(public_id), "id": public_id, **self._new()} for public_id in made]
        return {
            **_answer(prepared),
            "bulk_job_id": bulk_id,
            "bulk_id": bulk_id,
            "jobs": listed,
            "total_jobs": len(made),
        }

    def forget(self, public_id: str, caller: Caller) -> None:
        """Delete a job with all that came of it; one that is under way is cancelled before.

        Raises:
            NotFoundError: there is none (``job_not_found``).
            ForbiddenError: it is somebody else's, and this is no admin.
        """
        self._changing.cancel(public_id, caller)  # checks whose it is; whoever runs it finds it gone
        done = (is_job(public_id), jobs.c.state.in_(sorted(DONE)))
        self._database.write(lambda connection: connection.execute(delete(jobs).where(*done)))

    def _prepare(self, body: Mapping[str, Any]) -> Prepared:
        asked = read_submission(body)
        self._indexing.refresh()  # learns the names of files that came just now
        with self._database.read() as connection:
            return self._resolved(connection, asked)

    def _resolved(self, connection: Connection, asked: Asked) -> Prepared:
        target = None if asked.target is None else str(find_server(connection, asked.target).id)
        named = embeddings.named(connection, asked.texts, asked.hints)
        wanted = [*asked.wanted, *named]
        if len(wanted) > MOST_REQUIREMENTS:
            raise FieldError("prompt", f"must not ask for more than {MOST_REQUIREMENTS} models")
        found = self._resolver.resolve(connection, [Asking(each, target) for each in wanted])
        needed = required(zip(wanted, found, strict=True))
        requirements = tuple(requirement(*each) for each in needed)
        model_ids = {key for each in requirements for key in (*each.models, *each.candidates)}
        facts = load(connection, model_ids, self._ages, self._clock())
        checked = self._checker.check(requirements, target, facts, asked.app_type)
        warned = [meaning.warned for _, meaning in needed if meaning.warned is not None]
        left = [
            Warned("not_checked", f"{each.role} {each.name[:100]!r} is not known here: the server must bring it along")
            for each, meaning in zip(wanted, found, strict=True)
            if each.optional and meaning.resolution == UNKNOWN
        ]
        unnamed = not_named(asked.stated, wanted)
        said = [] if not unnamed else [Warned("not_named", f"the request does not name what models says: {unnamed}")]
        warned += self._similar(connection, needed)
        return Prepared(asked, target, requirements, (*asked.warnings, *said, *warned, *left), facts, checked)

    def _similar(self, connection: Connection, needed: Iterable[tuple[Wanted, Meaning]]) -> Iterator[Warned]:
        """Yield what could be meant by names that nobody knows, of the first few of them."""
        unknown = [each for each, meaning in needed if meaning.resolution == UNKNOWN and not meaning.candidates]
        for each in [each for each in unknown if each.name][:_MOST_COMPARED]:
            names = similar_names(self._database, connection, stem(each.name), types_of(each.role))
            if names:
                listed = " or ".join(repr(name[:100]) for name in names)
                yield Warned("similar_names", f"no {each.role} is named {each.name[:100]!r} here; is it {listed}?")

    def _queued(self, body: Mapping[str, Any], make: Any) -> tuple[Prepared, list[str]]:
        for last in (False, True):
            prepared = self._prepare(body)
            listed: list[NewJob] = make(prepared)
            try:
                return prepared, self._database.write(lambda connection: self._queue.add(connection, listed))  # noqa: B023
            except IntegrityError:
                # A model was found to be another one since it was looked up, and is known no more.
                if last:
                    raise
        raise AssertionError("the loop returns or raises")

    def _new(self) -> dict[str, Any]:
        return {"creation_timestamp": iso_time(self._clock()), "status": PENDING}


def new_job(prepared: Prepared, caller: Caller) -> NewJob:
    """Return a submission as it is queued."""
    asked = prepared.asked
    record = {
        "request": asked.record,
        "app_type": asked.app_type,
        "warnings": [each.shown() for each in prepared.warnings],
    }
    return NewJob(
        mode=asked.mode,
        payload=asked.payload,
        asked=record,
        requirements=prepared.requirements,
        submitter=Submitter(caller.key or "session", caller.name, asked.source),
        target_server_id=prepared.target_server_id,
        priority=asked.priority,
        inputs=asked.inputs,
        title=asked.title,
        max_attempts=asked.max_attempts,
    )


def seeds_of(variation: str, first: int | None, quantity: int) -> list[int | None]:
    """Return a seed for each of so many jobs; None leaves it to the server that runs it.

    ``first`` is the one that was asked for; None or -1: any.
    """
    if variation == FIXED:
        return [first] * quantity
    if variation == RANDOM:
        return [random.randrange(SEEDS) for _ in range(quantity)]  # noqa: S311 (makes images differ, guards nothing)
    begin = first if first is not None and first >= 0 else random.randrange(SEEDS)  # noqa: S311
    return [(begin + step) % SEEDS if begin < SEEDS else begin + step for step in range(quantity)]


def _check_amount(job: NewJob, quantity: int) -> None:
    size_bytes = sum(len(text) for text in job.inputs.values()) * 3 // 4
    size_bytes += len(json.dumps(job.payload)) + len(json.dumps(job.asked))
    if quantity * len(job.requirements) > MOST_MODELS_IN_BULK or quantity * size_bytes > MOST_BYTES_IN_BULK:
        raise FieldError(
            "bulk_quantity",
            f"so many jobs with {len(job.requirements)} models and {size_bytes} bytes each are too much at once: "
            f"together at most {MOST_MODELS_IN_BULK} models and {MOST_BYTES_IN_BULK >> 20} MiB",
        )


def _first_seed(body: Mapping[str, Any], job: NewJob) -> int | None:
    stated = body.get("base_seed")
    read: int | None = None if stated is None else integer(-1, fields.MAX_INTEGER - MOST_IN_BULK)(stated, "base_seed")
    if read is not None and read >= 0:
        return read
    own = job.payload.get("seed")
    return own if isinstance(own, int) and own <= fields.MAX_INTEGER - MOST_IN_BULK else None


def _answer(prepared: Prepared) -> dict[str, Any]:
    checked = prepared.checked
    return {
        "success": True,
        "app_type": prepared.asked.app_type,
        "target_server_alias": alias_of(prepared.target_server_id, prepared.facts),
        "target_server_id": prepared.target_server_id,
        "title": prepared.asked.title,
        "mode": prepared.asked.mode,
        "priority": prepared.asked.priority,
        "requirements": checked.requirements,
        "able": checked.able,
        "waiting": checked.waiting.shown() if checked.waiting else QUEUED,
        "warnings": [
            *(each.shown() for each in (*prepared.warnings, *checked.warnings)),
            *([checked.waiting.shown()] if checked.waiting else []),
        ],
        "model_availability": model_availability(checked),
    }
