"""Which model a name means: a file's name or path on any server, a checkpoint's title, a prompt's ``<lora:name:1>``.

A name is no identity. What was said by hand comes first, then a path (its folders narrow), then a bare name; what files
are called now comes before what they were called once. Where the best of these leaves several models, all are listed
and none is chosen. Each batch costs a fixed number of queries, each on an index, whatever the hub knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from ..ecosystems.model_types import LORA_TYPES, canonical_type
from . import fields
from .aliases import HAND, OWN, alias_rule
from .availability import (
    AMBIGUOUS,
    BY_ALIAS,
    BY_HASH,
    BY_NAME,
    BY_NAMES,
    BY_OWN_NAME,
    BY_PAST_NAME,
    BY_PAST_PATH,
    BY_PATH,
    UNKNOWN,
    Availability,
    Match,
    matches_of,
    rows_by,
    summary,
)
from .database import Database, Record, among
from .errors import FieldError, NotFoundError, TooLargeError
from .limits import Limits
from .names import AskedName, FileName, name_key, read_asked, read_file_name
from .places import Place, Placed, placed
from .schema import model_aliases

CANDIDATES_LIMIT = 500
"""Rows read for one name. Of a name that more bear, none is chosen."""
SHOWN_CANDIDATES = 50
"""Of a name that more models bear, so many are listed."""


@dataclass(frozen=True)
class Question:
    """A name as somebody wrote it; ``type`` and ``server_id`` narrow, None is "any".

    ``type`` is a canonical model type; LORA stands for all that a web UI loads as one.
    """

    name: str
    type: str | None = None
    server_id: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A model that a name can mean: its row (``SUMMARY``), and how it matched, one of ``availability.BY_NAMES``."""

    row: Record
    how: str


@dataclass(frozen=True)
class Resolution:
    """What a name means.

    ``candidates`` all matched in the same, best way; ``others`` bear the name where a title's hash is that of another
    model. ``more``: so many models bear the name that not all were looked at.
    """

    candidates: tuple[Candidate, ...] = ()
    others: tuple[Candidate, ...] = ()
    more: bool = False

    @property
    def model(self) -> Record | None:
        """The model that is meant, None where there is none or could be several."""
        match = _as_match(self.candidates)
        return self.candidates[0].row if self.candidates and not self.more and match.is_one() else None


@dataclass(frozen=True)
class _Named:
    """A name that a model has: from an alias, from the file itself (``own``), or of a file that a server has now."""

    file: FileName
    hand: bool = False
    own: bool = False
    now: bool = False


