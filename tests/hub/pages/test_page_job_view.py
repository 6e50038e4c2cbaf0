"""A job as pages show it: what is missing in front, in words, and never more than fits."""

from typing import Any

import pytest
from quartermaster.hub.keys import Caller
from quartermaster.hub.pages.job_view import foreseen, job, may_change, progress

NAMES = {"attic": "the attic", "cellar": "cellar"}
SOMEBODY = Caller("qm_other", "client", None)


def requirement(name: str, status: str, *servers: str, role: str = "lora", **more: Any) -> dict[str, Any]:
    known = status not in {"unknown", "ambiguous"}
    held = [{"server_id": each, "alias": NAMES[each], "state": "present", "hash_state": "verified"} for each in servers]
    return {
        "role": role, "name": name, "hash": None, "source": "prompt", "weight": 0.8, "status": status, "candidates": [],
        "model": {"id": 1, "sha256": "ab" * 32, "name": name} if known else None, "servers": held, "fit": None, **more,
    }  # fmt: skip


def told(state: str = "pending", *requirements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "0a-1", "state": state, "title": "a fox", "priority": 0, "submitted_by": "me", "submitter": "qm_me",
        "source_info": None, "bulk_id": None, "target_server_id": None, "server_id": None, "attempt": 0,
        "created_at": "2026-11-21T12:00:00.000Z", "started_at": None, "finished_at": None, "progress": 0.0,
        "phase": None, "step": None, "steps": None, "eta_seconds": None, "error_message": None, "able": [],
        "waiting": {"code": "queued", "message": "it waits its turn"}, "warnings": [], "attempts": [], "images": [],
        "requirements": list(requirements), **more,
    }  # fmt: skip


def test_what_is_missing_stands_in_front_with_a_way_out() -> None:
    shown = job(told("pending", requirement("here", "available", "attic"), requirement("gone", "unavailable"),
                     requirement("who", "unknown")), SOMEBODY, NAMES)  # fmt: skip
    assert [one.label for one in shown.worst_first] == ["who", "gone", "here"]
    who, gone, here = shown.worst_first
    assert (who.mark.word, who.url, who.search_url) == ("unknown", None, "/models?q=who")
    assert "goes by itself" in gone.way_out
    assert (here.lacking, here.way_out, here.grade) == (("cellar",), "", None)  # "None" is a grade's name as well


def test_a_model_that_only_others_have_is_missing_where_the_job_shall_run() -> None:
    one = requirement("fox", "available", "cellar")
    assert job(told("pending", one, target_server_id="attic"), SOMEBODY, NAMES).needs[0].mark.word == "not there"
    assert job(told("pending", one, target_server_id="cellar"), SOMEBODY, NAMES).needs[0].mark.word == "available"


def test_why_it_waits_is_a_sentence_with_its_place() -> None:
    assert job(told(queue_position=3), SOMEBODY, NAMES).waiting == "It waits its turn (place 3 in the queue)"


def test_who_may_change_a_job() -> None:
    one = told()
    assert may_change(one, Caller("qm_me", "client", None))
    assert may_change(one, Caller(None, "admin", None))
    assert not may_change(one, SOMEBODY)
    assert not may_change({**one, "submitter": "session"}, Caller(None, "client", None))


@pytest.mark.parametrize(
    ("progressed", "phase", "step", "left", "text"),
    [
        (0.4, "running", 12, 75, "40 %, step 12 of 30, 1 min left"),
        (0.0, "loading", None, None, "0 %, loads its models"),
        (7.0, "x" * 999, None, None, "100 %, " + "x" * 39 + "…"),
    ],
)
def test_progress_is_said_in_words(
    progressed: float, phase: str, step: int | None, left: float | None, text: str
) -> None:
    said = {"progress": progressed, "phase": phase, "step": step, "steps": step and 30, "eta_seconds": left}
    assert progress("0a-1", said)["text"].replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("waiting", "able", "sentence", "tone"),
    [
        ("queued", ["attic"], "Will run on attic.", "good"),
        ("queued", ["attic", "cellar"], "Will run on attic or cellar, whichever is free first.", "good"),
        ("missing_model", [], "Will wait: because.", "warn"),
        ("unknown_model", [], "Will wait: because.", "bad"),
    ],
)
def test_what_will_happen_is_one_sentence(waiting: str, able: list[str], sentence: str, tone: str) -> None:
    reason = {"code": waiting, "message": "because"}
    servers = [{"server_id": each, "alias": each, "state": "present", "taking": True} for each in able]
    answer = {"waiting": reason, "able": servers, "requirements": [], "target_server_id": None,
              "warnings": [reason, {"code": "left_out", "message": "left out: x"}]}  # fmt: skip
    shown = foreseen(answer, NAMES)
    assert (shown.sentence, shown.tone, shown.warnings) == (sentence, tone, ("Left out: x",))
