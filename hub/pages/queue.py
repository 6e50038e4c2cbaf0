"""``/queue``: every job, what it waits for and how far it is; and what is changed of the chosen ones."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from ..errors import FieldError
from ..fields import is_clean
from ..jobs.job import HIGHEST_PRIORITY, LOWEST_PRIORITY, PROCESSING, STATES
from ..jobs.listing import Filter
from ..keys import Caller
from ..routes.callers import the_hub
from ..services import Hub
from . import job_view, queue_list, words
from .access import PageForm, Visitor
from .going import see
from .queue_changes import Change, carry_out, read_done
from .queue_list import Asked
from .rendering import page

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
SESSION = "session"
"""Who submits jobs in a session that no key stands behind."""
PRIORITIES = range(HIGHEST_PRIORITY, LOWEST_PRIORITY - 1, -1)

Word = Annotated[str, Query(max_length=200)]


def _asked(
    state: Word = "",
    server: Word = "",
    mine: Word = "",
    q: Word = "",
    model: Word = "",
    bulk: Word = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Asked:
    given = Asked(state, server, "1" if mine else "", q.strip(), model, bulk, cursor)
    for name, text in vars(given).items():
        if not is_clean(text):
            raise FieldError(name, "must not hold control characters")
    if state and state not in STATES:
        raise FieldError("state", f"must be one of {', '.join(STATES)}")
    return given


@router.get("/queue")
def queue(request: Request, visitor: Visitor, asked: Annotated[Asked, Depends(_asked)]) -> Response:
    """List jobs, the newest first."""
    hub = the_hub(request)
    found = hub.job_list.page(_filter(asked, visitor))
    names = names_of(hub)
    after = found["next_cursor"]
    return page(
        request, visitor, "queue.html", asked=asked, names=names, states=words.STATE, priorities=PRIORITIES,
        jobs=_jobs(hub, visitor, found["jobs"], names), tabs=queue_list.tabs(asked, found["counts"]),
        next_url=asked.url(cursor=after) if after else None, page_rows=PAGE_ROWS,
        model_name=_model_name(hub, asked.model), done=read_done(request.query_params, asked.here),
    )  # fmt: skip


@router.post("/queue/change")
def change(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Cancel, retry, give a priority or move: one job, or those that are chosen."""
    asked = Change.read(form)
    return see(carry_out(the_hub(request), visitor, asked).url(form.get("back", "")))


@router.get("/queue/progress")
def progress(request: Request, _visitor: Visitor, jobs: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """Tell a page that is open how far the running jobs on it are."""
    found = the_hub(request).glimpses.of(jobs.split(",")[:PAGE_ROWS])
    return JSONResponse({"jobs": {public_id: job_view.progress(public_id, told) for public_id, told in found.items()}})


def _filter(asked: Asked, visitor: Caller) -> Filter:
    return Filter(
        state=asked.state or None,
        server=asked.server or None,
        could_run=True,
        submitter=(visitor.key or SESSION) if asked.mine else None,
        model=asked.model or None,
        text=asked.q or None,
        bulk_id=asked.bulk or None,
        limit=PAGE_ROWS,
        cursor=asked.cursor or None,
    )


def _model_name(hub: Hub, text: str) -> str:
    """Return what the model is called whose jobs are asked for."""
    if not text:
        return ""
    answer = hub.availability.of_many({"hashes": [text]})["results"][text]
    return str(answer["model"]["name"]) if answer["model"] is not None else text


def names_of(hub: Hub) -> dict[str, str]:
    """Return what every server is called, by its id."""
    return {str(server["server_id"]): str(server["alias"]) for server in hub.servers.listed()}


def _jobs(
    hub: Hub, visitor: Caller, listed: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> list[job_view.Job]:
    running = hub.glimpses.of([told["id"] for told in listed if told["state"] == PROCESSING])
    return [job_view.job(told, visitor, names, running.get(told["id"])) for told in listed]
