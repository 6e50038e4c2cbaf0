"""Answers which servers have a model, from any form of its hash; what is ambiguous is listed, never guessed."""

from collections import namedtuple
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, select

from .ages import OFFLINE, PRESENT, STALE, STATES, Ages
from .clock import Clock
from .database import Database, Record, among, bare_rows
from .effective import EFFECTIVE, shown_override, sources_of
from .errors import FieldError, NotFoundError, TooLargeError
from .hashes import AUTOV2_DIGITS, ModelHash, is_id, parse_hash
from .places import Pen, Placed, State, holders, placed
from .schema import model_metadata, models
from .written import quoted, scalar, template, to_json

AVAILABLE = "available"
DOWNLOADABLE = "downloadable"
UNAVAILABLE = "unavailable"
AMBIGUOUS = "ambiguous"
UNKNOWN = "unknown"
STATUSES = (AVAILABLE, STALE, OFFLINE, DOWNLOADABLE, UNAVAILABLE)
"""What a known model can be."""

_STATUS_OF_STATE = {PRESENT: AVAILABLE, STALE: STALE, OFFLINE: OFFLINE}

BY_SHA256 = "sha256"
BY_AUTOV2 = "autov2"
BY_TENSOR = "tensor_sha256"
BY_CLAIM = "sshs_model_hash"
BY_ID = "id"
BY_HASH = "hash"
BY_ALIAS = "alias"
BY_PATH = "path"
BY_PAST_PATH = "past_path"
BY_NAME = "name"
BY_PAST_NAME = "past_name"
BY_OWN_NAME = "own_name"
BY_NAMES = (BY_HASH, BY_ALIAS, BY_PATH, BY_PAST_PATH, BY_NAME, BY_PAST_NAME, BY_OWN_NAME)
"""How a name matched (``finding``), the surest first."""

_SUREST_FIRST = (BY_SHA256, BY_AUTOV2, BY_TENSOR, BY_CLAIM, BY_ID, *BY_NAMES)

SUMMARY = (
    models.c.id,
    models.c.hash_sha256,
    models.c.hash_autov2,
    models.c.hash_tensor,
    models.c.hash_autov3,
    *EFFECTIVE,
    models.c.metadata_digest,
)

_Known = namedtuple("_Known", [column.name for column in SUMMARY])  # type: ignore[misc] # mypy wants literals
"""Such a row; a look at a row of SQLAlchemy by name costs ten times as much as one at a tuple's own."""


@dataclass
class Match:
    """The models that a hash or a name can mean, by id, each with how it matched."""

    models: dict[int, Record] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)

    def add(self, row: Record, how: str) -> None:
        if row.id not in self.models:
            self.models[row.id] = row
            self.how[row.id] = how

    def surest(self) -> str:
        """Return how the surest of them matched."""
        return min(self.how.values(), key=_SUREST_FIRST.index)

    def is_one(self) -> bool:
        """Say whether these files are one model: a single file, or files whose tensors are known to be equal."""
        if len(self.models) == 1:
            return True
        tensors = {row.hash_tensor for row in self.models.values()}
        return len(tensors) == 1 and None not in tensors


