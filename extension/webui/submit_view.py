"""Queue on fleet: what the form would run, what the hub says to it before it is sent, and the sending."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...ecosystems.infotext import prompt_resources
from ...ecosystems.infotext.resource import EMBEDDING
from . import check_view
from .drafts import Drafts, Kept
from .form import Draft, Form, draft
from .hub_link import HubLink
from .question import Question, RouteError
from .shelf import Stock

ANY = "any"
MOST_JOBS = 100
SEEDS = ("random", "incremental")
_PROMPTS = ("prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt")
_WORDS = re.compile(r"[\w.\-]+")

Read = Callable[[str, Sequence[Any]], tuple[Form, Mapping[tuple[str, str], str]]]
"""Mode and values of the page's form -> what it holds, and the files of models that it chooses, by role and name."""


def made(drafts: Drafts, stock: Stock, link: HubLink, read: Read, question: Question) -> dict[str, Any]:
    """Answer ``POST jobs/draft``: take the form that the page hands over, and say what it comes to.

    Raises:
        RouteError: the form does not come, or cannot be a job.
    """
    link.client()
    word = _word(question)
    mode, values = drafts.taken(word)
    form, files = read(mode, values)
    found = draft(form)
    if not found.payload["override_settings"].get("sd_model_checkpoint"):
        said = "choose a checkpoint first: a job never runs with whatever a server has loaded just then"
        raise RouteError(422, "missing_required_field", said, {"field": "sd_model_checkpoint"})
    drafts.keep(word, Kept(found, _models(found, stock, files)))
    payload = found.payload
    shown = ("prompt", "negative_prompt", "width", "height", "steps", "sampler_name", "seed", "n_iter", "batch_size")
    return {
        "mode": mode,
        "form": {name: payload.get(name) for name in shown},
        "checkpoint": payload["override_settings"].get("sd_model_checkpoint"),
        "notes": list(found.notes),
        "servers": [
            {"server_id": server.server_id, "alias": server.alias, "state": server.state,
             "this": server.server_id == link.own_id}
            for server in link.client().servers()
        ],
    }  # fmt: skip


def checked(drafts: Drafts, link: HubLink, runtime: str, question: Question) -> dict[str, Any]:
    """Answer ``POST jobs/check``: what the hub would say, with nothing queued.

    Raises:
        RouteError: a choice is wrong, or the draft is gone.
        HubError: the hub cannot be asked, or does not take it.
    """
    body, _ = _body(drafts, link, runtime, question)
    return _answer(link.client().jobs.check(body).wire)


def sent(drafts: Drafts, link: HubLink, runtime: str, question: Question) -> dict[str, Any]:
    """Answer ``POST jobs/submit``: queue it, once or several times.

    Raises:
        RouteError: a choice is wrong, or the draft is gone.
        HubError: the hub cannot be asked, or does not take it.
    """
    body, quantity = _body(drafts, link, runtime, question)
    jobs = link.client().jobs
    if quantity == 1:
        submission = jobs.submit(body)
    else:
        seeds = question.given("seed_variation", str, SEEDS[0])
        if seeds not in SEEDS:
            raise RouteError(422, "invalid_field", f"seed_variation must be one of: {', '.join(SEEDS)}")
        submission = jobs.bulk({**body, "bulk_quantity": quantity, "seed_variation": seeds})
    return {**_answer(submission.wire), "ids": list(submission.ids)}


def _word(question: Question) -> str:
    word = question.given("word", str, "")
    if not re.fullmatch(r"qm-[0-9a-f]{16,64}", word):
        raise RouteError(422, "invalid_field", "word is none of the page's", {"field": "word"})
    return str(word)


def _body(drafts: Drafts, link: HubLink, runtime: str, question: Question) -> tuple[dict[str, Any], int]:
    kept = drafts.kept(_word(question))
    quantity = question.given("quantity", int, 1)
    if not 1 <= quantity <= MOST_JOBS:
        raise RouteError(422, "invalid_field", f"quantity must be 1 to {MOST_JOBS}", {"field": "quantity"})
    body = {
        "target_server_alias": question.given("target", str, ANY) or ANY,
        "mode": kept.draft.mode,
        "payload": kept.draft.payload,
        "models": list(kept.models),
        "priority": question.given("priority", int, 0),
        "app_type": runtime,
        "source_info": f"web UI of {link.own_id}"[:200],
    }
    return body, quantity


def _answer(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the dialog shows of the hub's answer."""
    waiting = wire.get("waiting") or {}
    warnings = [each for each in wire.get("warnings") or () if each != waiting]  # which is shown above them
    found = {name: wire.get(name) for name in ("requirements", "able", "target_server_id")}
    return {**found, "waiting": waiting or None, "warnings": warnings}


def _models(found: Draft, stock: Stock, files: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the hashes of what the request names, as it is here: so that no other server's namesake is taken."""
    listed = {}
    for (role, name), file in files.items():
        item = stock.by_file.get(os.path.normcase(file))
        if item is not None and item.sha256:
            listed[role, name] = item.sha256
    texts = [str(found.payload.get(name) or "") for name in _PROMPTS]
    for text in texts:
        for role, name, sha256 in _prompted(text, stock):
            listed.setdefault((role, name), sha256)
    return [{"role": role, "name": name, "hash": sha256} for (role, name), sha256 in listed.items()]


def _prompted(text: str, stock: Stock) -> Iterator[tuple[str, str, str]]:
    """Yield what a prompt names and what that is here."""
    for resource in prompt_resources(text, ""):
        need = check_view.here(stock, resource)
        if need.status == check_view.HERE and need.item is not None and need.item.sha256:
            yield resource.role, resource.name, need.item.sha256
    said = {word.casefold() for word in _WORDS.findall(text)}
    for item in stock.items:
        if item.type == check_view.EMBEDDING and item.sha256 and item.name.casefold() in said:
            yield EMBEDDING, item.name, item.sha256
