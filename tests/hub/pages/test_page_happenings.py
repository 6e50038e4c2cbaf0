import pytest
from quartermaster.hub.events import kinds
from quartermaster.hub.events.log import Cursor, Event
from quartermaster.hub.pages.happenings import KINDS, happening, lines


def event(number: int, kind: str, server: str | None = "attic", **data: object) -> Event:
    return Event(Cursor(number, 1), 1000.0 + number, kind, server, None, data)


def test_every_kind_has_a_word_of_its_own() -> None:
    assert set(KINDS) == kinds.KINDS
    assert len(set(KINDS.values())) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "data", "said", "tone"),
    [
        (kinds.INVENTORY_CHANGED, {"added": 3, "removed": 1, "count": 1234}, "3 added, 1 removed, 1 234 files now", ""),
        (kinds.SERVER_STATE, {"state": "offline", "before": "stale"}, "is offline", "bad"),
        (kinds.SERVER_STATE, {"state": "present", "before": "stale"}, "is online", "good"),
        (kinds.SERVER_ADDED, {"alias": "attic"}, "is new here", "good"),
        (kinds.KEY_CHANGED, {"name": "k", "change": "revoked", "scope": "agent"}, "key “k” was revoked (agent)", "bad"),
        (kinds.OVERRIDE_CHANGED, {"base_model": "Pony", "type": "LORA"}, "was corrected to Pony, LORA", "info"),
        (kinds.OVERRIDE_CHANGED, {"base_model": None, "type": None}, "is as it was found again", "info"),
        (kinds.JOB, {"id": "0a", "state": "processing"}, "runs a job", "info"),
        (kinds.JOB, {"id": "0a", "state": "failed", "error": "wrong_model"}, "failed at a job (wrong_model)", "bad"),
    ],
)  # fmt: skip
def test_an_event_is_a_sentence(kind: str, data: dict[str, object], said: str, tone: str) -> None:
    told = happening(event(1, kind, **data))
    assert (told.sentence.replace("\u202f", " "), told.tone) == (said, tone)


@pytest.mark.parametrize("kind", sorted(kinds.KINDS))
@pytest.mark.parametrize("data", [{}, {"models": "none", "added": "many", "count": None, "state": 5}])
def test_no_data_breaks_a_line(kind: str, data: dict[str, object]) -> None:
    assert happening(event(1, kind, None, **data)).sentence


def test_a_line_leads_to_what_it_is_about() -> None:
    assert happening(event(1, kinds.SERVER_STATE, "a b/c")).link == "/servers/a%20b%2Fc"
    assert happening(event(1, kinds.SERVER_REMOVED)).link is None
    about = Event(Cursor(1, 1), 1.0, kinds.MODEL_REGISTERED, None, {"id": 5, "name": "fox", "hash": "ab"}, {})
    assert (happening(about).about, happening(about).link) == ("fox", "/models/ab")


def test_a_storm_is_one_line() -> None:
    storm = [event(n, kinds.INVENTORY_CHANGED, added=1) for n in range(500, 100, -1)]
    found = lines(
        [event(501, kinds.SERVER_STATE, state="present"), *storm, event(1, kinds.INVENTORY_CHANGED, "cellar")]
    )
    assert [len(line.all) for line in found] == [1, 400, 1]
    assert found[1].first.number == 500


def test_jobs_in_a_row_are_one_line_but_those_that_failed() -> None:
    told = [("pending", None), ("processing", "attic"), ("failed", "attic"), ("completed", "cellar"), ("pending", None)]
    shown = lines(event(number, kinds.JOB, server, id="0a", state=state) for number, (state, server) in enumerate(told))
    assert [len(line.all) for line in shown] == [2, 1, 2]
    assert len({line.key for line in shown}) == 3
