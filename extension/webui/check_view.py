"""The tab's "Check", and the warning above Generate: what an image, an infotext or a prompt needs, and who has it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...ecosystems.infotext import (
    TYPES_OF_ROLE,
    ImageError,
    Infotext,
    Resource,
    TextTooLongError,
    parse,
    parse_image,
    prompt_resources,
    stem,
)
from ...ecosystems.model_types import NOT_ADDONS
from ...ecosystems.records import NONE, UNKNOWN
from ...hub_client import AVAILABLE, Availability, HubError
from .compat_view import Chosen, Judge
from .hub_link import Fleet, HubLink
from .question import Question, RouteError
from .shelf import Item, Stock

HERE, ELSEWHERE, NOWHERE, AMBIGUOUS = "here", "elsewhere", "nowhere", "ambiguous"
DOWNLOADABLE = "downloadable"
_STATUS = {"downloadable": DOWNLOADABLE, "unavailable": NOWHERE, "ambiguous": AMBIGUOUS, "unknown": UNKNOWN.lower()}
EMBEDDING = "TextualInversion"


@dataclass
class Need:
    """One resource, and what became of the search for it."""

    resource: Resource
    status: str = UNKNOWN.lower()
    item: Item | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    servers: list[str] = field(default_factory=list)
    note: str | None = None

    @property
    def type(self) -> str | None:
        """Its model type, as far as that is known."""
        if self.item is not None:
            return self.item.type
        return self.model.get("type") or next(iter(TYPES_OF_ROLE.get(self.resource.role, ())), None)

    @property
    def subject(self) -> str | None:
        """What a verdict is asked with."""
        if self.item is not None:
            return self.item.subject
        return self.model.get("base_model") or self.model.get("ecosystem")

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.resource.name or (self.item.name if self.item else None) or self.resource.hash or "?"


def read(stock: Stock, question: Question) -> Infotext:
    """Return what was dropped or pasted.

    Raises:
        RouteError: it is no image, or too long.
    """
    names = [item.name for item in stock.items if item.type == EMBEDDING]
    try:
        if question.image is not None:
            return parse_image(question.image, names)
        return parse(question.given("text", str, ""), names)
    except TextTooLongError as error:
        raise RouteError(413, "body_too_large", str(error)) from error
    except ImageError as error:
        raise RouteError(422, "not_an_image", f"{error}. PNG, JPEG and WebP are read") from error


def check(judge: Judge, stock: Stock, link: HubLink, found: Infotext, loaded: Chosen | None) -> dict[str, Any]:
    """Answer ``POST check``."""
    needs = [here(stock, resource) for resource in found.resources]
    error = _ask_hub(link, needs) if link.paired else None
    _by_name(link.fleet(wait=True), needs, link.own_id)
    chosen = _checkpoint(needs) or loaded
    return {
        "found": found.found,
        "text": found.text,
        "prompt": found.prompt,
        "negative": found.negative,
        "fields": dict(found.fields),
        "checkpoint": chosen.to_json() if chosen else None,
        "resources": [_row(judge, chosen, need) for need in needs],
        "servers": _servers(needs, link.own_id),
        "hub_error": error,
    }


def warnings(judge: Judge, stock: Stock, question: Question, loaded: Chosen | None) -> dict[str, Any]:
    """Answer ``POST prompt``: what of a prompt is missing here, or cannot work with the loaded checkpoint."""
    prompt = question.given("prompt", str, "")
    try:
        resources = prompt_resources(prompt, question.given("negative", str, ""))
    except TextTooLongError as error:
        raise RouteError(413, "body_too_large", str(error)) from error
    told = []
    for need in (here(stock, resource) for resource in resources):
        if need.status in {UNKNOWN.lower(), NOWHERE}:
            told.append({"name": need.label, "problem": "missing", "message": f"{need.label} is not on this server"})
        elif need.item is not None and loaded is not None:
            grade, reason = judge.grade(loaded, need.item)
            if grade == NONE:
                message = f"{need.label} does not work with {loaded.name}: {reason}"
                told.append({"name": need.label, "problem": "incompatible", "message": message})
    return {"warnings": told}


def here(stock: Stock, resource: Resource) -> Need:
    """Look for a resource on this server: by its hashes, else, where it states none, by its name."""
    need = Need(resource)
    for digits in resource.searchable_hashes:
        matching = [item for item in stock.items if _has_hash(item, digits)]
        if matching:
            return _settled(need, matching)
    kinds = TYPES_OF_ROLE.get(resource.role, ())
    wanted = stem(resource.name).casefold()
    named = [i for i in stock.items if wanted and i.name.casefold() == wanted and (not kinds or i.type in kinds)]
    if named and resource.searchable_hashes:
        need.note = f"{named[0].path} has this name, but is another file"
    elif named:
        return _settled(need, named)
    return need


def _settled(need: Need, matching: list[Item]) -> Need:
    need.item = matching[0]
    alike = len({item.tensor_sha256 or item.sha256 for item in matching}) == 1
    need.status = HERE if alike else AMBIGUOUS
    if not alike:
        need.note = "it may be any of " + ", ".join(item.path for item in matching[:5])
    return need


def _has_hash(item: Item, digits: str) -> bool:
    """Tell whether a file has a hash of 10, 12 or 64 digits; 12 are of one of three things (DESIGN, Identity)."""
    if item.sha256 is None:
        return False
    if item.sha256.startswith(digits):
        return True
    return len(digits) == 12 and item.tensor_sha256 is not None and item.tensor_sha256.startswith(digits)


def _ask_hub(link: HubLink, needs: list[Need]) -> str | None:
    """Ask the hub for all that has a hash; return why it could not be asked, or None."""
    asked = [(need, digits) for need in needs for digits in need.resource.searchable_hashes[:1] or _own_hash(need)]
    try:
        for (need, _), found in zip(asked, link.client().availabilities(h for _, h in asked), strict=True):
            _take(need, found, link.own_id)
    except (HubError, RouteError) as error:
        return str(error)
    return None


def _own_hash(need: Need) -> tuple[str, ...]:
    return (need.item.sha256,) if need.item is not None and need.item.sha256 is not None else ()


def _take(need: Need, found: Availability, own_id: str) -> None:
    need.model = found.model or {}
    need.servers = [s.server_id for s in found.servers if s.server_id != own_id]
    if need.status in {HERE, AMBIGUOUS}:
        return
    need.status = _STATUS.get(found.status, ELSEWHERE) if found.status != AVAILABLE else ELSEWHERE
    if need.status == ELSEWHERE and not need.servers:
        need.status = NOWHERE


def _by_name(fleet: Fleet, needs: Iterable[Need], own_id: str) -> None:
    """Look for what states no hash, and is not here, by its name on the other servers."""
    for need in needs:
        wanted = stem(need.resource.name).casefold()
        if need.status != UNKNOWN.lower() or need.resource.searchable_hashes or not wanted:
            continue
        kinds = TYPES_OF_ROLE.get(need.resource.role, ())
        for model in fleet.models:
            servers = [s for s, path in model.servers.items() if s != own_id and stem(path).casefold() == wanted]
            if servers and (not kinds or model.wire.get("type") in kinds):
                need.model, need.status = model.wire, ELSEWHERE
                need.servers = sorted({*need.servers, *servers})


def _checkpoint(needs: Iterable[Need]) -> Chosen | None:
    """Return the checkpoint that the image was made with, where it is known what that is."""
    for need in needs:
        if need.resource.role in {"checkpoint", "unet"} and need.subject is not None:
            return Chosen(need.label, need.subject, need.item)
    return None


def _row(judge: Judge, chosen: Chosen | None, need: Need) -> dict[str, Any]:
    kind = need.type
    grade, reason = None, None
    if kind is not None and kind not in NOT_ADDONS:
        grade, reason = judge.grade_of(chosen, need.subject, kind)
    return {
        "role": need.resource.role,
        "name": need.label,
        "hash": need.resource.hash,
        "weight": need.resource.weight,
        "status": need.status,
        "path": need.item.path if need.item else None,
        "servers": need.servers,
        "base_model": need.subject,
        "grade": grade,
        "reason": reason,
        "note": need.note,
    }


def _servers(needs: list[Need], own_id: str) -> list[dict[str, Any]]:
    """Return, best first, how much of an image each server could reproduce."""
    names = sorted({server for need in needs for server in need.servers})
    rows = []
    for server in (own_id, *names):
        has, missing, unsure = 0, [], []
        for need in needs:
            if (need.status == HERE) if server == own_id else (server in need.servers):
                has += 1
            elif need.status == AMBIGUOUS:
                unsure.append(need.label)
            else:
                missing.append(need.label)
        rows.append(
            {"server_id": server, "this": server == own_id, "has": has, "of": len(needs), "missing": missing,
             "unsure": unsure}
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row["has"], not row["this"], row["server_id"])) if needs else []
