"""What the hub's routes and the console say about a catalogue, as objects that are ready for JSON."""

from collections.abc import Mapping
from typing import Any

from . import records as r
from .catalogue import Catalogue
from .constraints import Limit, limits
from .errors import QuestionError
from .load import digest, document_of
from .lookups import Subject
from .resolution import supported_types
from .table import literal_grade
from .verdict import Verdict

MAX_NAME_CHARACTERS = 200
MAX_QUESTIONS = 1000


def catalogue_answer(catalogue: Catalogue) -> dict[str, Any]:
    """Answer ``GET /api/v1/ecosystems``.

    ``ecosystems`` and ``base_models`` are for reading; ``catalogue`` is the whole in our schema, for an agent that
    keeps it (see ``store``). ``digest`` is the SHA-256 of the latter.
    """
    return {
        "success": True,
        "name": catalogue.name,
        "version": catalogue.version,
        "digest": digest(catalogue),
        "ecosystems": [ecosystem_answer(catalogue, record) for record in catalogue.ecosystems.values()],
        "base_models": [base_model_answer(catalogue, record) for record in catalogue.base_models.values()],
        "runtimes": [
            {"name": row.name, "title": row.title, "as_of": row.as_of, "aliases": [a.name for a in row.aliases]}
            for row in catalogue.runtimes.values()
        ],
        "catalogue": document_of(catalogue),
    }


def ecosystem_answer(catalogue: Catalogue, record: r.EcosystemRecord) -> dict[str, Any]:
    """Describe an ecosystem with what it supports, also what it inherits."""
    subject = catalogue.subject(record)
    return {
        "kind": "ecosystem",
        "name": record.name,
        "title": record.title or record.name,
        "parent": record.parent,
        "root": catalogue.root(record.name).name,
        "children": [row.name for row in catalogue.ecosystems.values() if row.parent == record.name],
        "relations": record.relations,
        "aliases": [alias.name for alias in record.aliases],
        "base_models": [model.name for model in catalogue.members(record.name)],
        "support": _support(catalogue, subject),
        "runtimes": _runtimes(catalogue, subject),
        "source": record.source,
    }


def base_model_answer(catalogue: Catalogue, record: r.BaseModelRecord) -> dict[str, Any]:
    """Describe a base model with what it supports."""
    subject = catalogue.subject(record)
    files = record.files
    return {
        "kind": "base_model",
        "name": record.name,
        "ecosystem": subject.ecosystem.name,
        "root": catalogue.root(subject.ecosystem.name).name,
        "group": record.group,
        "family": catalogue.groups[record.group].family,
        "media": list(record.media),
        "hidden": record.hidden,
        "deprecated": record.deprecated,
        "can_generate": record.can_generate,
        "engine": record.engine,
        "aliases": [alias.name for alias in record.aliases],
        "license": files.license if files else None,
        "weights": files.weights if files else None,
        "support": _support(catalogue, subject),
        "runtimes": _runtimes(catalogue, subject),
        "source": record.source,
    }


def _support(catalogue: Catalogue, subject: Subject) -> dict[str, list[str]]:
    return {name: list(supported_types(catalogue, subject, name).model_types) for name in r.SUPPORT_TYPES}


def _runtimes(catalogue: Catalogue, subject: Subject) -> dict[str, list[str]]:
    rows = {name: catalogue.runtime_support(name, subject) for name in catalogue.runtimes}
    return {name: list(row.model_types) for name, row in rows.items() if row is not None and row.model_types}


def named_answers(catalogue: Catalogue, name: str) -> list[dict[str, Any]]:
    """Describe all that a name stands for: a base model, an ecosystem, both, or nothing."""
    answers = []
    model, ecosystem = catalogue.find_base_model(name), catalogue.find_ecosystem(name)
    if model:
        answers.append(base_model_answer(catalogue, model))
    if ecosystem:
        answers.append(ecosystem_answer(catalogue, ecosystem))
    subject = catalogue.find(name)
    if not answers and subject:
        answers.append(ecosystem_answer(catalogue, subject.ecosystem))
    return answers


