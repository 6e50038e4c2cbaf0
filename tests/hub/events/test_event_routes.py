"""What a listener hears over HTTP: pages, long polls and streams, where they begin and where they end."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from quartermaster.hub.events import tell
from quartermaster.hub.events.kinds import ENRICHMENT, SERVER_CHANGED
from quartermaster.hub.limits import Limits
from quartermaster.hub.schema import events as events_table
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, entry, sha, together, until
from sqlalchemy import delete

EVENTS = "/api/v1/events"
STREAM = {"Accept": "text/event-stream"}


def say(api: Api, *words: object, kind: str = ENRICHMENT, server: str | None = None) -> None:
    for word in words:
        api.hub.database.write(lambda connection, word=word: tell(connection, kind, server, data={"word": word}))


def page(api: Api, **parameters: Any) -> dict[str, Any]:
    answer = api.get(EVENTS, **parameters)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def words(told: list[dict[str, Any]]) -> list[Any]:
    return [event["data"].get("word") for event in told]


@dataclass
class Block:
    id: str = ""
    event: str = ""
    data: str = ""
    retry: str = ""
    comment: str = ""


class Stream:
    """An open stream of events, read block by block."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines(chunk_size=None, decode_unicode=True)

    def block(self) -> Block | None:
        """Return the next block; None at the end of the stream."""
        block, empty = Block(), True
        for line in self._lines:
            if not line:
                return block
            name, _, value = line.partition(": ")
            setattr(block, name or "comment", value)
            empty = False
        assert empty, "the stream broke off"
        return None

    def words(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            block = self.block()
            assert block is not None
            if block.data:
                found.append(json.loads(block.data)["data"].get("word"))
        return found


@contextmanager
def streaming(api: Api, headers: dict[str, str] | None = None, **parameters: Any) -> Iterator[Stream]:
    with (
        requests.Session() as session,
        session.get(
            api.address + EVENTS,
            headers={**api.headers, **STREAM, **(headers or {})},
            params=parameters,
            stream=True,
            timeout=60,
        ) as answer,
    ):
        assert answer.status_code == 200, answer.text
        yield Stream(answer)


def test_a_page_begins_after_the_cursor(api: Api) -> None:
    begin = page(api)
    assert begin["events"] == []
    say(api, 1, 2, 3)
    first = page(api, after=begin["cursor"], limit=2)
    assert words(first["events"]) == [1, 2]
    second = page(api, after=first["cursor"])
    assert words(second["events"]) == [3]
    assert page(api, after=second["cursor"])["events"] == []
    assert page(api)["cursor"] == second["cursor"]


def test_an_event_says_what_when_and_about_what(api: Api) -> None:
    begin = page(api)["cursor"]
    api.post("/api/v1/models/register", {"type": "LORA", "sha256": sha("x"), "name": "x"})
    (told,) = page(api, after=begin)["events"]
    assert told.pop("cursor")
    model = told.pop("model")
    assert (model["hash"], model["name"]) == (sha("x"), "x")
    assert told == {
        "at": "2027-01-15T08:00:00.000Z",
        "kind": "model_registered",
        "server_id": None,
        "data": {"type": "LORA", "created": True},
    }


def test_the_last_events_can_be_asked_for(api: Api) -> None:
    say(api, *range(5))
    assert words(page(api, last=2)["events"]) == [3, 4]
    assert words(page(api, last=500, kind=ENRICHMENT)["events"]) == list(range(5))
    assert page(api, last=10, server="nowhere")["events"] == []


def test_kinds_and_servers_can_be_chosen(api: Api) -> None:
    begin = page(api)["cursor"]
    say(api, 1, server="attic")
    say(api, 2, kind=SERVER_CHANGED, server="attic")
    say(api, 3, server="cellar")
    say(api, 4)
    assert words(page(api, after=begin, server="attic")["events"]) == [1, 2]
    assert words(page(api, after=begin, server=["attic", "cellar"], kind=ENRICHMENT)["events"]) == [1, 3]
    assert words(page(api, after=begin, kind=[ENRICHMENT, SERVER_CHANGED])["events"]) == [1, 2, 3, 4]
    told = page(api, after=begin, server="attic", limit=1)
    assert words(page(api, after=told["cursor"], server="attic")["events"]) == [2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"after": "x"},
        {"after": "1"},
        {"after": "1.xyz"},
        {"after": "9" * 30 + ".1"},
        {"kind": "gossip"},
        {"server": "a/b"},
        {"limit": 0},
        {"limit": 501},
        {"last": -1},
        {"wait": -1},
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, parameters: dict[str, Any]) -> None:
    for headers in ({}, STREAM):
        answer = api.call("GET", EVENTS, params=parameters, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid_field"), answer.text


def test_nobody_listens_without_a_key(api: Api) -> None:
    nobody = replace(api, headers={})
    for headers in ({}, STREAM):
        assert nobody.call("GET", EVENTS, headers=headers).status_code == 401


def test_keys_are_the_admins_matter(api: Api) -> None:
    begin = page(api)["cursor"]
    client = api.with_key("client")
    agent = api.with_key("agent", "attic")
    assert [event["kind"] for event in page(api, after=begin)["events"]] == [
        "key_changed",
        "server_added",
        "key_changed",
    ]
    for other in (client, agent):
        assert [event["kind"] for event in page(other, after=begin)["events"]] == ["server_added"]
        assert page(other, after=begin, kind="key_changed")["events"] == []
        assert [event["kind"] for event in page(other, last=10)["events"]] == ["server_added"]


def test_a_long_poll_is_answered_when_something_happens(api: Api) -> None:
    begin = page(api)["cursor"]
    answered: list[Any] = []
    poll = threading.Thread(target=lambda: answered.append(page(api_of_its_own, after=begin, wait=60)))
    with requests.Session() as session:
        api_of_its_own = replace(api, session=session)
        poll.start()
        until(lambda: api.hub.broadcaster.count == 1)
        say(api, "now")
        poll.join()
    assert words(answered[0]["events"]) == ["now"]
    assert api.hub.broadcaster.count == 0


def test_a_long_poll_ends_without_events(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    api = start_api(replace(settings, limits=Limits(event_wait_seconds=0.05)))
    begin = page(api)["cursor"]
    assert page(api, after=begin, wait=3600) == {"success": True, "events": [], "cursor": begin}


def test_a_stream_hears_what_happens(api: Api) -> None:
    with streaming(api) as stream:
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        head = stream.block()
        assert head is not None and head.id and 2000 <= int(head.retry) <= 5000
        say(api, 1)
        assert stream.words(1) == [1]
        api.synced({"models": [entry("one")]})
        kinds = [block.event for block in (stream.block(), stream.block(), stream.block()) if block is not None]
        assert kinds == ["server_added", "server_state", "inventory_changed"]


def test_a_stream_goes_on_where_it_broke_off(api: Api) -> None:
    with streaming(api) as stream:
        say(api, 1)
        stream.block()
        block = stream.block()
        assert block is not None and block.event == ENRICHMENT
    say(api, 2, 3)
    with streaming(api, {"Last-Event-ID": block.id}) as stream:
        assert stream.words(2) == [2, 3]
        say(api, 4)
        assert stream.words(1) == [4]
    with streaming(api, after=block.id) as stream:
        assert stream.words(3) == [2, 3, 4]
    with streaming(api, last=2) as stream:
        assert stream.words(2) == [3, 4]


def test_a_stream_is_given_only_what_it_chose(api: Api) -> None:
    with streaming(api, server="attic") as stream:
        say(api, 1, 2)
        say(api, 3, server="attic")
        assert stream.words(1) == [3]


def test_a_silent_stream_says_that_it_lives_and_where_it_is(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(replace(settings, limits=Limits(event_heartbeat_seconds=0.05)))
    with streaming(api, server="attic") as stream:
        say(api, 1)
        end = page(api)["cursor"]
        while True:
            block = stream.block()
            assert block is not None and not block.data
            if block.comment and block.id == end:
                break


def test_a_cursor_of_another_log_is_said_to_be_of_no_use(api: Api) -> None:
    say(api, 1, 2)
    end = page(api)["cursor"]
    number = int(end.partition(".")[0])
    for strange in (f"{number}.{(int(end.partition('.')[2], 16) ^ 1):x}", f"{number + 5}.1"):
        answer = api.get(EVENTS, after=strange)
        assert (answer.status_code, answer.json()["error"]) == (410, "cursor_gone")
        assert answer.json()["details"] == {"cursor": end}
        with streaming(api, {"Last-Event-ID": strange}) as stream:
            stream.block()
            reset = stream.block()
            assert reset is not None and (reset.event, reset.id) == ("reset", end)
            say(api, "new")
            assert stream.words(1) == ["new"]
        end = page(api)["cursor"]


def test_a_cursor_before_what_was_forgotten_is_said_to_be_of_no_use(api: Api) -> None:
    begin = page(api)["cursor"]
    say(api, 1, 2, 3)
    end = page(api)["cursor"]
    number = int(end.partition(".")[0])
    api.hub.database.write(
        lambda connection: connection.execute(delete(events_table).where(events_table.c.seq < number - 1))
    )
    for gone in (begin, "0.0"):
        assert api.get(EVENTS, after=gone).json()["error"] == "cursor_gone"
    assert words(page(api, last=10)["events"])[-1] == 3


def test_a_revoked_keys_stream_and_poll_end(api: Api) -> None:
    client = api.with_key("client")
    polled: list[dict[str, Any]] = []
    with streaming(api) as bystander, streaming(client) as stream, requests.Session() as session:
        polling = threading.Thread(target=lambda: polled.append(page(replace(client, session=session), wait=60)))
        polling.start()
        until(lambda: api.hub.broadcaster.count == 3)
        api.hub.keys.revoke(client.headers["X-API-Key"])
        while stream.block() is not None:
            pass
        polling.join()
        assert polled[0]["events"] == []
        say(api, "on")
        while bystander.words(1) != ["on"]:
            pass
    until(lambda: api.hub.broadcaster.count == 0)


def test_a_key_that_was_revoked_without_an_event_is_noticed(api: Api) -> None:
    client = api.with_key("client")
    with streaming(client) as stream:
        until(lambda: api.hub.broadcaster.count == 1)
        sql = "UPDATE api_keys SET revoked_at = 1 WHERE scope = 'client'"
        api.hub.database.write(lambda connection: connection.exec_driver_sql(sql))
        job = next(job for job in api.hub.jobs if job.name == "listeners' keys")
        job.call()
        while stream.block() is not None:
            pass


def test_a_hub_that_stops_ends_its_streams(api: Api, settings: HubSettings, start_api: Callable[..., Api]) -> None:
    with streaming(api) as stream:
        stream.block()
        api.hub.broadcaster.end_all()  # as uvicorn's shutdown has it, see ``running``
        while stream.block() is not None:
            pass
    answer = api.call("GET", EVENTS, headers=STREAM)
    assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")


def test_there_are_only_so_many_listeners(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    api = start_api(replace(settings, event_streams=3, limits=Limits(streams_per_key=2)))
    client = api.with_key("client")
    with streaming(api), streaming(api):
        answer = api.call("GET", EVENTS, headers=STREAM)
        assert (answer.status_code, answer.json()["error"]) == (429, "rate_limited")
        assert page(api)["events"] == []  # who does not wait is no listener
        with streaming(client):
            for one in (client, api):
                answer = one.call("GET", EVENTS, headers=STREAM)
                assert (answer.status_code, answer.json()["error"]) == (503, "too_many_streams")
                assert int(answer.headers["Retry-After"]) > 0
    until(lambda: api.hub.broadcaster.count == 0)
    with streaming(client):
        pass


def test_a_listener_that_is_far_behind_misses_nothing(api: Api) -> None:
    begin = page(api)["cursor"]
    count = 1_200  # more than is kept in memory
    with streaming(api, after=begin) as stream:
        stream.block()
        together(4, lambda number: say(api, *range(number * count // 4, (number + 1) * count // 4)))
        assert sorted(stream.words(count)) == list(range(count))


def test_writers_at_once_are_all_heard_once_and_in_one_order(api: Api) -> None:
    begin = page(api)["cursor"]
    with streaming(api) as one, streaming(api) as other:
        one.block()
        other.block()
        together(8, lambda number: say(api, *[f"{number} {each}" for each in range(20)]))
        heard = one.words(160)
        assert other.words(160) == heard
    assert len(set(heard)) == 160
    told: list[Any] = []
    while len(told) < 160:
        listed = page(api, after=begin, limit=37)
        told, begin = told + words(listed["events"]), listed["cursor"]
    assert told == heard
    for number in range(8):
        assert [word for word in heard if word.startswith(f"{number} ")] == [f"{number} {each}" for each in range(20)]
