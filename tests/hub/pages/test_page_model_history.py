"""The history of a model: since when a server has it, what is over, and the picture of both."""

from typing import Any

from quartermaster.hub.ages import iso_time
from quartermaster.hub.pages.model_history import Stay, drawn, past, since, stays

DAY = 86_400.0


def interval(server: str, start: float, end: float | None, path: str = "a.safetensors") -> dict[str, Any]:
    return {"server_id": server, "path": path, "since": iso_time(start), "until": iso_time(end)}


def test_a_server_has_a_model_since_its_first_path_that_still_holds_it() -> None:
    listed = stays([interval("attic", 3 * DAY, None, "b"), interval("attic", DAY, None), interval("cellar", 0, DAY)])
    assert since(listed) == {"attic": DAY}


def test_what_is_over_comes_latest_first() -> None:
    listed = stays([interval("attic", 0, DAY), interval("cellar", 0, 2 * DAY), interval("shed", 0, None)])
    assert [stay.server_id for stay in past(listed)] == ["cellar", "attic"]


def test_a_picture_is_drawn_where_something_changed() -> None:
    assert drawn([Stay("attic", "a", 0, None)], {}, DAY) is None
    picture = drawn([Stay("attic", "a", 0, DAY), Stay("attic", "a", 3 * DAY, None)], {"attic": "<the attic>"}, 4 * DAY)
    assert picture is not None
    assert "&lt;the attic&gt;: had it 50 %" in picture
    assert drawn([], {}, DAY) is None
