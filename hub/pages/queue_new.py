"""``/queue/new``: the form for a job, with what will become of it before it is submitted."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ...ecosystems.infotext import ImageError, parse_image
from ...ecosystems.infotext.resource import CHECKPOINT
from ..errors import FieldError, RequestError
from ..fields import is_clean
from ..jobs.images import MOST_IMAGE_BYTES
from ..jobs.infotexts import read_infotext
from ..jobs.job import IMG2IMG
from ..keys import Caller
from ..routes.callers import the_hub
from ..services import Hub
from . import job_view, queue_form, suggesting, words
from .access import PageForm, Visitor
from .formats import segment
from .going import see
from .queue import PRIORITIES, names_of
from .rendering import page

router = APIRouter(include_in_schema=False)

MOST_NEEDS = 30
_WITHOUT_IMAGES = (
    "That job began with an image, which this form cannot hold: from here it is made from the prompt alone. "
    "Retry, where it failed or was cancelled, keeps the image."
)
Word = Annotated[str, Query(max_length=500)]
VARIATIONS = {"random": "random for each", "increment": "one more each", "fixed": "all the same"}


@router.get("/queue/new")
def new(request: Request, visitor: Visitor, like: str = "", hash: str = "") -> Response:  # noqa: A002 (in the address)
    """Show the form, empty or filled as for another job."""
    filled, note = dict(queue_form.EMPTY), ""
    if like:
        told = the_hub(request).job_list.one(like)
        before = {**filled, "like": str(told["id"]), "server": told["target_server_id"] or ""}
        before["priority"] = str(told["priority"])
        filled = queue_form.from_job(told["payload"], told["requirements"], before)
        note = _WITHOUT_IMAGES if told["mode"] == IMG2IMG else ""
    if hash:
        filled["model_hash"] = hash
    return _shown(request, visitor, filled, note=note)


@router.post("/queue/new")
def submit(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Submit a job; or fill in the form from an infotext, or say what would become of it."""
    hub, filled, step = the_hub(request), queue_form.given(form), form.get("step", "submit")
    try:
        if step == "read":
            return _shown(
                request, visitor, queue_form.from_infotext(read_infotext(filled["infotext"], "infotext"), filled)
            )
        if step == "check":
            return _shown(request, visitor, filled, checked=_foreseen(hub, visitor, filled))
        body = queue_form.submission(filled, names_of(hub))
        if queue_form.is_bulk(filled):
            return see(f"/queue?did=submit&bulk={segment(hub.asking.bulk(body, visitor)['bulk_id'])}")
        return see(f"/queue/{segment(hub.asking.submit(body, visitor)['id'])}?did=submit")
    except RequestError as error:
        return _shown(request, visitor, filled, error=error.message, status=error.status)


@router.post("/queue/new/check")
def check(request: Request, visitor: Visitor, form: PageForm) -> Response:
    """Say what would become of the job, as part of the page that is open."""
    filled = queue_form.given(form)
    values: dict[str, Any] = {"wrong": "", "foreseen": None, "most_needs": MOST_NEEDS, "states": words.STATE}
    if filled["prompt"].strip() or filled["checkpoint"].strip() or filled["model_hash"].strip():
        try:
            values["foreseen"] = _foreseen(the_hub(request), visitor, filled)
        except RequestError as error:
            values["wrong"] = error.message
    return page(request, visitor, "parts/job_check.html", **values)


@router.post("/queue/new/image")
async def image(request: Request, _visitor: Visitor) -> Response:
    """Read the infotext of an image, and return what stands in the form then."""
    async with the_hub(request).bodies.content(request, MOST_IMAGE_BYTES) as content:
        found = await run_in_threadpool(_of_image, content)
    return JSONResponse({"success": True, "form": found})


@router.get("/queue/new/models")
def models(
    request: Request,
    visitor: Visitor,
    role: Annotated[str, Query(max_length=40)] = CHECKPOINT,
    checkpoint: Word = "",
    model_hash: Word = "",
    lora: Word = "",
) -> Response:
    """Suggest checkpoints, or LoRAs with whether they go with the checkpoint, while one types."""
    if role not in suggesting.ROLES:
        raise FieldError("role", f"must be one of {', '.join(suggesting.ROLES)}")
    asked = (checkpoint if role == CHECKPOINT else lora).strip()
    known = is_clean(asked + checkpoint + model_hash) and asked
    found = suggesting.suggestions(the_hub(request), role, asked, model_hash or checkpoint) if known else []
    return page(request, visitor, "queue_suggestions.html", models=found, asked=asked, role=role)


def _foreseen(hub: Hub, visitor: Caller, filled: dict[str, str]) -> job_view.Foreseen:
    names = names_of(hub)
    told = hub.asking.check(queue_form.submission(filled, names), visitor)
    return job_view.foreseen(told, names)


def _of_image(content: bytes) -> dict[str, str]:
    try:
        text = parse_image(content).text
    except ImageError as error:
        raise FieldError("image", str(error)) from None
    if not text:
        raise FieldError("image", "nothing is written in this image: programs that share images often take it out")
    filled = queue_form.from_infotext(read_infotext(text, "image"), queue_form.EMPTY)
    kept = ("server", "quantity", "seed_variation", "priority", "like")
    return {name: value for name, value in {**filled, "infotext": text}.items() if name not in kept}


def _shown(
    request: Request,
    visitor: Caller,
    filled: dict[str, str],
    *,
    checked: job_view.Foreseen | None = None,
    error: str = "",
    note: str = "",
    status: int = 200,
) -> Response:
    return page(
        request, visitor, "queue_new.html", status=status, given=filled, names=names_of(the_hub(request)),
        error=error, wrong="", foreseen=checked, most_needs=MOST_NEEDS, states=words.STATE, note=note,
        samplers=queue_form.SAMPLERS, schedulers=queue_form.SCHEDULERS, variations=VARIATIONS, priorities=PRIORITIES,
    )  # fmt: skip