class Finding:
    """Look-ups by name."""

    def __init__(self, database: Database, limits: Limits, availability: Availability) -> None:
        self._database = database
        self._limits = limits
        self._availability = availability

    def resolve(self, name: str, type: str | None = None, server_id: str | None = None) -> Resolution:  # noqa: A002
        """Return what one name means; see ``Question``.

        Raises:
            FieldError: it is no name.
        """
        with self._database.read() as connection:
            return self.resolve_many(connection, [Question(name, type, server_id)])[0]

    def resolve_many(self, connection: Connection, questions: Sequence[Question]) -> list[Resolution]:
        """Return what each name means.

        Raises:
            FieldError: one is no name.
        """
        return self._resolve(connection, questions)[0]

    def find(self, question: Question) -> dict[str, Any]:
        """Return the model that a name means, and which servers have it.

        Raises:
            FieldError: it is no name.
            NotFoundError: no model is known by it.
        """
        (answer,) = self._answers([question])
        if answer["status"] == UNKNOWN:
            others = answer["candidates"]
            because = "; models of this name have other hashes" if others else ""
            raise NotFoundError(
                f"no model is known by the name {question.name[:200]!r}{because}",
                {"candidates": others},
                code="model_not_found",
            )
        return answer

    def find_many(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers for ``{"questions": [{"path" or "name", "type", "server"}…]}``, in their order.

        Raises:
            FieldError: the list is missing, or a question in it is none.
            TooLargeError: there are too many.
        """
        listed = fields.required(body, "questions")
        if not isinstance(listed, list):
            raise FieldError("questions", "must be a list of questions")
        if len(listed) > self._limits.batch_hashes:
            raise TooLargeError(
                f"questions: {len(listed)} in one request; at most {self._limits.batch_hashes} are taken",
                {"field": "questions", "limit": self._limits.batch_hashes},
                code="too_many_entries",
            )
        questions = []
        for number, value in enumerate(listed):
            try:
                questions.append(read_question(value, self._limits))
            except FieldError as error:
                raise error.below(f"questions[{number}]") from None
        return {"success": True, "results": self._answers(questions)}

    def _answers(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            resolved, here = self._resolve(connection, questions)
        answers = self._availability.of_matches([_as_match(each.candidates) for each in resolved], here)
        return [_shown(*each) for each in zip(questions, resolved, answers, strict=True)]

    def _resolve(self, connection: Connection, questions: Sequence[Question]) -> tuple[list[Resolution], Placed]:
        asked = [_read(question, self._limits) for question in questions]
        by_hash = matches_of(connection, [each.hash for each in asked if each.hash is not None])
        named = _aliases(connection, {name_key(each.file) for each in asked})
        ids = {model_id for listed in named.values() for model_id, _ in listed}
        rows = {row.id: row for row in rows_by(connection, "id", ids)}
        for match in by_hash.values():
            rows.update(match.models)
        here = placed(connection, rows)
        resolved = []
        for question, each in zip(questions, asked, strict=True):
            listed = named.get(name_key(each.file), [])
            candidates = _by_name(question, each, listed, rows, here)
            if each.hash is None:
                best = [one for one in candidates if one.how == candidates[0].how] if candidates else []
                resolved.append(Resolution(tuple(best), more=_is_more(listed, best)))
            else:
                resolved.append(_by_hash(question, by_hash[each.hash.digits], candidates, here))
        return resolved, here


def read_question(value: object, limits: Limits) -> Question:
    """Return a question ``{"path" or "name", "type", "server"}``, or the one that a bare string asks.

    Raises:
        FieldError: it is none.
    """
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        raise FieldError("", "must be an object with a path or a name")
    stated = [name for name in ("path", "name") if value.get(name) is not None]
    if len(stated) != 1:
        raise FieldError("name", "one of path and name is required", missing=not stated)
    name = fields.text(value, stated[0], limits.path_bytes)
    assert name is not None
    kind = fields.text(value, "type", limits.text_characters)
    canonical = None if kind is None else canonical_type(kind)
    if kind is not None and canonical is None:
        raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
    question = Question(name, canonical, fields.text(value, "server", limits.text_characters))
    if read_asked(name) is None:
        raise FieldError(stated[0], alias_rule(limits))
    return question


def _read(question: Question, limits: Limits) -> AskedName:
    asked = read_asked(question.name)
    if asked is None:
        raise FieldError("name", alias_rule(limits))
    return asked


def _aliases(connection: Connection, keys: Iterable[str]) -> dict[str, list[tuple[int, _Named]]]:
    """Return who bears each of these names, at most one more than ``CANDIDATES_LIMIT`` for each."""
    named = model_aliases.c
    # Own names last: where a thousand LoRAs call themselves "last", the one whose file is called so is meant.
    order = (case((named.source == OWN, 1), else_=0), named.id)
    number = func.row_number().over(partition_by=named.name_key, order_by=order).label("number")
    listed = select(named.name_key, named.model_id, named.alias_path, named.source, number)
    inner = listed.where(among(connection, named.name_key, keys)).subquery()
    found: dict[str, list[tuple[int, _Named]]] = {}
    for row in connection.execute(select(inner).where(inner.c.number <= CANDIDATES_LIMIT + 1)):
        file = read_file_name(row.alias_path)
        if file is not None:
            found.setdefault(row.name_key, []).append(
                (row.model_id, _Named(file, hand=row.source == HAND, own=row.source == OWN))
            )
    return found


def _is_more(listed: Sequence[tuple[int, _Named]], best: Sequence[Candidate]) -> bool:
    """Say whether there may be more models like the best ones than were looked at."""
    if len(listed) <= CANDIDATES_LIMIT:
        return False
    return not listed[-1][1].own or not best or best[0].how == BY_OWN_NAME


def _by_name(
    question: Question,
    asked: AskedName,
    listed: Iterable[tuple[int, _Named]],
    rows: Mapping[int, Record],
    here: Placed,
) -> list[Candidate]:
    """Return the models that bear a name, those that match best first."""
    names: dict[int, list[_Named]] = {}
    for model_id, named in listed:
        names.setdefault(model_id, []).append(named)
    found = []
    for model_id, known in names.items():
        row = rows.get(model_id)
        if row is None or not _is_meant((question.type, asked.type), row) or not _is_there(question, row, here):
            continue
        paths = [read_file_name(place.path) for place in here.get(model_id, ()) if _is_at(question, place)]
        current = [_Named(path, now=True) for path in paths if path is not None]
        hows = [how for named in [*known, *current] if (how := _how(asked.file, named)) is not None]
        if hows:
            found.append(Candidate(row, min(hows, key=BY_NAMES.index)))
    return sorted(found, key=lambda one: (BY_NAMES.index(one.how), one.row.id))


def _how(asked: FileName, named: _Named) -> str | None:
    """Return how a name that a model has matches, None where it does not."""
    if not asked.agrees_with(named.file):
        return None
    if named.own:
        return BY_OWN_NAME
    same_path = asked.is_same_path(named.file)
    if named.hand and (same_path or not (asked.folders or named.file.folders)):
        return BY_ALIAS
    if same_path:
        return BY_PATH if named.now else BY_PAST_PATH
    return BY_NAME if named.now else BY_PAST_NAME


def _by_hash(question: Question, match: Match, named: Sequence[Candidate], here: Placed) -> Resolution:
    """Return what a title with a hash means: the hash says it; of several models with it, the name may tell one."""
    rows = match.models.values()
    meant = [row for row in rows if _is_meant((question.type,), row) and _is_there(question, row, here)]
    names = {one.row.id for one in named}
    narrowed = [row for row in meant if row.id in names] or meant
    candidates = tuple(Candidate(row, BY_HASH) for row in sorted(narrowed, key=lambda row: row.id))
    return Resolution(candidates, others=() if candidates else tuple(named))


def _is_meant(types: Iterable[str | None], row: Record) -> bool:
    """Say whether a model is of the types that are asked for; a web UI loads LyCORIS and DoRA files as LoRAs."""
    return all(kind in {None, row.type} or (kind == "LORA" and row.type in LORA_TYPES) for kind in types)


def _is_there(question: Question, row: Record, here: Placed) -> bool:
    return question.server_id is None or any(_is_at(question, place) for place in here.get(row.id, ()))


def _is_at(question: Question, place: Place) -> bool:
    return question.server_id is None or question.server_id in {place.server_id, place.alias}


def _as_match(candidates: Iterable[Candidate]) -> Match:
    match = Match()
    for one in candidates:
        match.add(one.row, one.how)
    return match


def _shown(question: Question, resolved: Resolution, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as it is sent."""
    if resolved.more:
        answer = {**answer, "status": AMBIGUOUS, "model": None, "servers": [], "sources": []}
        answer.pop("matched_by", None)
    if resolved.more or answer["status"] == UNKNOWN:
        listed = resolved.candidates or resolved.others
        answer["candidates"] = [{**summary(one.row), "matched_by": one.how} for one in listed]
    answer["candidates"] = answer["candidates"][:SHOWN_CANDIDATES]
    return {"asked": question.name, **answer, "more": resolved.more}
