"""Where a model was when, when a server was in which state, and how the whole grew."""

from dataclasses import replace
from typing import Any

import pytest
from quartermaster.hub.growth import day_of
from quartermaster.hub.history import Interval, fractions
from quartermaster.hub.retention import BATCH
from quartermaster.hub.schema import past_placements, placements, server_states
from quartermaster.hub.services import Hub
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha, together
from sqlalchemy import func, insert, select

DAY = 86_400


def intervals(api: Api, word: object) -> list[tuple[str, str, str, str | None]]:
    answer = api.get(f"/api/v1/models/{sha(word)}/history")
    assert answer.status_code == 200, answer.text
    return [
        (one["server_id"], one["path"].rpartition("/")[2], one["since"][11:19], one["until"] and one["until"][11:19])
        for one in answer.json()["intervals"]
    ]


def test_a_models_history_has_every_place_from_when_till_when(api: Api) -> None:
    one, two = entry("one"), entry("two")
    api.synced({"models": [one, two]})  # at 08:00:00
    api.clock.now += 60
    api.synced({"models": [one]}, "cellar")
    api.clock.now += 60
    api.synced({"models": [{**one, "size": 2000, "state": "stale"}]})
    api.clock.now += 60
    moved = entry("moved", content="one")
    api.synced({"mode": "delta", "base": digest_of([{**one, "size": 2000, "state": "stale"}]), "upserts": [moved],
                "removed": [one["path"]], "digest": digest_of([moved])})  # fmt: skip
    assert intervals(api, "one") == [
        ("attic", "moved.safetensors", "08:03:00", None),
        ("cellar", "one.safetensors", "08:01:00", None),
        ("attic", "one.safetensors", "08:00:00", "08:03:00"),
    ]
    assert intervals(api, "two") == [("attic", "two.safetensors", "08:00:00", "08:02:00")]


def test_a_path_that_holds_another_model_ends_the_first_ones_time(api: Api) -> None:
    api.synced({"models": [entry("file", content="old")]})
    api.clock.now += 60
    api.synced({"models": [entry("file", content="new")]})
    assert intervals(api, "old") == [("attic", "file.safetensors", "08:00:00", "08:01:00")]
    assert intervals(api, "new") == [("attic", "file.safetensors", "08:01:00", None)]


def test_a_claim_that_was_wrong_was_never_there(api: Api) -> None:
    api.synced({"models": [entry("file", content="wrong", hash_state="claimed"), entry("other", content="right")]})
    api.clock.now += 60
    api.synced({"models": [entry("file", content="right"), entry("other", content="right")]})
    assert api.get(f"/api/v1/models/{sha('wrong')}/history").status_code == 404
    with api.hub.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(past_placements)) == 0
    api.synced({"models": [entry("other", content="right")]})
    assert ("attic", "file.safetensors", "08:01:00", "08:01:00") in intervals(api, "right")


def test_a_removed_server_leaves_its_history(api: Api) -> None:
    api.synced({"models": [entry("one")]})
    api.clock.now += 60
    api.delete("/api/v1/servers/attic")
    assert intervals(api, "one") == [("attic", "one.safetensors", "08:00:00", "08:01:00")]
    (state,) = api.get("/api/v1/servers/attic/history").json()["states"]
    assert (state["state"], state["until"][11:19]) == ("present", "08:01:00")
    assert api.get("/api/v1/servers/nowhere/history").status_code == 404


def states(api: Api, server: str = "attic") -> list[tuple[str, int, int | None]]:
    """Return a server's states and when they began and ended, in seconds since 08:00."""
    with api.hub.database.read() as connection:
        query = select(server_states).where(server_states.c.server_id == server).order_by(server_states.c.id)
        rows = connection.execute(query).all()
    return [(row.state, round(row.since - 1.8e9), row.until and round(row.until - 1.8e9)) for row in rows]


def told_states(api: Api) -> list[tuple[str, str, str]]:
    told = api.get("/api/v1/events", last=100, kind="server_state").json()["events"]
    return [(one["server_id"], one["data"]["before"], one["data"]["state"]) for one in told]


def test_silence_is_noted_once_and_so_is_the_return(api: Api) -> None:
    api.heartbeat([])
    api.clock.now += 85
    api.hub.server_states.look()
    api.heartbeat([])
    api.clock.now += 100
    for _ in range(3):
        api.hub.server_states.look()
    api.clock.now += 600
    for _ in range(3):
        api.hub.server_states.look()
    api.heartbeat([])
    api.heartbeat([])
    assert states(api) == [("present", 0, 175), ("stale", 175, 685), ("offline", 685, 785), ("present", 785, None)]
    assert told_states(api) == [
        ("attic", "offline", "present"),
        ("attic", "present", "stale"),
        ("attic", "stale", "offline"),
        ("attic", "offline", "present"),
    ]


def test_many_processes_note_a_silence_once(api: Api) -> None:
    names = [f"server {number}" for number in range(5)]
    for name in names:
        api.heartbeat([], name)
    others = [Hub(api.hub.settings, api.clock) for _ in range(3)]
    try:
        api.clock.now += 1_000
        assert together(4, lambda number: ([api.hub, *others][number]).server_states.look()) == [False] * 4
    finally:
        for other in others:
            other.close()
    assert sorted(told_states(api)[5:]) == sorted(
        step for name in names for step in ((name, "present", "stale"), (name, "stale", "offline"))
    )
    for name in names:
        assert states(api, name) == [("present", 0, 90), ("stale", 90, 600), ("offline", 600, None)]


