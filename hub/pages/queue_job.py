"""``/queue/{id}``: one job: what it needs and who has that, who tried, what was made."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..errors import NotFoundError
from ..routes.callers import the_hub
from . import job_view, model_view, words
from .access import Visitor
from .queue import PRIORITIES, names_of
from .queue_changes import read_done
from .queue_form import SIMPLE
from .rendering import page

router = APIRouter(include_in_schema=False)

MOST_NEEDS = 60
_NOTHING = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_PROMPTS = ("prompt", "negative_prompt")
_FACTS = (*SIMPLE, "batch_size", "n_iter", "denoising_strength", "distilled_cfg_scale", "enable_hr", "hr_scale")


@router.get("/queue/{job_id}/preview")
def preview(request: Request, _visitor: Visitor, job_id: str) -> Response:
    """Show the last preview of a job; nothing to be seen where it has just ended, which is no error on a page."""
    try:
        found = the_hub(request).job_previews.find(job_id)
    except NotFoundError:
        return Response(_NOTHING, media_type="image/svg+xml")
    return Response(found.content, media_type=found.content_type, headers={"Cache-Control": "private, max-age=3600"})


@router.get("/queue/{job_id}")
def job(request: Request, visitor: Visitor, job_id: str) -> Response:
    """Show one job."""
    hub = the_hub(request)
    told = hub.job_list.one(job_id)
    public_id = str(told["id"])
    names = names_of(hub)
    shown = job_view.job(told, visitor, names, hub.glimpses.of([public_id]).get(public_id))
    payload: dict[str, Any] = told["payload"]
    return page(
        request, visitor, "job.html", job=shown, names=names, states=words.STATE, priorities=PRIORITIES,
        images=job_view.images(told["images"]),
        most_needs=MOST_NEEDS, prompt=payload.get("prompt", ""), negative=payload.get("negative_prompt", ""),
        facts=[(name.replace("_", " "), model_view.short(payload[name])) for name in _FACTS if name in payload],
        more=model_view.tree({name: value for name, value in payload.items() if name not in _PROMPTS}),
        done=read_done(request.query_params, shown.url),
    )  # fmt: skip
