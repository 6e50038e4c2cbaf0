"""What a person says that models are, in place of what was found."""

from ...ecosystems.catalogue import Catalogue
from ...ecosystems.model_types import MODEL_TYPES, canonical_type
from ..agent import Agent
from ..corrections import Correction
from .question import Answer, Question, RouteError
from .shelf import Stock

MOST_SELECTED = 5000


def names(catalogue: Catalogue) -> Answer:
    """Answer ``GET names``: what a correction may say."""
    return {
        "base_models": [m.name for m in catalogue.base_models.values() if not m.hidden],
        "types": list(MODEL_TYPES),
    }


def correct(agent: Agent, stock: Stock, catalogue: Catalogue, question: Question) -> Answer:
    """Answer ``POST correct``: a person says what some models are, or takes it back.

    Raises:
        RouteError: a name is not known.
    """
    hashes = {text.lower() for text in question.words("sha256", MOST_SELECTED)}
    known = hashes & {item.sha256 for item in stock.items}
    if question.given("clear", bool, False):
        agent.corrections.clear(known)
    else:
        agent.corrections.put(known, _correction(catalogue, question))
    agent.library.corrected()
    if agent.syncer is not None:
        agent.syncer.hurry()
    return {"changed": len(known)}


def _correction(catalogue: Catalogue, question: Question) -> Correction:
    name, kind = question.given("base_model", str), question.given("type", str)
    if name is None and kind is None:
        raise RouteError(422, "missing_required_field", "say a base_model or a type", {"field": "base_model"})
    subject = catalogue.find(name) if name is not None else None
    if name is not None and subject is None:
        near = " or ".join(catalogue.similar(name))
        hint = f"; did you mean {near}?" if near else ""
        raise RouteError(
            422, "invalid_field", f"{name[:80]!r} is no base model that is known{hint}", {"field": "base_model"}
        )
    canonical = canonical_type(kind) if kind is not None else None
    if kind is not None and canonical is None:
        raise RouteError(422, "invalid_field", f"{kind[:80]!r} is no model type", {"field": "type"})
    model = subject.base_model if subject is not None else None
    return Correction(
        model.name if model is not None else None,
        subject.ecosystem.name if subject is not None else None,
        canonical,
    )
