"""Which models the requirements of jobs mean: by hash where there is one, else by name; what could be several is none.

A batch costs a fixed number of queries, whatever it holds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ...ecosystems.infotext.resource import CHECKPOINT, TYPES_OF_ROLE
from ...ecosystems.model_types import LORA_TYPES
from ..availability import BY_NAMES, Match, matches_of, rows_by
from ..database import Record
from ..finding import Candidate, Finding, Question
from ..hashes import ModelHash
from ..names import read_asked
from ..places import placed
from .job import AMBIGUOUS, RESOLVED, UNKNOWN, Requirement
from .requirements import REFINER, Wanted
from .warned import Warned

MOST_CANDIDATES = 50
"""Kept of one requirement."""


@dataclass(frozen=True)
class Meaning:
    """What one requirement means: the ids of its models, or of those that it could mean, and what to say of it."""

    resolution: str
    models: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    warned: Warned | None = None


@dataclass(frozen=True)
class Asking:
    """A requirement with the server that the job is for; None: any."""

    wanted: Wanted
    target_server_id: str | None = None


class Resolver:
    """Looks up what requirements mean."""

    def __init__(self, finding: Finding) -> None:
        self._finding = finding

    def resolve(self, connection: Connection, asked: Sequence[Asking]) -> list[Meaning]:
        """Return what each requirement means, in their order."""
        hashes = {digits for each in asked for digits in each.wanted.hashes}
        by_hash = matches_of(connection, [ModelHash(digits) for digits in sorted(hashes)]) if hashes else {}
        by_name = self._by_name(connection, asked)
        by_version = _by_version(connection, asked)
        here = _Here(connection, by_hash)
        meant = [_of_version(each, by_version) or _meaning(each, by_hash, by_name, here) for each in asked]
        return _with_equal_tensors(connection, meant)

    def _by_name(self, connection: Connection, asked: Iterable[Asking]) -> Mapping[Question, "_Named"]:
        questions = {question: None for each in asked for question in _questions(each)}
        resolved = self._finding.resolve_many(connection, list(questions))
        return {
            question: _Named(found.candidates, found.more) for question, found in zip(questions, resolved, strict=True)
        }


@dataclass(frozen=True)
class _Named:
    """The models that bear a name, and whether there are more than were looked at."""

    candidates: tuple[Candidate, ...] = ()
    more: bool = False

    @property
    def how(self) -> int:
        return min((BY_NAMES.index(each.how) for each in self.candidates), default=len(BY_NAMES))


class _Here:
    """Which of the models with ambiguous hashes a server has; looked up once, and only where a job names a server."""

    def __init__(self, connection: Connection, by_hash: Mapping[str, Match]) -> None:
        self._connection = connection
        self._ids = {model_id for match in by_hash.values() if not match.is_one() for model_id in match.models}
        self._servers: dict[int, set[str]] | None = None

    def has(self, server_id: str, model_id: int) -> bool:
        if self._servers is None:
            found = placed(self._connection, self._ids)
            self._servers = {key: {place.server_id for place in places} for key, places in found.items()}
        return server_id in self._servers.get(model_id, ())


def types_of(role: str) -> tuple[str, ...]:
    """Return the model types whose files can play a role; none: any."""
    return TYPES_OF_ROLE[CHECKPOINT if role == REFINER else role]


def _questions(each: Asking) -> list[Question]:
    """Return what to ask about a name: each type that can play the role, on the job's server first."""
    name = each.wanted.name
    if not name or read_asked(name) is None:
        return []
    kinds: list[str | None] = [kind for kind in types_of(each.wanted.role) if kind not in LORA_TYPES or kind == "LORA"]
    servers = [None] if each.target_server_id is None else [each.target_server_id, None]
    return [Question(name, kind, server) for server in servers for kind in kinds or [None]]


def _meaning(each: Asking, by_hash: Mapping[str, Match], by_name: Mapping[Question, _Named], here: _Here) -> Meaning:
    named = _best(each, by_name)
    if each.wanted.hashes:
        return _by_hash(each, by_hash, named, here)
    ids = tuple(dict.fromkeys(one.row.id for one in named.candidates))
    if not ids:
        return Meaning(UNKNOWN)
    if named.more or not _is_one([one.row for one in named.candidates]):
        return Meaning(AMBIGUOUS, candidates=ids[:MOST_CANDIDATES])
    return Meaning(RESOLVED, ids)


def _by_version(connection: Connection, asked: Iterable[Asking]) -> Mapping[str, Sequence[Record]]:
    """Return the models that Civitai knows as these versions, by the version's id; one may have several files."""
    ids = {str(each.wanted.civitai_version_id) for each in asked} - {"None"}
    columns = ("civitai_version_id", "enriched_civitai_version_id")
    found: dict[str, dict[int, Record]] = {}
    for row in [row for column in columns for row in rows_by(connection, column, ids)]:
        found.setdefault(row.civitai_version_id, {})[row.id] = row
    return {version: list(rows.values()) for version, rows in found.items()}


def _of_version(each: Asking, by_version: Mapping[str, Sequence[Record]]) -> Meaning | None:
    """Return what a version at Civitai means where no hash says it; None where it is not known: its name may be."""
    kinds = types_of(each.wanted.role)
    listed = by_version.get(str(each.wanted.civitai_version_id), ()) if not each.wanted.hashes else ()
    rows = [row for row in listed if not kinds or row.type in kinds]
    if not rows:
        return None
    ids = tuple(sorted(row.id for row in rows))
    return Meaning(RESOLVED, ids) if _is_one(rows) else Meaning(AMBIGUOUS, candidates=ids[:MOST_CANDIDATES])


