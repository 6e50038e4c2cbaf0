"""Whether a web UI takes jobs, as its settings and its switch say."""

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import cast

import pytest
from quartermaster.extension.jobs.runner import Doing, Runner
from quartermaster.extension.webui import taking
from quartermaster.extension.webui.host import Host
from quartermaster.tests.extension.webui.conftest import Page, WebUI

SATURDAY_NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


def shown(doing: Doing) -> tuple[str, str]:
    runner = cast(Runner, SimpleNamespace(doing=doing))
    found = taking.here(Host(), runner, paired=True, now=SATURDAY_NOON)
    return found["word"], found["message"]


def test_no_jobs_are_taken_before_somebody_says_so(web_ui: WebUI) -> None:
    assert not taking.terms(Host()).takes
    assert shown(Doing("closed"))[0] == "off"


def test_the_switch_is_a_setting_that_is_kept(page: Page, web_ui: WebUI) -> None:
    answer = page.post("jobs/take", on=True)
    assert answer["on"]
    assert answer["word"] == "no hub"
    assert web_ui.saved["quartermaster_take_jobs"] is True
    assert not page.post("jobs/take", on=False)["on"]
    assert page.client.post("/quartermaster/jobs/take", json={}).status_code == 422


@pytest.mark.parametrize(
    ("doing", "word", "message"),
    [
        (Doing("waiting"), "waiting for jobs", ""),
        (Doing("working", "id", "a fox"), "running a job", "a fox"),
        (Doing("busy"), "resting", "give way"),
        (Doing("trouble", problem="the hub is away"), "takes no jobs", "the hub is away"),
    ],
)
def test_what_it_is_at_is_said_in_words(web_ui: WebUI, doing: Doing, word: str, message: str) -> None:
    web_ui.options["quartermaster_take_jobs"] = True
    said = shown(doing)
    assert said[0] == word
    assert message in said[1]


def test_outside_its_hours_it_says_when_it_goes_on(web_ui: WebUI) -> None:
    web_ui.options |= {"quartermaster_take_jobs": True, "quartermaster_job_hours": "22:00-07:00"}
    assert shown(Doing("closed")) == ("outside its hours", "It goes on Saturday at 22:00.")
    assert not taking.terms(Host()).open_at(datetime(2026, 11, 21, 12, 0))  # noqa: DTZ001 (the runner's are local)


def test_hours_that_nobody_can_read_take_no_jobs_and_say_so(web_ui: WebUI) -> None:
    web_ui.options |= {"quartermaster_take_jobs": True, "quartermaster_job_hours": "at night"}
    word, message = shown(Doing("closed"))
    assert word == "takes no jobs"
    assert "22:00-07:00" in message
    assert not taking.terms(Host()).takes
