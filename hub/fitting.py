"""What of the fleet works with a checkpoint, and the other way round: a verdict per kind of file, not per file.

A kind is a type with a base model: 100,000 LoRAs are of some dozens of kinds, which the database counts, and the
catalogue judges each kind once. The files of a kind are listed page by page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select

from ..ecosystems.catalogue import Catalogue
from ..ecosystems.model_types import MODEL_TYPES, NOT_ADDONS, canonical_type
from ..ecosystems.records import GRADES, UNKNOWN
from .availability import SUMMARY, Availability, summary
from .catalogues import Catalogues
from .database import Database
from .effective import BASE_MODEL, ECOSYSTEM, TYPE
from .errors import FieldError, NotFoundError
from .registry import Registry
from .schema import models, placements

CHECKPOINT = "Checkpoint"
ADDON_TYPES = tuple(name for name in MODEL_TYPES if name not in NOT_ADDONS)
MAX_KINDS = 1000
"""Kinds that are judged, the most frequent first: agents may call an ecosystem what they like."""


@dataclass(frozen=True)
class Picked:
    """One side of a question: a model of the fleet, or a name of the catalogue."""

    name: str
    type: str | None
    subject: str | None
    """Base model or ecosystem, as the catalogue is asked; None: nobody knows what the model is made for."""
    model: Mapping[str, Any] | None = None
    """The answer of ``Registry.get`` where it is a model."""

    @property
    def key(self) -> str:
        """What names it in a question: a model's hash or id, else the name."""
        if self.model is None:
            return self.name
        return str(self.model["model"]["sha256"] or self.model["model"]["id"])


@dataclass(frozen=True)
class Kind:
    """Models of one type that are made for the same, and how many of them the asked servers have."""

    type: str
    ecosystem: str | None
    base_model: str | None
    count: int

    @property
    def subject(self) -> str | None:
        """What the catalogue is asked about."""
        return self.base_model or self.ecosystem


@dataclass(frozen=True)
class Graded:
    """A kind with the verdict on it."""

    kind: Kind
    grade: str
    reason: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Fit:
    """All kinds that were asked about, graded, the most frequent first; ``left_out``: there are more than these."""

    graded: tuple[Graded, ...]
    left_out: bool

    def counts(self) -> dict[str, int]:
        """Return how many files have each grade."""
        return {grade: sum(one.kind.count for one in self.graded if one.grade == grade) for grade in GRADES}


@dataclass(frozen=True)
class Question:
    """What a fit is narrowed to; None is "any". Without a runtime the rules of the web service hold."""

    type: str | None = None
    server_id: str | None = None
    runtime: str | None = None