def settings_answer(catalogue: Catalogue, subject: Subject, context: Mapping[str, str]) -> dict[str, Any]:
    """Say which settings and input constraints hold for a subject, and where each comes from."""
    settings = catalogue.settings(subject.ecosystem.name)
    constraints = limits(catalogue, subject, context)
    return {
        "name": subject.name,
        "ecosystem": subject.ecosystem.name,
        "settings": {key: value for key, (value, _) in settings.items()},
        "from": {key: origin for key, (_, origin) in settings.items()},
        "constraints": {key: limit.value for key, limit in constraints.items()},
        "constraints_from": {key: _told(limit) for key, limit in constraints.items()},
        "context": dict(context),
    }


def _told(limit: Limit) -> str:
    base = f"{limit.base.value} for {limit.base.target}"
    if limit.modifier is None:
        return base
    when = ", ".join(f"{key} is {' or '.join(values)}" for key, values in limit.modifier.when.items())
    return f"{base}; {limit.modifier.operation} {limit.modifier.value} for {limit.modifier.target} where {when}"


def verdict_answer(catalogue: Catalogue, verdict: Verdict) -> dict[str, Any]:
    """Give a verdict with its steps, and name any difference to the document's bare derivation."""
    first, second = catalogue.find(verdict.checkpoint), catalogue.find(verdict.addon)
    table = difference = None
    if first and second:
        table = literal_grade(catalogue, first.ecosystem, second.ecosystem, verdict.model_type, verdict.support_type)
        if table != verdict.grade:
            asked = f"in {verdict.runtime}" if verdict.runtime else "with overrides, exceptions and explicit families"
            difference = f"the table says {table}; {asked} it is {verdict.grade}: {verdict.reason}"
    return {
        "checkpoint": verdict.checkpoint,
        "addon": verdict.addon,
        "type": verdict.model_type,
        "support": verdict.support_type,
        "runtime": verdict.runtime,
        "grade": verdict.grade,
        "reason": verdict.reason,
        "steps": list(verdict.steps),
        "resolution": list(verdict.support.steps) if verdict.support else [],
        "table": table,
        "difference": difference,
    }


def compatibility_answer(catalogue: Catalogue, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer ``POST /api/v1/compatibility``.

    Args:
        body: ``{"checkpoint", "addon", "type", "support", "runtime"}``, the last two optional; or
            ``{"questions": [these, …]}`` with up to 1,000 of them, which gives ``verdicts`` in their order.

    Raises:
        QuestionError: something is missing or has no meaning; ``field`` is its path.
    """
    head = {"success": True, "version": catalogue.version}
    if "questions" not in body:
        return {**head, **_one_answer(catalogue, body, "")}
    questions = body["questions"]
    if not isinstance(questions, list) or len(questions) > MAX_QUESTIONS:
        raise QuestionError("questions", f"must be a list of up to {MAX_QUESTIONS} questions")
    verdicts = []
    for index, question in enumerate(questions):
        place = f"questions[{index}]"
        if not isinstance(question, Mapping):
            raise QuestionError(place, "must be an object")
        verdicts.append(_one_answer(catalogue, question, place + "."))
    return {**head, "verdicts": verdicts}


def _one_answer(catalogue: Catalogue, body: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    values = {}
    for key in ("checkpoint", "addon", "type", "support", "runtime"):
        value = body.get(key)
        if value is None and key in {"support", "runtime"}:
            continue
        if value is None:
            raise QuestionError(prefix + key, "this field is required", missing=True)
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_CHARACTERS:
            raise QuestionError(prefix + key, f"must be text of 1 to {MAX_NAME_CHARACTERS} characters")
        values[key] = value
    try:
        verdict = catalogue.verdict(
            values["checkpoint"],
            values["addon"],
            values["type"],
            values.get("support", "generation"),
            values.get("runtime"),
        )
    except QuestionError as error:
        raise QuestionError(prefix + error.field, str(error)) from error
    notes = [catalogue.ambiguity(values[key]) for key in ("checkpoint", "addon")]
    return {**verdict_answer(catalogue, verdict), "notes": [note for note in dict.fromkeys(notes) if note]}