def _best(each: Asking, by_name: Mapping[Question, _Named]) -> _Named:
    """Return those that a name fits best: on the job's server if it has one of that name, else anywhere."""
    questions = _questions(each)
    for server in dict.fromkeys(question.server_id for question in questions):
        found = [by_name[question] for question in questions if question.server_id == server]
        how = min((one.how for one in found), default=len(BY_NAMES))
        best = [one for one in found if one.how == how and one.candidates]
        if best:
            candidates = tuple(candidate for one in best for candidate in one.candidates)
            return _Named(candidates, any(one.more for one in best))
    return _Named()


def _by_hash(each: Asking, by_hash: Mapping[str, Match], named: _Named, here: _Here) -> Meaning:
    """Return what a hash means; the name helps where it could be several, and is compared."""
    wanted = each.wanted
    known = [by_hash[digits].models for digits in wanted.hashes if by_hash[digits].models]
    namesakes = {one.row.id for one in named.candidates}
    if not known:
        others = tuple(sorted(namesakes))[:MOST_CANDIDATES]
        return Meaning(UNKNOWN, candidates=others, warned=_other_hash(wanted) if others else None)
    rows = dict(known[0])
    for more in known[1:]:
        rows = {key: row for key, row in rows.items() if key in more} or rows
    kinds = types_of(wanted.role)
    fitting = {key: row for key, row in rows.items() if not kinds or row.type in {*kinds, "Other"}}
    if not fitting:
        kind = next(iter(rows.values())).type
        problem = f"{_name(wanted)}: this is the hash of a file of type {kind}; correct its type, or name another hash"
        return Meaning(UNKNOWN, candidates=tuple(rows)[:MOST_CANDIDATES], warned=Warned("wrong_type", problem))
    if not _is_one(fitting.values()):
        fitting = {key: row for key, row in fitting.items() if key in namesakes} or fitting
    target = each.target_server_id
    if target is not None and not _is_one(fitting.values()):
        fitting = {key: row for key, row in fitting.items() if here.has(target, key)} or fitting
    ids = tuple(sorted(fitting))
    if not _is_one(fitting.values()):
        return Meaning(AMBIGUOUS, candidates=ids[:MOST_CANDIDATES])
    warned = _other_name(wanted) if namesakes and namesakes.isdisjoint(ids) else None
    return Meaning(RESOLVED, ids, warned=warned)


def _is_one(rows: Collection[Record]) -> bool:
    match = Match()
    for row in rows:
        match.add(row, "id")
    return bool(match.models) and match.is_one()


def _other_hash(wanted: Wanted) -> Warned:
    return Warned(
        "other_hash",
        f"{_name(wanted)}: nobody knows the hash {wanted.hashes[0]}, and the models of this name have others; "
        "leave the hash out if one of them will do",
    )


def _other_name(wanted: Wanted) -> Warned:
    return Warned(
        "other_name",
        f"{_name(wanted)}: the hash {wanted.hashes[0]} is that of another model than the name; the hash counts",
    )


def _name(wanted: Wanted) -> str:
    return f"{wanted.role} {wanted.name[:200]!r}" if wanted.name else wanted.role


def _with_equal_tensors(connection: Connection, meant: Sequence[Meaning]) -> list[Meaning]:
    """Let any file with the tensors of a resolved model stand for it: they make the same image."""
    ids = {model_id for each in meant if each.resolution == RESOLVED for model_id in each.models}
    tensors = {row.id: row.hash_tensor for row in rows_by(connection, "id", ids) if row.hash_tensor is not None}
    alike: dict[str, set[int]] = {}
    for row in rows_by(connection, "hash_autov3", {text[:12] for text in tensors.values()}):
        if row.hash_tensor is not None:
            alike.setdefault(row.hash_tensor, set()).add(row.id)
    widened = []
    for each in meant:
        if each.resolution == RESOLVED:
            more = {other for key in each.models if key in tensors for other in alike.get(tensors[key], ())}
            each = replace(each, models=tuple(sorted({*each.models, *more})))
        widened.append(each)
    return widened


def requirement(wanted: Wanted, meaning: Meaning) -> Requirement:
    """Return a requirement as it is kept."""
    return Requirement(
        role=wanted.role,
        name=wanted.name,
        hash=wanted.hashes[0] if wanted.hashes else None,
        source=wanted.source,
        weight=wanted.weight,
        resolution=meaning.resolution,
        models=meaning.models,
        candidates=meaning.candidates,
        civitai_version_id=wanted.civitai_version_id,
    )


def asking_again(each: Any) -> Asking:
    """Return what a kept requirement asks: ``each`` has its columns, and the ``target_server_id`` of its job."""
    hashes = (each.hash,) if each.hash else ()
    return Asking(
        Wanted(each.role, each.name, hashes, civitai_version_id=each.civitai_version_id), each.target_server_id
    )


def required(asked: Iterable[tuple[Wanted, Meaning]]) -> list[tuple[Wanted, Meaning]]:
    """Return those that a job needs: what a web UI may bring along, only where it is known here."""
    return [(wanted, meaning) for wanted, meaning in asked if not wanted.optional or meaning.resolution != UNKNOWN]