class Fitting:
    """Answers which add-ons of the fleet fit a checkpoint, which checkpoints an add-on, and where both are."""

    def __init__(
        self, database: Database, registry: Registry, availability: Availability, catalogues: Catalogues
    ) -> None:
        self._database = database
        self._registry = registry
        self._availability = availability
        self._catalogues = catalogues

    def pick(self, text: str) -> Picked:
        """Return what a hash, an id or a name stands for.

        Raises:
            NotFoundError: nothing (``model_not_found``); the message names what looks like it.
            ConflictError: the hash may mean several models (``ambiguous_hash``).
        """
        try:
            found = self._registry.get(text)
        except (FieldError, NotFoundError):
            catalogue = self._catalogues.current
            subject = catalogue.find(text)
            if subject is None:
                alike = " or ".join(catalogue.similar(text))
                raise NotFoundError(
                    f"{text[:80]!r} is no model here and no base model{f'; did you mean {alike}?' if alike else ''}",
                    code="model_not_found",
                ) from None
            return Picked(subject.name, None, subject.name)
        model = found["model"]
        return Picked(model["name"], model["type"], model["base_model"] or model["ecosystem"], found)

    def addons_for(self, checkpoint: Picked, question: Question) -> Fit:
        """Grade the add-ons of the fleet for a checkpoint.

        Raises:
            FieldError: the type is no add-on's, or the runtime is not known.
        """
        types = ADDON_TYPES if question.type is None else (_addon_type(question.type),)
        return self._fit(types, question, lambda kind: (checkpoint.subject, kind.subject, kind.type))

    def checkpoints_for(self, addon: Picked, question: Question) -> Fit:
        """Grade the checkpoints of the fleet for an add-on; ``question.type`` is what a base model's name is asked as.

        Raises:
            FieldError: as ``addons_for``.
        """
        kind_of_addon = _addon_type(addon.type or question.type or "LORA")
        return self._fit((CHECKPOINT,), question, lambda kind: (kind.subject, addon.subject, kind_of_addon))

    def pair(self, checkpoint: Picked, addon: Picked, question: Question) -> Graded:
        """Grade one add-on with one checkpoint.

        Raises:
            FieldError: as ``addons_for``.
        """
        kind = Kind(_addon_type(addon.type or question.type or "LORA"), None, addon.subject, 1)
        return self._grade(self._catalogues.current, kind, (checkpoint.subject, addon.subject, kind.type), question)

    def files(
        self, kind: Kind, server_id: str | None, *, after: int = 0, limit: int = 50
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Return models of a kind, each with where it is, and what to ask ``after`` next (None: no more)."""
        conditions = [
            models.c.id > after,
            TYPE == kind.type,  # noqa: SIM300 (a column, not a constant)
            ECOSYSTEM.is_not_distinct_from(kind.ecosystem),
            BASE_MODEL.is_not_distinct_from(kind.base_model),
            _placed(server_id),
        ]
        query = select(*SUMMARY).where(*conditions).order_by(models.c.id).limit(limit + 1)
        with self._database.read() as connection:
            rows = list(connection.execute(query))
            listed = rows[:limit]
            states = self._availability.of_models(connection, listed)
        more = listed[-1].id if len(rows) > limit else None
        return [{**summary(row), **states[row.id]} for row in listed], more

    def _fit(self, types: Iterable[str], question: Question, asked: Any) -> Fit:
        catalogue = self._catalogues.current
        with self._database.read() as connection:
            kinds = _kinds(connection, types, question.server_id)
        graded = [self._grade(catalogue, kind, asked(kind), question) for kind in kinds[:MAX_KINDS]]
        return Fit(tuple(graded), len(kinds) > MAX_KINDS)

    def _grade(
        self, catalogue: Catalogue, kind: Kind, asked: tuple[str | None, str | None, str], question: Question
    ) -> Graded:
        checkpoint, addon, kind_of_addon = asked
        if question.runtime is not None and catalogue.find_runtime(question.runtime) is None:
            raise FieldError("runtime", f"must be one of {', '.join(catalogue.runtimes)}")
        if checkpoint is None:
            return Graded(kind, UNKNOWN, "it is not known what the checkpoint is based on", ())
        if addon is None:
            return Graded(kind, UNKNOWN, "it is not known what the add-on is made for", ())
        verdict = catalogue.verdict(checkpoint, addon, kind_of_addon, "generation", question.runtime)
        return Graded(kind, verdict.grade, verdict.reason, verdict.steps)


@dataclass(frozen=True)
class Together:
    """A server that has one or both of two models; each as ``Availability`` answers it, or None."""

    server_id: str
    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None

    @property
    def both(self) -> bool:
        """Whether the combination can run there, as far as files go."""
        return self.first is not None and self.second is not None


def together(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Together]:
    """Return the servers that have one or both of two models (answers of ``Registry.get``), those with both first."""
    here = {server["server_id"]: server for server in first["servers"]}
    there = {server["server_id"]: server for server in second["servers"]}
    found = [Together(name, here.get(name), there.get(name)) for name in sorted({*here, *there})]
    return sorted(found, key=lambda one: not one.both)


def _addon_type(name: str) -> str:
    kind = canonical_type(name)
    if kind not in ADDON_TYPES:
        raise FieldError("type", f"must be a type that is used with a checkpoint: {', '.join(ADDON_TYPES)}")
    return kind


def _placed(server_id: str | None) -> ColumnElement[bool]:
    here = exists().where(placements.c.model_id == models.c.id)
    return here if server_id is None else here.where(placements.c.server_id == server_id)


def _kinds(connection: Connection, types: Iterable[str], server_id: str | None) -> list[Kind]:
    """Return the kinds of these types that the fleet (or a server) has, the most frequent first, one over the limit."""
    columns = (TYPE, ECOSYSTEM, BASE_MODEL)
    total = func.count()
    query = (
        select(*columns, total)
        .where(TYPE.in_(list(types)), _placed(server_id))
        .group_by(*columns)
        .order_by(total.desc(), *columns)
        .limit(MAX_KINDS + 1)
    )
    return [Kind(*row) for row in connection.execute(query)]
