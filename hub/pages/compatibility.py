"""``/compatibility``: which add-ons of the fleet fit a checkpoint, which checkpoints an add-on, and where both are."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ..errors import ConflictError, FieldError, NotFoundError
from ..fields import is_clean
from ..fitting import ADDON_TYPES, CHECKPOINT, Kind, Picked, Question, together
from ..routes.callers import the_hub
from ..search import Search
from ..search.filters import NEWEST
from ..services import Hub
from . import words
from .access import Visitor
from .compatibility_view import Asked, by_ecosystem, sections
from .rendering import page

router = APIRouter(include_in_schema=False)

FOUND = 12
FILES = 50
Word = Annotated[str, Query(max_length=200)]
Label = Annotated[str, Query(max_length=500)]
"""As long as agents may call an ecosystem (``text_characters`` of the limits)."""


def _asked(
    checkpoint: Word = "",
    addon: Word = "",
    type: Word = "",  # noqa: A002 (the name in the address)
    server: Word = "",
    runtime: Word = "forge",
    ecosystem: Label = "",
) -> Asked:
    given = Asked(checkpoint, addon, type, server, runtime, ecosystem)
    for name, text in vars(given).items():
        if not is_clean(text):
            raise FieldError(name, "must not hold control characters")
    return given


@router.get("/compatibility")
def compatibility(
    request: Request,
    visitor: Visitor,
    asked: Annotated[Asked, Depends(_asked)],
    find: Word = "",
    find_addon: Word = "",
) -> Response:
    """Show what fits, or what there is to choose from."""
    hub = the_hub(request)
    values = _frame(hub, asked)
    target = request.headers.get("hx-target") if request.headers.get("hx-request") == "true" else None
    if target in {"checkpoints", "addons"}:
        role, words_ = ("checkpoint", find) if target == "checkpoints" else ("addon", find_addon)
        return page(request, visitor, "compatibility_found.html", **values, role=role, found=_found(hub, role, words_))
    values |= {"find": find, "find_addon": find_addon, "trouble": None}
    values["checkpoints"] = _found(hub, "checkpoint", find) if find or not (asked.checkpoint or asked.addon) else []
    values["addons"] = _found(hub, "addon", find_addon) if find_addon else []
    status = 200
    try:
        values |= _answer(hub, asked)
    except (NotFoundError, ConflictError, FieldError) as error:
        values["trouble"], status = error.message, error.status
    return page(request, visitor, "compatibility.html", status=status, **values)


@router.get("/compatibility/files")
def files(
    request: Request,
    visitor: Visitor,
    type: Word,  # noqa: A002 (the name in the address)
    ecosystem: Label = "",
    base_model: Label = "",
    server: Word = "",
    after: Annotated[int, Query(ge=0, lt=1 << 62)] = 0,
    checkpoint: Word = "",
    runtime: Word = "forge",
) -> Response:
    """List the files of one kind, page by page; a page of its own where no script runs."""
    kind = Kind(type, ecosystem or None, base_model or None, 0)
    listed, more = the_hub(request).fitting.files(kind, server or None, after=after, limit=FILES)
    where = {
        "type": type,
        "ecosystem": ecosystem,
        "base_model": base_model,
        "server": server,
        "checkpoint": checkpoint,
        "runtime": runtime,
    }
    stated = [(name, text) for name, text in where.items() if text]
    more_url = None if more is None else f"/compatibility/files?{urlencode([*stated, ('after', str(more))])}"
    fragment = request.headers.get("hx-request") == "true"
    template = "compatibility_files.html" if fragment else "compatibility_files_page.html"
    values: dict[str, Any] = {
        "kind": kind,
        "files": listed,
        "more_url": more_url,
        "checkpoint": checkpoint,
        "runtime": runtime,
    }
    return page(request, visitor, template, **values, states=words.STATE)


def _frame(hub: Hub, asked: Asked) -> dict[str, Any]:
    catalogue = hub.catalogues.current
    return {
        "asked": asked,
        "types": ADDON_TYPES,
        "servers": hub.servers.listed(),
        "runtimes": [(row.name, row.title or row.name) for row in catalogue.runtimes.values()],
        "names": list(catalogue.base_models),
        "states": words.STATE,
        "grades": words.GRADE,
        "checkpoint": None,
        "addon": None,
        "pair": None,
        "places": [],
        "sections": [],
        "left_out": False,
        "chart": None,
    }


def _answer(hub: Hub, asked: Asked) -> dict[str, Any]:
    question = Question(asked.type or None, asked.server or None, asked.runtime or None)
    checkpoint = hub.fitting.pick(asked.checkpoint) if asked.checkpoint else None
    addon = hub.fitting.pick(asked.addon) if asked.addon else None
    values: dict[str, Any] = {"checkpoint": checkpoint, "addon": addon}
    if checkpoint and addon:
        values["pair"] = hub.fitting.pair(checkpoint, addon, question)
        values["places"] = _places(checkpoint, addon)
    picked = checkpoint or addon
    if picked is not None and not (checkpoint and addon):
        ask = hub.fitting.addons_for if checkpoint else hub.fitting.checkpoints_for
        fit = ask(picked, question)
        values["sections"] = sections(fit, asked, picked)
        values["left_out"] = fit.left_out
        values["chart"] = by_ecosystem(fit) if fit.graded else None
    return values


def _places(checkpoint: Picked, addon: Picked) -> list[Any]:
    if checkpoint.model is None or addon.model is None:
        return []
    return together(checkpoint.model, addon.model)


def _found(hub: Hub, role: str, text: str) -> list[dict[str, Any]]:
    """Return models of the fleet to choose from: checkpoints, or add-ons of any type."""
    kind = CHECKPOINT if role == "checkpoint" else None
    search = Search(words=text or None, type=kind, sort=NEWEST, limit=FOUND if kind else 4 * FOUND)
    found = hub.search.page(search)["models"]
    return [model for model in found if kind or model["type"] in ADDON_TYPES][:FOUND]
