"""``/models``: search as you type, facets, and pages of what was found."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ..entries import CLAIMED, VERIFIED
from ..errors import FieldError
from ..fields import is_clean
from ..routes.callers import the_hub
from ..search import DUPLICATES, Search
from ..search.filters import NEWEST
from . import model_list, words
from .access import Visitor
from .model_list import Asked, Facet
from .rendering import page

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
RESULTS, MORE_ROWS = "results", "more-rows"
"""What htmx replaces, by its id in the page."""

Word = Annotated[str, Query(max_length=200)]
Cursor = Annotated[str, Query(max_length=2000)]
Label = Annotated[str, Query(max_length=500)]
"""As long as agents may call an ecosystem (``text_characters`` of the limits)."""


def _asked(
    q: Word = "",
    type: Word = "",  # noqa: A002 (the name in the address)
    ecosystem: Label = "",
    status: Word = "",
    server: Word = "",
    missing_on: Word = "",
    hash_state: Word = "",
    duplicates: Word = "",
    sort: Word = "",
) -> Asked:
    given = Asked(q, type, ecosystem, status, server, missing_on, hash_state, duplicates, sort or NEWEST)
    for name, text in vars(given).items():
        if not is_clean(text):
            raise FieldError(name, "must not hold control characters")
    return given


@router.get("/models")
def models(
    request: Request, visitor: Visitor, asked: Annotated[Asked, Depends(_asked)], cursor: Cursor = ""
) -> Response:
    """List models. htmx asks for the results alone, or with a cursor for more rows."""
    hub = the_hub(request)
    target = request.headers.get("hx-target") if request.headers.get("hx-request") == "true" else None
    found = hub.search.page(_search(asked, cursor, facets=target != MORE_ROWS))
    after = found["next_cursor"]
    values = {
        "asked": asked,
        "models": found["models"],
        "more_url": asked.url(cursor=after) if after else None,
        "statuses": words.STATUS,
        "states": words.STATE,
        "focus_first": False,
    }
    if target == MORE_ROWS:
        return page(request, visitor, "models_rows.html", **{**values, "focus_first": True})
    aliases = {server["server_id"]: server["alias"] for server in hub.servers.listed()}
    values |= {
        "chips": model_list.chips(asked, aliases),
        "facets": _facets(found["facets"], asked, aliases),
        "notes": _notes(found["indexing"]),
        "told": model_list.told(found["facets"]["total"]),
        "nothing_known": asked == Asked(),
        "sorts": model_list.SORTS,
    }
    if target != RESULTS:
        return page(request, visitor, "models.html", **values)
    answer = page(request, visitor, "models_results.html", **values)
    # Typing replaces the address, so that Back leaves the search and does not walk through its letters.
    typed = request.headers.get("hx-trigger") == "q"
    answer.headers["HX-Replace-Url" if typed else "HX-Push-Url"] = asked.url()
    return answer


def _notes(indexing: int) -> list[str]:
    """Say what the list may lack: models are found by their words a moment after they came."""
    if not indexing:
        return []
    return [f"{indexing:,} models are being indexed and may be missing here for a moment."]


def _search(asked: Asked, cursor: str, *, facets: bool) -> Search:
    return Search(
        words=asked.q or None,
        type=asked.type or None,
        ecosystem=asked.ecosystem or None,
        server_id=asked.server or None,
        missing_on=asked.missing_on or None,
        status=asked.status or None,
        hash_state=asked.hash_state or None,
        duplicates=asked.duplicates or None,
        facets=facets,
        sort=asked.sort,
        limit=PAGE_ROWS,
        cursor=cursor or None,
    )


def _facets(counted: dict[str, Any], asked: Asked, aliases: dict[str, str]) -> list[Facet]:
    """Return the filters: those that the search counts with what it found, the others with all that can be asked."""
    values: dict[str, list[tuple[str, int | None]]] = {
        name: [(one["value"], one["count"]) for one in counted[name] if one["value"] is not None]
        for name in ("type", "ecosystem", "status", "server")
    }
    values |= {
        "missing_on": [(name, None) for name in aliases],
        "duplicates": [(name, None) for name in DUPLICATES],
        "hash_state": [(name, None) for name in (VERIFIED, CLAIMED)],
    }
    return [model_list.facet(asked, name, listed, aliases) for name, listed in values.items()]
