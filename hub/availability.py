"""Answers which servers have a model, from any form of its hash; what is ambiguous is listed, never guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from .ages import OFFLINE, PRESENT, STALE, STATES, Ages, iso_time, worse
from .clock import Clock
from .database import Database, Record, among
from .effective import EFFECTIVE, shown_override, sources_of
from .entries import CLAIMED, VERIFIED
from .errors import FieldError, NotFoundError, TooLargeError
from .hashes import AUTOV2_DIGITS, ModelHash, is_id, parse_hash
from .schema import model_metadata, models, placements, servers

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
BY_NAMES = (BY_HASH, BY_ALIAS, BY_PATH, BY_PAST_PATH, BY_NAME, BY_PAST_NAME)
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


@dataclass
class Match:
    """The models that a hash or a name can mean, by id, each with how it matched."""

    models: dict[int, Record] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)

    def add(self, row: Record, how: str) -> None:
        if row.id not in self.models:
            self.models[row.id] = row
            self.how[row.id] = how

    def is_one(self) -> bool:
        """Say whether these files are one model: a single file, or files whose tensors are known to be equal."""
        tensors = {row.hash_tensor for row in self.models.values()}
        return len(self.models) == 1 or (len(tensors) == 1 and None not in tensors)


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
        answer = self._answers([asked])[asked.digits]
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
        answers = self._answers(list(asked.values())) if asked else {}
        return {"success": True, "results": {text: answers[parsed.digits] for text, parsed in asked.items()}}

    def of_models(self, connection: Connection, rows: Iterable[Record]) -> dict[int, dict[str, Any]]:
        """Return ``status``, ``servers`` and ``sources`` for each of these models, by id."""
        listed, now = list(rows), self._clock()
        here = placed(connection, [row.id for row in listed])
        return {row.id: self._state_of([row], here, now, claimed=False) for row in listed}

    def of_matches(self, matches: Sequence[Match], here: "Placed") -> list[dict[str, Any]]:
        """Return the answer, as ``of`` gives it, for each of these matches; ``unknown`` for one without models."""
        now = self._clock()
        return [self._answer(match, here, now) for match in matches]

    def find_many(self, connection: Connection, asked: list[ModelHash]) -> dict[str, list[Record]]:
        """Return the models that each hash can mean, by its digits."""
        return {digits: list(match.models.values()) for digits, match in matches_of(connection, asked).items()}

    def _answers(self, asked: list[ModelHash]) -> dict[str, dict[str, Any]]:
        now = self._clock()
        with self._database.read() as connection:
            matches = matches_of(connection, asked)
            here = placed(connection, {model_id for match in matches.values() for model_id in match.models})
        return {digits: self._answer(match, here, now) for digits, match in matches.items()}

    def _answer(self, match: Match, here: "Placed", now: float) -> dict[str, Any]:
        rows = sorted(match.models.values(), key=lambda row: row.id)
        empty: dict[str, Any] = {"success": True, "model": None, "servers": [], "sources": [], "candidates": []}
        if not rows:
            return {**empty, "status": UNKNOWN}
        if not match.is_one():
            candidates = [
                {
                    **summary(row),
                    "matched_by": match.how[row.id],
                    **self._state_of([row], here, now, claimed=match.how[row.id] == BY_CLAIM),
                }
                for row in rows
            ]
            return {**empty, "status": AMBIGUOUS, "candidates": candidates}
        how = min(match.how.values(), key=_SUREST_FIRST.index)
        state = self._state_of(rows, here, now, claimed=how == BY_CLAIM)
        return {**empty, "model": summary(rows[0]), "matched_by": how, **state}

    def _state_of(self, rows: list[Record], here: "Placed", now: float, *, claimed: bool) -> dict[str, Any]:
        """Return ``status``, ``servers`` and ``sources`` of one model, which may be several files of equal tensors."""
        by_server: dict[str, list[Record]] = {}
        for row in rows:
            for placement in here.get(row.id, ()):
                by_server.setdefault(placement[_SERVER_ID], []).append(placement)
        listed = [self._server(placements_, now, claimed) for _, placements_ in sorted(by_server.items())]
        sources = [source for row in rows for source in sources_of(row)]
        best = min((STATES.index(server["state"]) for server in listed), default=None)
        missing = DOWNLOADABLE if sources else UNAVAILABLE
        status = missing if best is None else _STATUS_OF_STATE[STATES[best]]
        return {"status": status, "servers": listed, "sources": sources}

    def _server(self, listed: list[Record], now: float, claimed: bool) -> dict[str, Any]:
        """Return one server's element: the path that is the surest to work stands for the server."""
        ordered = listed if len(listed) == 1 else sorted(listed, key=_preference)
        # Unpacked at once: a batch does this thousands of times, and each look at a row by name is a search.
        _, server_id, path, state, hash_state, by_autov2, alias, seen, sha256 = ordered[0]
        server_state = self._ages.state(seen, now)
        return {
            "server_id": server_id,
            "alias": alias,
            "state": server_state if state == PRESENT else worse(server_state, state),
            "path": path,
            "paths": [path] if len(ordered) == 1 else [row.path for row in ordered],
            "hash_state": CLAIMED if claimed or by_autov2 else hash_state,
            "sha256": sha256,
            "last_seen": iso_time(seen),
        }


def _preference(row: Record) -> tuple[bool, bool, str]:
    return (row.state != PRESENT, row.hash_state != VERIFIED, row.path)


_RULE = "must be 10 (AutoV2), 12 (AutoV3) or 64 (SHA-256) hex digits"

Placed = dict[int, list[Record]]
"""Model id -> where it is, as ``placed`` selects it."""

_SERVER_ID = 1
"""Its place in such a row."""


def placed(connection: Connection, model_ids: Iterable[int]) -> Placed:
    """Return the rows of every place of these models, with what is needed of the server and the model."""
    here = placements.c
    query = (
        select(
            here.model_id,
            here.server_id,
            here.path,
            here.state,
            here.hash_state,
            here.by_autov2,
            servers.c.alias,
            servers.c.last_seen.label("server_seen"),
            models.c.hash_sha256,
        )
        .join(servers, servers.c.id == here.server_id)
        .join(models, models.c.id == here.model_id)
        .where(among(connection, here.model_id, model_ids))
    )
    found: Placed = {}
    for row in connection.execute(query).all():
        found.setdefault(row[0], []).append(row)
    return found


def matches_of(connection: Connection, asked: list[ModelHash]) -> dict[str, Match]:
    """Return what each hash can mean, by its digits.

    12 digits are of a tensor hash, of a SHA-256, or of a file's own claim of its tensor hash; 64 of a SHA-256 or a
    tensor hash. Each form is looked up once for all hashes, on the index over its head.
    """
    matches = {each.digits: Match() for each in asked}
    digits = {form: {each.digits for each in asked if each.form == form} for form in ("autov2", "autov3", "sha256")}
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
    return list(connection.execute(select(*SUMMARY).where(among(connection, models.c[column], listed))).all())


def summary(row: Record) -> dict[str, Any]:
    """Return a model as answers show it: type, ecosystem and base model as it counts, corrected or found."""
    return {
        "id": row.id,
        "name": row.name,
        "type": row.type,
        "sha256": row.hash_sha256,
        "autov2": row.hash_autov2,
        "autov3": row.hash_autov3,
        "tensor_sha256": row.hash_tensor,
        "size": row.size_bytes,
        "ecosystem": row.ecosystem,
        "base_model": row.base_model,
        "confidence": row.confidence,
        "civitai_id": row.civitai_id,
        "civitai_version_id": row.civitai_version_id,
        "override": shown_override(row),
    }
