"""What listeners cost, and what becomes of them when something goes wrong."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import requests
from quartermaster.hub.database import Database
from quartermaster.hub.events import tell
from quartermaster.hub.events.kinds import ENRICHMENT
from quartermaster.hub.limits import Limits
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, until
from sqlalchemy import Connection

EVENTS = "/api/v1/events"
STREAMS = 60
"""More than the hub has threads (40), and connections to its database (40, or 60 on SQLite)."""


def say(api: Api, word: object, length: int = 0) -> None:
    data = {"word": word, "padding": "x" * length}
    api.hub.database.write(lambda connection: tell(connection, ENRICHMENT, data=data))


def words(api: Api, cursor: str) -> list[Any]:
    told = api.get(EVENTS, after=cursor, limit=500).json()["events"]
    return [one["data"].get("word") for one in told]


def test_who_waits_holds_neither_a_thread_nor_a_connection(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(replace(settings, limits=Limits(streams_per_key=2 * STREAMS)))
    headers = {**api.headers, "Accept": "text/event-stream"}
    with ExitStack() as stack:
        streams = [
            stack.enter_context(requests.get(api.address + EVENTS, headers=headers, stream=True, timeout=60))
            for _ in range(STREAMS)
        ]
        lines = [stream.iter_lines(chunk_size=None, decode_unicode=True) for stream in streams]
        for each in lines:
            assert next(each).startswith("retry")
        assert api.hub.broadcaster.count == STREAMS
        assert api.get("/api/v1/servers").status_code == 200
        until(lambda: api.hub.database.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]  # of a QueuePool
        say(api, 1)
        for each in lines:
            while not next(each).startswith("data"):
                pass


def test_a_listener_that_does_not_read_is_cut_off_and_disturbs_nobody(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(replace(settings, limits=Limits(stream_write_timeout_seconds=0.2)))
    host, port = api.address.removeprefix("http://").split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in {**api.headers, "Accept": "text/event-stream"}.items())
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        until(lambda: api.hub.broadcaster.count == 1)
        cursor = api.get(EVENTS).json()["cursor"]
        said = 0
        while api.hub.broadcaster.count:
            say(api, said, 15_000)
            said += 1
            assert said < 5_000, "it is never cut off"
        assert words(api, cursor) == list(range(min(said, 500)))


@pytest.fixture
def postgresql(postgres: Callable[[], str], settings: HubSettings) -> HubSettings:
    return replace(settings, database_url=postgres())


@pytest.mark.parametrize("database_url", [None])  # the one of ``postgresql`` is used
def test_an_event_that_is_committed_late_comes_late_and_is_not_missed(
    postgresql: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(postgresql)
    begin = api.get(EVENTS).json()["cursor"]
    with api.hub.database.engine.connect() as slow:
        transaction = slow.begin()
        tell(slow, ENRICHMENT, data={"word": "begun first"})
        say(api, "committed first")
        page = api.get(EVENTS, after=begin).json()
        assert [one["data"]["word"] for one in page["events"]] == ["committed first"]
        transaction.commit()
    assert words(api, page["cursor"]) == ["begun first"]
    assert words(api, begin) == ["committed first", "begun first"]


@pytest.mark.parametrize("database_url", [None])
def test_an_event_whose_teller_was_killed_after_the_commit_is_heard(
    postgresql: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(postgresql)
    begin = api.get(EVENTS).json()["cursor"]
    other = Database(postgresql)  # commits, and does nothing more
    try:
        polled = requests_in_thread(api, begin)
        until(lambda: api.hub.broadcaster.count == 1)
        other.write(lambda connection: tell(connection, ENRICHMENT, data={"word": "farewell"}))
        assert [one["data"]["word"] for one in polled()["events"]] == ["farewell"]
    finally:
        other.close()


@pytest.mark.parametrize("database_url", [None])
def test_a_hub_whose_listening_connection_breaks_listens_again(
    postgresql: HubSettings, start_api: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    api = start_api(postgresql)
    other = Database(postgresql)
    try:
        until(lambda: listening(other) == 1)
        other.write(
            lambda connection: connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN quartermaster%%'"
            ).all()
        )
        until(lambda: "not hearing of events" in caplog.text)
        until(lambda: listening(other) == 1)
        begin = api.get(EVENTS).json()["cursor"]
        polled = requests_in_thread(api, begin)
        until(lambda: api.hub.broadcaster.count == 1)
        other.write(lambda connection: tell(connection, ENRICHMENT, data={"word": "again"}))
        assert [one["data"]["word"] for one in polled()["events"]] == ["again"]
    finally:
        other.close()


def listening(database: Database) -> int:
    def count(connection: Connection) -> int:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN quartermaster%%'"
        return int(connection.exec_driver_sql(sql).scalar_one())

    return database.write(count)


def requests_in_thread(api: Api, after: str) -> Callable[[], dict[str, Any]]:
    """Begin a long poll; return what waits for its answer."""
    found: list[dict[str, Any]] = []

    def ask() -> None:
        answer = requests.get(
            api.address + EVENTS, params={"after": after, "wait": "60"}, headers=api.headers, timeout=90
        )
        found.append(answer.json())

    thread = threading.Thread(target=ask)
    thread.start()

    def answer() -> dict[str, Any]:
        thread.join()
        return found[0]

    return answer
