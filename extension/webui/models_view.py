"""The tab's "Models": search, filters, order and pages over the shelf; and everything about one model."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from ...hub_client import HubError
from .question import File, Question, RouteError
from .shelf import Item, Stock, preview_file

STATES = frozenset({"", "present", "stale", "waiting", "verified", "claimed", "corrected", "conflict", "unknown"})
GROUPS = frozenset({"", "duplicates", "same-weights"})
ORDERS: dict[str, Callable[[Item], Any]] = {
    "name": lambda item: item.name.casefold(),
    "type": lambda item: item.type,
    "ecosystem": lambda item: (item.ecosystem is None, item.ecosystem or "", item.base_model or ""),
    "size": lambda item: item.record.found.size,
    "date": lambda item: item.record.found.mtime_ns,
}
MOST_ROWS = 500
MAX_PREVIEW_BYTES = 16 << 20
_MEDIA = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


def models(stock: Stock, question: Question) -> dict[str, Any]:
    """Answer ``GET models``: one page of the models that a person looks for, and what the filters would find.

    A facet's counts hold for all filters but its own, so that a person sees what another choice would give.

    Raises:
        RouteError: a parameter is not one.
    """
    words = question.text("q").lower().split()
    group = question.choice("group", GROUPS, "")
    wanted = {
        "type": question.text("type"),
        "ecosystem": question.query.get("ecosystem"),
        "state": question.choice("state", STATES, ""),
    }
    order = ORDERS[question.choice("sort", frozenset(ORDERS), "name")]
    falling = question.choice("order", frozenset({"asc", "desc"}), "asc") == "desc"
    offset, limit = question.number("offset", 0, 10**8), question.number("limit", 50, MOST_ROWS)

    found = [
        item for item in stock.items if all(word in item.haystack for word in words) and _grouped(item, group, stock)
    ]
    facets = {name: _facet(found, wanted, name) for name in wanted}
    shown = sorted((i for i in found if _passes(i, wanted)), key=lambda i: i.path)
    shown.sort(key=order, reverse=falling)
    if group:
        shown.sort(key=lambda item: (item.sha256 if group == "duplicates" else item.tensor_sha256) or "")
    return {
        "revision": stock.revision,
        "total": len(shown),
        "offset": offset,
        "limit": limit,
        "facets": facets,
        "models": stock.rows(shown[offset : offset + limit]),
    }


def _grouped(item: Item, group: str, stock: Stock) -> bool:
    if group == "duplicates":
        return item.sha256 is not None and stock.copies[item.sha256] > 1
    if group == "same-weights":
        return len(stock.weights.get(item.tensor_sha256 or "", ())) > 1
    return True


def _passes(item: Item, wanted: dict[str, str | None], but: str = "") -> bool:
    if but != "type" and wanted["type"] and item.type != wanted["type"]:
        return False
    # An empty ecosystem asks for the models whose ecosystem is not known; none at all asks for every one.
    if but != "ecosystem" and wanted["ecosystem"] is not None and (item.ecosystem or "") != wanted["ecosystem"]:
        return False
    return but == "state" or not wanted["state"] or wanted["state"] in item.states


def _facet(found: list[Item], wanted: dict[str, str | None], name: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for item in found:
        if _passes(item, wanted, but=name):
            counts.update(item.states if name == "state" else (getattr(item, name) or "",))
    return dict(sorted(counts.items()))


def model(stock: Stock, question: Question, elsewhere: Callable[[str], dict[str, Any] | None]) -> dict[str, Any]:
    """Answer ``GET model``: everything about one, ``elsewhere`` being what the hub says of its hash.

    Raises:
        RouteError: there is no such model.
    """
    item = item_of(stock, question.text("path"))
    same = stock.of_sha256(item.sha256) if item.sha256 else [item]
    twins = stock.weights.get(item.tensor_sha256 or "", set()) - {item.sha256}
    answer = {
        **stock.rows([item])[0],
        "evidence": item.identity.get("evidence") or [],
        "conflicts": item.identity.get("conflicts") or [],
        "metadata": dict(item.metadata),
        "tensor_sha256": item.tensor_sha256,
        "paths": [other.path for other in same],
        "same_weights": [other.path for other in stock.items if other.sha256 in twins],
        "elsewhere": None,
        "elsewhere_error": None,
    }
    if item.sha256:
        try:
            answer["elsewhere"] = elsewhere(item.sha256)
        except HubError as error:
            answer["elsewhere_error"] = str(error)
    return {"model": answer}


def item_of(stock: Stock, path: str) -> Item:
    """Return the item of a published path.

    Raises:
        RouteError: there is none.
    """
    item = stock.by_path.get(path)
    if item is None:
        raise RouteError(404, "model_not_found", "this server lists no such file (any more)")
    return item


def preview(stock: Stock, question: Question) -> File:
    """Answer ``GET preview``: the image beside a model. Only files beside models are ever read.

    Raises:
        RouteError: there is no such model, or no image.
    """
    path = preview_file(item_of(stock, question.text("path")).record.path)
    if path is None:
        raise RouteError(404, "preview_not_found", "there is no preview beside this model")
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_PREVIEW_BYTES + 1)
    except OSError as error:
        raise RouteError(404, "preview_not_found", "the preview cannot be read") from error
    if len(content) > MAX_PREVIEW_BYTES:
        raise RouteError(404, "preview_not_found", f"the preview is larger than {MAX_PREVIEW_BYTES >> 20} MiB")
    return File(content, _MEDIA[os.path.splitext(path)[1].lower()])