class Availability:
    """Look-ups by hash. Each costs a fixed number of queries, every one of them on an index."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, batch_limit: int) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._batch_limit = batch_limit

    def of(self, text: str) -> dict[str, Any]:
        """Return the answer for one hash, or for the id of a model.

        Raises:
            FieldError: it is neither.
            NotFoundError: nobody ever told this hub of it.
        """
        if is_id(text):
            return self._of_id(int(text))
        asked = parse_hash(text)
        if asked is None:
            raise FieldError("hash", _RULE)
        matches, here = self._read([asked])
        answer = self._answer(matches[asked.digits], here, self._clock())
        if answer["status"] == UNKNOWN:
            raise NotFoundError(f"no model with the hash {asked.digits} is known here", code="model_not_found")
        return answer

    def _of_id(self, model_id: int) -> dict[str, Any]:
        match = Match()
        with self._database.read() as connection:
            for row in rows_by(connection, "id", [model_id]):
                match.add(row, BY_ID)
            here = placed(connection, match.models)
        if not match.models:
            raise NotFoundError(f"no model has the id {model_id}", code="model_not_found")
        return self._answer(match, here, self._clock())

    def of_many(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers for ``{"hashes": […]}``, by hash as it was given; ``unknown`` for one that is not known.

        Raises:
            FieldError: the list is missing, or a hash in it is none.
            TooLargeError: there are too many.
        """
        asked = self._asked(body)
        (matches, here), now = self._read(asked.values()), self._clock()
        answers = {digits: self._answer(match, here, now) for digits, match in matches.items()}
        return {"success": True, "results": {text: answers[parsed.digits] for text, parsed in asked.items()}}

    def json_of_many(self, body: Mapping[str, Any]) -> str:
        """Return the same as JSON in ASCII; of a thousand hashes in half the time."""
        asked = self._asked(body)
        (matches, here), now = self._read(asked.values()), self._clock()
        pen = Pen(self._ages, now)
        answers = {digits: self._json(match, here, now, pen) for digits, match in matches.items()}
        results = ",".join(f"{quoted(given)}:{answers[parsed.digits]}" for given, parsed in asked.items())
        return f'{{"success":true,"results":{{{results}}}}}'

    def _asked(self, body: Mapping[str, Any]) -> dict[str, ModelHash]:
        hashes = body.get("hashes")
        if hashes is None:
            raise FieldError("hashes", "this field is required", missing=True)
        if not isinstance(hashes, list):
            raise FieldError("hashes", "must be a list of hashes")
        if len(hashes) > self._batch_limit:
            raise TooLargeError(
                f"hashes: {len(hashes)} in one request; at most {self._batch_limit} are taken",
                {"field": "hashes", "limit": self._batch_limit},
                code="too_many_entries",
            )
        asked: dict[str, ModelHash] = {}
        for number, text in enumerate(hashes):
            parsed = parse_hash(text) if isinstance(text, str) else None
            if parsed is None:
                raise FieldError(f"hashes[{number}]", _RULE)
            asked[text] = parsed
        return asked

    def of_models(self, connection: Connection, rows: Iterable[Record]) -> dict[int, dict[str, Any]]:
        """Return ``status``, ``servers`` and ``sources`` for each of these models, by id."""
        listed, now = list(rows), self._clock()
        here = placed(connection, [row.id for row in listed])
        return {row.id: self._state_of([row], here, now).shown() for row in listed}

    def of_matches(self, matches: Sequence[Match], here: Placed) -> list[dict[str, Any]]:
        """Return the answer, as ``of`` gives it, for each of these matches; ``unknown`` for one without models."""
        now = self._clock()
        return [self._answer(match, here, now) for match in matches]

    def find_many(self, connection: Connection, asked: list[ModelHash]) -> dict[str, list[Record]]:
        """Return the models that each hash can mean, by its digits."""
        return {digits: list(match.models.values()) for digits, match in matches_of(connection, asked).items()}

    def _read(self, asked: Collection[ModelHash]) -> tuple[dict[str, Match], Placed]:
        if not asked:
            return {}, {}
        with self._database.read() as connection:
            matches = matches_of(connection, asked)
            return matches, placed(connection, {model_id for match in matches.values() for model_id in match.models})

    def _answer(self, match: Match, here: Placed, now: float) -> dict[str, Any]:
        rows = sorted(match.models.values(), key=lambda row: row.id)
        empty: dict[str, Any] = {"success": True, "model": None, "servers": [], "sources": [], "candidates": []}
        if not rows:
            return {**empty, "status": UNKNOWN}
        if not match.is_one():
            candidates = [
                {
                    **summary(row),
                    "matched_by": match.how[row.id],
                    **self._state_of([row], here, now, claimed=match.how[row.id] == BY_CLAIM).shown(),
                }
                for row in rows
            ]
            return {**empty, "status": AMBIGUOUS, "candidates": candidates}
        how = match.surest()
        state = self._state_of(rows, here, now, claimed=how == BY_CLAIM)
        return {**empty, "model": summary(rows[0]), "matched_by": how, **state.shown()}

    def _json(self, match: Match, here: Placed, now: float, pen: Pen) -> str:
        """Return ``_answer`` as JSON, by a shorter way where it is of one file."""
        if len(match.models) != 1:
            return to_json(self._answer(match, here, now))
        (row,) = match.models.values()
        how = match.surest()
        listed, states = pen.written(here.get(row.id, ()), row.id, row.hash_sha256, claimed=how == BY_CLAIM)
        sources = sources_of(row)
        return _ANSWER % (
            "true",
            _written_summary(row),
            listed,
            to_json(sources) if sources else "[]",
            "[]",
            quoted(how),
            quoted(_status(states, sources)),
        )

    def _state_of(self, rows: list[Record], here: Placed, now: float, *, claimed: bool = False) -> State:
        """Return the state of one model, which may be several files of equal tensors."""
        hashes = {row.id: row.hash_sha256 for row in rows}
        places = [place for model_id in hashes for place in here.get(model_id, ())]
        listed = holders(places, hashes, self._ages, now, claimed=claimed)
        sources = [source for row in rows for source in sources_of(row)]
        return State(_status({holder.state for holder in listed}, sources), listed, sources)


