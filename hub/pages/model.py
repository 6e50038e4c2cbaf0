"""``/models/{hash}``: one model, with who says what of it; and its correction by hand."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...ecosystems.model_types import MODEL_TYPES, NOT_ADDONS
from ..errors import ConflictError, FieldError, NotFoundError
from ..fitting import CHECKPOINT
from ..keys import CLIENT, Caller
from ..routes.callers import the_hub
from ..search import Search
from ..services import Hub
from . import model_history, model_view, words
from .access import PageForm, Visitor
from .going import see
from .rendering import page

router = APIRouter(include_in_schema=False)

TWINS = 20
"""Files with the same weights that are shown."""

_SAID = {
    "corrected": "It is corrected, for every server.",
    "taken-back": "The correction is taken back: what was found holds again.",
}


@router.get("/models/{hash}")
def model(request: Request, visitor: Visitor, hash: str, said: str = "") -> Response:  # noqa: A002 (as in the API)
    """Show a model by any form of its hash, or by its id."""
    return _shown(request, visitor, hash, said=_SAID.get(said))


@router.post("/models/{hash}/override")
def correct(request: Request, visitor: Visitor, hash: str, form: PageForm) -> Response:  # noqa: A002
    """Correct a model by hand."""
    body = {name: form[name] for name in ("base_model", "type", "note") if form.get(name)}
    try:
        the_hub(request).overrides.put(hash, body, visitor)
    except FieldError as error:
        return _shown(request, visitor, hash, given=body, error=error.message, status=error.status)
    return see(f"/models/{hash}?said=corrected#correct")


@router.post("/models/{hash}/override/clear")
def take_back(request: Request, visitor: Visitor, hash: str, _form: PageForm) -> Response:  # noqa: A002
    """Take a correction back."""
    the_hub(request).overrides.clear(hash, visitor)
    return see(f"/models/{hash}?said=taken-back#correct")


def _shown(
    request: Request,
    visitor: Caller,
    text: str,
    *,
    said: str | None = None,
    given: dict[str, str] | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    hub = the_hub(request)
    try:
        found = hub.registry.get(text)
    except ConflictError as conflict:
        candidates = conflict.details.get("candidates", [])
        return page(request, visitor, "model_choice.html", status=409, asked=text, candidates=candidates)
    except (FieldError, NotFoundError) as unknown:
        return page(request, visitor, "model_unknown.html", status=404, asked=text, message=unknown.message)
    values = _values(hub, visitor, found)
    if given is not None:
        values["given"] = {"base_model": "", "type": "", "note": "", **given}
    return page(request, visitor, "model.html", status=status, said=said, error=error, **values)


def _values(hub: Hub, visitor: Caller, found: dict[str, Any]) -> dict[str, Any]:
    shown = found["model"]
    override = shown["override"] or {}
    catalogue = hub.catalogues.current
    hashes = (
        ("SHA-256", shown["sha256"]),
        ("AutoV2", shown["autov2"]),
        ("AutoV3", shown["autov3"]),
        ("Tensor hash", shown["tensor_sha256"]),
    )
    key = str(shown["sha256"] or shown["id"])
    stays = model_history.stays(hub.history.of_model(key)["intervals"])
    past = model_history.past(stays)
    names = {server["server_id"]: server["alias"] for server in hub.servers.listed()}
    return {
        "model": shown,
        "key": key,
        "since": model_history.since(stays),
        "past": past[: model_history.MAX_PAST],
        "more_past": len(past[model_history.MAX_PAST :]),
        "picture": model_history.drawn(stays, names, hub.clock()),
        "server_names": names,
        "waiting_for_it": hub.job_counts.waiting_for([shown["id"]]) if shown["sha256"] or shown["autov2"] else 0,
        "known_as": model_view.other_names(hub.aliases.get(key)["aliases"], found["servers"][:50]),
        "alias_sources": words.ALIAS_SOURCES,
        "twins": _twins(hub, shown),
        "mark": words.STATUS[found["status"]],
        "servers": found["servers"],
        "states": words.STATE,
        "is_checkpoint": shown["type"] == CHECKPOINT,
        "is_addon": shown["type"] not in NOT_ADDONS,
        "facts": model_view.facts(shown["fields"]),
        "evidence": model_view.statements(shown["evidence"]),
        "conflicts": model_view.statements(shown["conflicts"]),
        "trigger_words": (shown["fields"]["trigger_words"]["value"] or [])[:60],
        "tree": model_view.tree(shown["metadata"]),
        "hashes": [(label, text) for label, text in hashes if text],
        "downloads": model_view.downloads(found["sources"]),
        "civitai_page": model_view.civitai_page(shown),
        "may_correct": visitor.scope != CLIENT,
        "given": {name: override.get(name) or "" for name in ("base_model", "type", "note")},
        "types": MODEL_TYPES,
        "names": sorted({*catalogue.base_models, *catalogue.ecosystems}, key=str.casefold),
    }


def _twins(hub: Hub, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Return other files with the same weights, as far as the index has them."""
    tensors = shown["tensor_sha256"]
    if tensors is None:
        return []
    found = hub.search.page(Search(words=tensors, limit=TWINS + 1))["models"]
    return [model for model in found if model["tensor_sha256"] == tensors and model["id"] != shown["id"]][:TWINS]
