"""The tab's "Compatibility", and the grades on cards: verdicts of the catalogue over the shelf."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.catalogue import Catalogue
from ...ecosystems.model_types import NOT_ADDONS, canonical_type
from ...ecosystems.records import UNKNOWN
from .host import LoadedCheckpoint
from .hub_link import Fleet
from .question import Question, RouteError
from .shelf import Item, Stock

SUPPORT = "generation"


@dataclass(frozen=True)
class Chosen:
    """The checkpoint that is asked about: what it is called, and its base model or ecosystem (None: not known)."""

    name: str
    subject: str | None
    item: Item | None = None
    loaded: bool = False

    def to_json(self) -> dict[str, Any]:
        item = self.item
        return {
            "name": self.name,
            "path": item.path if item else None,
            "base_model": item.base_model if item else self.subject,
            "ecosystem": item.ecosystem if item else None,
            "confidence": item.identity.get("confidence") if item else None,
            "loaded": self.loaded,
        }


@dataclass(frozen=True)
class Judge:
    """Asks the catalogue for this web UI."""

    catalogue: Catalogue
    runtime: str

    def chosen(self, stock: Stock, asked: str, loaded: LoadedCheckpoint | None) -> Chosen | None:
        """Return the checkpoint of a published path or base model name; with an empty one the loaded one, or None.

        Raises:
            RouteError: it is neither a model here nor a name of the catalogue.
        """
        if not asked:
            if loaded is None:
                return None
            item = stock.by_file.get(os.path.normcase(loaded.file))
            return Chosen(loaded.name, item.subject if item else None, item, loaded=True)
        item = stock.by_path.get(asked)
        if item is not None:
            return Chosen(item.name, item.subject, item)
        subject = self.catalogue.find(asked)
        if subject is None:
            near = " or ".join(self.catalogue.similar(asked))
            hint = f"; did you mean {near}?" if near else ""
            raise RouteError(404, "checkpoint_not_found", f"{asked[:80]!r} is no model here and no base model{hint}")
        return Chosen(subject.name, subject.name)

    def grade(self, chosen: Chosen | None, item: Item) -> tuple[str, str]:
        """Return the grade of a model with the checkpoint, and the reason on one line."""
        return self.grade_of(chosen, item.subject, item.type, waiting=item.sha256 is None)

    def grade_of(
        self, chosen: Chosen | None, addon: str | None, kind: str, *, waiting: bool = False
    ) -> tuple[str, str]:
        """Return grade and reason for what is known of an add-on."""
        if chosen is None:
            return UNKNOWN, "no checkpoint is loaded"
        if chosen.subject is None:
            return UNKNOWN, f"it is not known what {chosen.name} is based on"
        if addon is None:
            return UNKNOWN, "it is being read" if waiting else "it is not known what this is made for"
        verdict = self.catalogue.verdict(chosen.subject, addon, kind, SUPPORT, self.runtime)
        return verdict.grade, verdict.reason

    def addons(self, stock: Stock) -> Iterable[Item]:
        """Return the models here that are used together with a checkpoint."""
        return (item for item in stock.items if item.type not in NOT_ADDONS)


def compatibility(judge: Judge, stock: Stock, chosen: Chosen | None) -> dict[str, Any]:
    """Answer ``GET compatibility`` but for the defaults."""
    head: dict[str, Any] = {
        "runtime": judge.runtime,
        "checkpoint": chosen.to_json() if chosen else None,
        "message": None,
    }
    if chosen is None:
        head["message"] = "No checkpoint is loaded; choose one above."
    elif chosen.subject is None:
        head["message"] = f"It is not known what {chosen.name} is based on. Correct its base model on the page Models."
    counts: Counter[str] = Counter()
    rows = []
    for item in sorted(judge.addons(stock), key=lambda item: item.name.casefold()):
        grade, reason = judge.grade(chosen, item)
        counts[grade] += 1
        rows.append(
            {
                "path": item.path,
                "name": item.name,
                "type": item.type,
                "base_model": item.subject,
                "grade": grade,
                "reason": reason,
            }
        )
    return {**head, "counts": dict(counts), "models": rows}


def steps(judge: Judge, stock: Stock, chosen: Chosen | None, item: Item) -> dict[str, Any]:
    """Answer ``GET compatibility/steps``: how the grade came about."""
    grade, reason = judge.grade(chosen, item)
    taken: list[str] = []
    if chosen is not None and chosen.subject is not None and item.subject is not None:
        verdict = judge.catalogue.verdict(chosen.subject, item.subject, item.type, SUPPORT, judge.runtime)
        taken = list(verdict.steps)
    return {"grade": grade, "reason": reason, "steps": taken}


def matrix(judge: Judge, question: Question) -> dict[str, Any]:
    """Answer ``GET compatibility/matrix``: the grade of each ecosystem's add-ons with each one's checkpoints.

    Raises:
        RouteError: the model type is none.
    """
    asked = question.text("type") or "LORA"
    kind = canonical_type(asked)
    if kind is None:
        raise RouteError(422, "invalid_field", f"{asked[:80]!r} is no model type", {"field": "type"})
    catalogue = judge.catalogue
    names = [name for name in catalogue.ecosystems if _loads(judge, name, kind)]
    return {
        "type": kind,
        "runtime": judge.runtime,
        "ecosystems": names,
        "grades": [
            [catalogue.verdict(checkpoint, addon, kind, SUPPORT, judge.runtime).grade for addon in names]
            for checkpoint in names
        ],
    }


def _loads(judge: Judge, ecosystem: str, kind: str) -> bool:
    """Tell whether this program loads a type for an ecosystem: what it cannot load only makes the picture wide."""
    subject = judge.catalogue.find(ecosystem)
    row = judge.catalogue.runtime_support(judge.runtime, subject) if subject is not None else None
    return row is not None and kind in row.model_types


def cards(judge: Judge, stock: Stock, chosen: Chosen | None, elsewhere: Mapping[str, list[str]]) -> dict[str, Any]:
    """Answer ``GET cards``: by absolute path, what the badges show; ``elsewhere`` is SHA-256 -> other servers."""
    found = {}
    for item in stock.items:
        grade, reason = judge.grade(chosen, item) if item.type not in NOT_ADDONS else (None, None)
        found[item.record.path] = {
            "grade": grade,
            "reason": reason,
            "elsewhere": elsewhere.get(item.sha256 or "", []),
        }
    return {"revision": stock.revision, "checkpoint": chosen.to_json() if chosen else None, "cards": found}


def defaults(judge: Judge, stock: Stock, fleet: Fleet, chosen: Chosen | None, own_id: str) -> list[dict[str, Any]]:
    """Return the settings that the catalogue gives the checkpoint's ecosystem, each with its origin.

    A checkpoint or VAE is named by the id of its version on Civitai; where that is known of a model here or elsewhere,
    ``status`` (``here``, ``elsewhere``, ``nowhere``) and ``where`` (servers) say who has it, and ``title`` what it is.
    """
    subject = judge.catalogue.find(chosen.subject) if chosen is not None and chosen.subject is not None else None
    if subject is None:
        return []
    rows = []
    for key, (value, origin) in judge.catalogue.settings(subject.ecosystem.name).items():
        row: dict[str, Any] = {"key": key, "value": value, "from": origin, "title": None, "status": None, "where": []}
        if key.endswith("VersionId"):
            row.update(_who_has(value, stock, fleet, own_id))
        rows.append(row)
    return rows


def _who_has(version_id: object, stock: Stock, fleet: Fleet, own_id: str) -> dict[str, Any]:
    here = next((item for item in stock.items if item.metadata.get("civitai_version_id") == version_id), None)
    if here is not None:
        return {"title": here.metadata.get("title") or here.name, "status": "here"}
    listed = next((model for model in fleet.models if model.wire.get("civitai_version_id") == version_id), None)
    if listed is None:
        return {"status": "nowhere" if fleet.models else None}
    servers = [server for server in listed.servers if server != own_id]
    return {"title": listed.wire.get("name"), "status": "elsewhere" if servers else "nowhere", "where": servers}