def _status(states: set[str], sources: Sequence[Mapping[str, Any]]) -> str:
    """Return the status of a model from the states of the servers that have it: the best of them decides."""
    for state in STATES:
        if state in states:
            return _STATUS_OF_STATE[state]
    return DOWNLOADABLE if sources else UNAVAILABLE


_ANSWER = template(("success", "model", "servers", "sources", "candidates", "matched_by", "status"))

_RULE = "must be 10 (AutoV2), 12 (AutoV3) or 64 (SHA-256) hex digits"


def matches_of(connection: Connection, asked: Collection[ModelHash]) -> dict[str, Match]:
    """Return what each hash can mean, by its digits.

    12 digits are of a tensor hash, of a SHA-256, or of a file's own claim of its tensor hash; 64 of a SHA-256 or a
    tensor hash. Each form is looked up once for all hashes, on the index over its head.
    """
    matches = {each.digits: Match() for each in asked}
    digits: dict[str, set[str]] = {"autov2": set(), "autov3": set(), "sha256": set()}
    for each in asked:
        digits[each.form].add(each.digits)
    heads = {text[:AUTOV2_DIGITS] for text in digits["autov3"]}
    for row in rows_by(connection, "hash_sha256", digits["sha256"]):
        matches[row.hash_sha256].add(row, BY_SHA256)
    for row in rows_by(connection, "hash_autov2", digits["autov2"] | heads):
        if row.hash_autov2 in matches:
            matches[row.hash_autov2].add(row, BY_AUTOV2)
        if row.hash_sha256 is not None and row.hash_sha256[:12] in matches:
            matches[row.hash_sha256[:12]].add(row, BY_SHA256)
    exact = {text for text in digits["sha256"] if matches[text].models}
    tensors = digits["sha256"] - exact
    for row in rows_by(connection, "hash_autov3", digits["autov3"] | {text[:12] for text in tensors}):
        if row.hash_autov3 in matches:
            matches[row.hash_autov3].add(row, BY_TENSOR)
        if row.hash_tensor in tensors:
            matches[row.hash_tensor].add(row, BY_TENSOR)
    claims = select(*SUMMARY, model_metadata.c.claimed_v3).join(
        model_metadata, model_metadata.c.digest == models.c.metadata_digest
    )
    if digits["autov3"]:
        claimed = among(connection, model_metadata.c.claimed_v3, digits["autov3"])
        for row in connection.execute(claims.where(claimed)):
            matches[row.claimed_v3].add(row, BY_CLAIM)
    return matches


def rows_by(connection: Connection, column: str, values: Iterable[str | int]) -> list[Record]:
    """Return the models (``SUMMARY``) that have one of these values in a column with an index."""
    listed = list(values)
    if not listed:
        return []
    query = select(*SUMMARY).where(among(connection, models.c[column], listed))
    return list(map(_Known._make, bare_rows(connection, query)))


def summary(row: Record) -> dict[str, Any]:
    """Return a model as answers show it: type, ecosystem and base model as it counts, corrected or found."""
    shown: dict[str, Any] = dict(zip(_SHOWN, _shown_values(row), strict=True))
    shown["override"] = shown_override(row)
    return shown


def _written_summary(row: Record) -> str:
    override = "null" if row.override_at is None else to_json(shown_override(row))
    return _SUMMARY % (*map(scalar, _shown_values(row)), override)


_SHOWN = {
    "id": "id",
    "name": "name",
    "type": "type",
    "sha256": "hash_sha256",
    "autov2": "hash_autov2",
    "autov3": "hash_autov3",
    "tensor_sha256": "hash_tensor",
    "size": "size_bytes",
    "ecosystem": "ecosystem",
    "base_model": "base_model",
    "confidence": "confidence",
    "civitai_id": "civitai_id",
    "civitai_version_id": "civitai_version_id",
}
"""What an answer calls each column of a model."""

_shown_values = attrgetter(*_SHOWN.values())
_SUMMARY = template((*_SHOWN, "override"))