def test_a_hub_that_did_not_run_blames_no_server(api: Api) -> None:
    api.heartbeat([])
    api.clock.now += 10_000
    again = Hub(api.hub.settings, api.clock)
    try:
        again.server_states.look()
        assert states(api) == [("present", 0, None)]
        api.heartbeat([])
        api.clock.now += 91
        again.server_states.look()
        assert states(api) == [("present", 0, 10_090), ("stale", 10_090, None)]
    finally:
        again.close()


def test_a_server_that_comes_back_meanwhile_is_not_noted_as_silent(api: Api) -> None:
    api.heartbeat([])
    api.clock.now += 100
    states_of = api.hub.server_states
    (row,) = states_of._silent(api.clock.now)
    api.heartbeat([])
    api.hub.database.write(lambda connection: states_of._sink(connection, row, api.clock.now))
    assert states(api) == [("present", 0, None)]


def test_a_servers_days_are_cut_into_states(api: Api) -> None:
    api.heartbeat([])  # at 08:00
    api.clock.now += 6 * 3600
    api.hub.server_states.look()
    api.clock.now += 12 * 3600  # 02:00 of the next day
    told = api.get("/api/v1/servers/attic/history", days=3).json()
    assert [day["day"] for day in told["days"]] == ["2027-01-14", "2027-01-15", "2027-01-16"]
    assert told["days"][0] == {"day": "2027-01-14", "present": 0, "stale": 0, "offline": 0, "unknown": 1}
    parts = told["days"][1]
    assert parts["present"] == pytest.approx(90 / DAY, abs=1e-5)
    assert parts["stale"] == pytest.approx(510 / DAY, abs=1e-5)
    assert parts["offline"] == pytest.approx((16 * 3600 - 600) / DAY, abs=1e-5)
    assert parts["unknown"] == pytest.approx(1 / 3, abs=1e-5)
    assert told["days"][2]["offline"] == 1
    assert told["states"][-1]["until"] is None


def test_fractions_of_no_time_are_none() -> None:
    assert fractions([Interval("present", 0, None)], 5, 5)["present"] == 0
    assert fractions([Interval("present", 0, 4), Interval("stale", 4, None)], 2, 6) == {
        "present": 0.5, "stale": 0.5, "offline": 0, "unknown": 0
    }  # fmt: skip


def test_growth_is_sampled_once_a_day_and_today_brought_up_to_date(api: Api) -> None:
    def sampled() -> list[tuple[Any, ...]]:
        api.hub.growth.sample()
        days = api.get("/api/v1/growth").json()["days"]
        return [(one["day"], one["models"], one["placements"], one["bytes"], one["servers"]) for one in days]

    assert sampled() == [("2027-01-15", 0, 0, 0, 0)]
    api.synced({"models": [entry("one"), entry("copy", content="one", size=500)]})
    api.synced({"models": [entry("two")]}, "cellar")
    assert sampled() == [("2027-01-15", 0, 0, 0, 0)]
    api.clock.now += 3600
    assert sampled() == [("2027-01-15", 2, 3, 2500, 2)]
    api.clock.now += DAY
    assert sampled() == [("2027-01-15", 2, 3, 2500, 2), ("2027-01-16", 2, 3, 2500, 2)]
    assert len(api.get("/api/v1/growth", days=1).json()["days"]) == 1
    assert day_of(api.clock.now) == "2027-01-16"


def test_what_is_too_old_is_forgotten_in_batches(settings, start_api) -> None:
    api = start_api(replace(settings, events_keep_days=1, history_keep_days=2))
    api.synced({"models": [entry("one")]})
    with api.hub.database.read() as connection:
        held = connection.execute(select(placements.c.model_id, placements.c.since)).one()
    row = {"server_id": "attic", "path": "x", "model_id": held.model_id, "since": 0}
    old, young = api.clock.now - 2 * DAY - 1, api.clock.now - 2 * DAY + 1

    def fill(connection: Any) -> None:
        connection.execute(insert(past_placements), [{**row, "until": old}] * (BATCH + 5) + [{**row, "until": young}])
        connection.execute(
            insert(server_states).values(server_id="attic", state="stale", since=1, until=api.clock.now - 3 * DAY)
        )

    api.hub.database.write(fill)
    assert api.hub.retention.prune() is True
    assert api.hub.retention.prune() is False
    with api.hub.database.read() as connection:
        assert connection.scalars(select(past_placements.c.until)).all() == [young]
        assert connection.scalars(select(server_states.c.state)).all() == ["present"]


def test_old_events_are_forgotten_but_never_the_newest(settings, start_api) -> None:
    api = start_api(replace(settings, events_keep_days=1))
    api.synced({"models": [entry("one")]})
    end = api.get("/api/v1/events").json()["cursor"]
    api.clock.now += DAY + 1
    api.hub.retention.prune()
    assert api.get("/api/v1/events", after=end).json()["events"] == []
    assert len(api.get("/api/v1/events", last=100).json()["events"]) == 1
    api.synced({"models": []})
    assert [one["kind"] for one in api.get("/api/v1/events", after=end).json()["events"]] == ["inventory_changed"]
    assert api.get("/api/v1/events", after="0.0").status_code == 410
