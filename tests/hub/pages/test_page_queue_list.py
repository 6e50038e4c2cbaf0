"""The list of jobs: its address says what was asked, and what was done just now."""

from urllib.parse import parse_qs, urlsplit

import pytest
from quartermaster.hub.errors import FieldError
from quartermaster.hub.pages.queue_changes import MOST, Change, Done, read_done
from quartermaster.hub.pages.queue_list import Asked, tabs


def test_an_address_holds_what_was_asked_and_a_change_begins_at_the_first_page() -> None:
    asked = Asked(state="pending", server="attic", q="fox & <b>", cursor="Mg")
    query = parse_qs(urlsplit(asked.here).query)
    assert query == {"state": ["pending"], "server": ["attic"], "q": ["fox & <b>"], "cursor": ["Mg"]}
    assert asked.url(server="", q="") == "/queue?state=pending"
    assert Asked().here == "/queue"


def test_there_is_a_tab_for_every_state_and_for_all() -> None:
    shown = tabs(Asked(state="failed", mine="1"), {"pending": 3, "failed": 2})
    assert [(tab.mark.word if tab.mark else "all", tab.count) for tab in shown] == [
        *(("all", 5), ("waiting", 3), ("running", 0), ("completed", 0), ("failed", 2), ("cancelled", 0)),
    ]
    assert [tab.chosen for tab in shown].index(True) == 4
    assert shown[0].url == "/queue?mine=1"


def test_a_change_is_of_one_job_or_of_those_that_are_chosen() -> None:
    chosen = {"pick-a": "1", "pick-b": "1", "priority": "5", "server": "attic"}
    assert Change.read({**chosen, "do": "priority"}) == Change("priority", ("a", "b"), "5")
    assert Change.read({**chosen, "do": "move"}) == Change("move", ("a", "b"), "attic")
    assert Change.read({**chosen, "only": "cancel c"}) == Change("cancel", ("c",))
    for wrong in ({}, {"do": "cancel"}, {"do": "delete", "pick-a": "1"}, {"only": "cancel"}):
        with pytest.raises(FieldError):
            Change.read(wrong)
    with pytest.raises(FieldError):
        Change.read({"do": "cancel", **{f"pick-{number}": "1" for number in range(MOST + 1)}})


def test_what_was_done_goes_along_to_the_page_before() -> None:
    done = Done("cancel", ("a-1", "b-2"), 1, "job_not_found")
    address = done.url("/queue?state=pending&did=retry&jobs=z")
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert query["state"] == "pending"
    told = read_done(query, "/queue")
    assert told is not None
    assert (told.sentence, told.undo) == ("2 jobs were cancelled.", ("a-1", "b-2"))
    assert told.refused == "1 of them could not be cancelled: of the first, it is not there any more."


@pytest.mark.parametrize("back", ["https://elsewhere/queue", "//elsewhere/queue", "/queue\\..", "/keys", "/queuex", ""])
def test_nobody_is_led_elsewhere(back: str) -> None:
    assert urlsplit(Done("cancel", ("a",), 0, "").url(back)).path == "/queue"


def test_what_an_address_says_of_itself_stays_small_and_text() -> None:
    assert read_done({"did": "explode"}, "/queue") is None
    told = read_done({"did": "cancel", "jobs": "<b>,ok-1", "refused": "99999", "why": "<b>"}, "/queue")
    assert told is not None
    assert (told.ids, told.refused_count) == (("ok-1",), 0)
