"""``/models/correct``: many models corrected at once: choose, see what would change, do it, and undo it."""

import json
from typing import Any
from urllib.parse import quote_plus

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...ecosystems.model_types import MODEL_TYPES
from ..errors import FieldError, RequestError
from ..keys import Caller
from ..routes.callers import the_hub
from .access import PageForm, Visitor
from .rendering import page

router = APIRouter(include_in_schema=False)

MOST = 100
"""Models in one go: what a person can look over."""
PICK = "pick-"
"""A chosen model is a field of its own name, because a form may have no field twice."""
MAX_UNDO = 40_000
"""Characters of an undo that a form can hold, quoted for its way; only long notes make it longer."""
PREVIEW, APPLY, UNDONE = "preview", "apply", "undone"


@router.post("/models/correct")
def correct(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Show the form, then what it would do, then do it, by the field ``step``."""
    step, picks = form.get("step", ""), [name.removeprefix(PICK) for name in form if name.startswith(PICK)]
    given = {name: form.get(name, "").strip() for name in ("base_model", "type", "note")}
    shown: dict[str, Any] = {"step": step, "picks": picks, "given": given, "before": {}}
    try:
        if not 0 < len(picks) <= MOST:
            raise FieldError("models", f"choose one to {MOST} of them")
        shown["before"] = _models(request, picks)
        if step in {PREVIEW, APPLY}:
            if not (given["base_model"] or given["type"]):
                raise FieldError("base_model", "name a base model or a type")
            wanted = {name: text or None for name, text in given.items()}
            items = [{"hash": pick, **wanted} for pick in picks]
            shown |= _carry_out(request, visitor, items, dry_run=step == PREVIEW)
    except RequestError as error:
        return _shown(request, visitor, {**shown, "step": "", "error": _told(error)}, error.status)
    return _shown(request, visitor, shown)


@router.post("/models/correct/undo")
def undo(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Put back what a bulk correction replaced; the page that did it has the items in its form."""
    try:
        items = json.loads(form.get("items", ""))
    except ValueError:
        raise FieldError("items", "must be what the page of the correction held") from None
    return _shown(request, visitor, {"step": UNDONE, **_carry_out(request, visitor, items, dry_run=False)})


def _models(request: Request, picks: list[str]) -> dict[str, Any]:
    """Return the models that were chosen, by what chose them."""
    found = the_hub(request).availability.of_many({"hashes": picks})["results"]
    return {pick: answer["model"] for pick, answer in found.items() if answer["model"] is not None}


def _carry_out(request: Request, visitor: Caller, items: Any, *, dry_run: bool) -> dict[str, Any]:
    answer = the_hub(request).overrides.put_many({"items": items, "dry_run": dry_run}, visitor)
    undo = json.dumps(answer["undo"]["items"], ensure_ascii=False, separators=(",", ":"))
    return {"changes": answer["results"], "undo": undo if len(quote_plus(undo)) <= MAX_UNDO else ""}


def _shown(request: Request, visitor: Caller, values: dict[str, Any], status: int = 200) -> Response:
    catalogue = the_hub(request).catalogues.current
    names = sorted({*catalogue.base_models, *catalogue.ecosystems}, key=str.casefold)
    nothing: dict[str, Any] = {"picks": [], "given": {}, "before": {}, "changes": [], "undo": "", "error": None}
    frame = {"types": MODEL_TYPES, "names": names, **nothing, **values}
    return page(request, visitor, "models_correct.html", status=status, **frame)


def _told(error: RequestError) -> str:
    failed = error.details.get("failed")
    if not isinstance(failed, list) or not failed:
        return error.message
    return f"{error.message}: {failed[0].get('message', '')}"
