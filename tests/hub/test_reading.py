import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
from quartermaster.hub.errors import InvalidJsonError, TooLargeError
from quartermaster.hub.limits import MIB, Limits
from quartermaster.hub.reading import crowded_field, parse_object, unpack
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, entry

SYNC = "/api/v1/servers/attic/models/sync"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"a"',
        b"\xff\xfe{}",
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": 1} x',
        b'{"a": 1, "a": 1}',
        b'{"models": [{"path": "a", "\\u0070ath": "b"}]}',
        b"<html>",
    ],
    ids=range(19),
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        parse_object(raw, False, Limits())


def test_ten_million_values_are_refused_unparsed() -> None:
    with pytest.raises(TooLargeError) as caught:
        parse_object(b'{"models":[' + b"{}," * 10_000_000 + b"{}]}", False, Limits())
    assert (caught.value.code, caught.value.details["field"]) == ("too_many_entries", "models")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"agent": {"a": 1}, "mode": "delta", "upserts": [{}, {}], "removed": [1, 2, 3, 4, 5]}', "removed"),
        (b'{"upserts": [1, 2, 3, 4, 5], "removed": [1], "mode": "delta", "base": "0"}', "upserts"),
        (b'{"buckets" : {"aa": [1, 2], "bb": [3, 4]}}', "buckets"),
        (b'{"a": [1, 2, 3]}', "body"),
        (b"[1, 2, 3]", "body"),
    ],
)
def test_of_a_body_too_large_to_parse_the_fullest_list_is_named(raw: bytes, field: str) -> None:
    assert crowded_field(raw) == field


def test_a_large_object_with_a_key_twice_is_refused_by_that_key() -> None:
    raw = b'{"a": {' + b", ".join(b'"%d": 1' % number for number in range(200_000)) + b', "77": 2}}'
    with pytest.raises(InvalidJsonError, match="'77' twice"):
        parse_object(raw, False, Limits())


def test_gzip_of_several_members_is_one_body() -> None:
    assert unpack(gzip.compress(b'{"a":') + gzip.compress(b"1}"), 100) == b'{"a":1}'


@pytest.mark.parametrize(
    "raw", [b"{}", gzip.compress(b"{}" * 1000)[:-9], b"\x1f\x8b", zlib.compress(b"{}")], ids=range(4)
)
def test_what_is_no_whole_gzip_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        unpack(raw, MIB)


def test_a_gzip_bomb_is_never_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (200 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpack(bomb, MIB)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * MIB


def test_a_bomb_names_the_list_that_it_fills() -> None:
    with pytest.raises(TooLargeError) as caught:
        unpack(gzip.compress(b'{"models":[' + b"{}," * MIB), MIB)
    assert caught.value.details["field"] == "models"


def test_gzip_of_a_million_empty_members_is_refused() -> None:
    with pytest.raises(InvalidJsonError, match="more than 1000 parts"):
        unpack(gzip.compress(b"") * 1_000_000, MIB)


@contextmanager
def connected(api: Api, length: int, more: str = "") -> Iterator[socket.socket]:
    """A connection on which the head of a sync of so many bytes was sent; ``more`` are lines of that head."""
    place = urlsplit(api.address)
    head = f"POST {SYNC} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n"
    head += more + "".join(f"{name}: {value}\r\n" for name, value in api.headers.items())
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(head.encode() + b"\r\n")
        yield connection


@pytest.mark.parametrize("database_url", [None], indirect=False)
class TestOverHttp:
    @pytest.fixture
    def settings(self, database_url: None, tmp_path) -> HubSettings:
        limits = Limits(body_bytes=2 * MIB, unpacked_bytes=2 * MIB, small_body_bytes=1000, read_timeout_seconds=0.5)
        return HubSettings(tmp_path / "hub", limits=limits, large_body_slots=1)

    @pytest.mark.parametrize(
        ("raw", "headers", "status", "error"),
        [
            (b"{", {}, 400, "invalid_json"),
            (b"\xff", {}, 400, "invalid_json"),
            (b"{}", {"Content-Encoding": "gzip"}, 400, "invalid_json"),
            (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
            (b" " * (3 * MIB), {}, 413, "body_too_large"),
            (gzip.compress(b" " * (3 * MIB)), {"Content-Encoding": "gzip"}, 413, "body_too_large"),
        ],
        ids=range(6),
    )
    def test_a_bad_body_is_refused_in_our_shape(
        self, api: Api, raw: bytes, headers: dict[str, str], status: int, error: str
    ) -> None:
        for path in (SYNC, "/api/v1/models/register", "/api/v1/models/availability", "/api/v1/servers"):
            answer = api.post(path, data=raw, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (status, error)
            assert set(answer.json()) == {"success", "error", "message", "details"}

    def test_a_body_without_a_stated_length_is_bounded_too(self, api: Api) -> None:
        answer = api.post(SYNC, data=iter([b" " * MIB] * 3))
        assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")

    def test_who_is_still_sending_hears_why_he_is_refused(self, api: Api) -> None:
        for who, error in ((api, b"body_too_large"), (replace(api, headers={}), b"unauthorized")):
            with connected(who, 60 * MIB) as connection:  # not by requests, which overlooks a broken pipe
                connection.sendall(b" " * (60 * MIB))
                assert error in connection.makefile("rb").read()

    def test_a_stated_length_over_the_limit_is_refused_before_anything_is_read(self, api: Api) -> None:
        with connected(api, 10**12) as connection:  # which are never sent
            answer = HTTPResponse(connection)
            answer.begin()
            refused = json.loads(answer.read())
            assert (answer.status, refused["error"], refused["details"]["field"]) == (413, "body_too_large", "body")
            connection.sendall(b" " * 1000)
            assert connection.recv(1) == b"", "the hub closes without waiting for the rest"

    def test_who_asks_first_is_told_no_before_he_sends(self, api: Api) -> None:
        with connected(api, 10**12, "Expect: 100-continue\r\n") as connection:
            said = connection.makefile("rb").read()
            assert said.startswith(b"HTTP/1.1 413 ") and b"\r\nconnection: close\r\n" in said.lower()

    def test_who_asks_first_and_is_welcome_is_told_to_go_on(self, api: Api) -> None:
        with connected(api, 14, "Expect: 100-continue\r\n") as connection:
            answers = connection.makefile("rb")
            assert answers.readline().startswith(b"HTTP/1.1 100 ")
            connection.sendall(b'{"models": []}')
            assert b"HTTP/1.1 200 " in answers.read()

    def test_large_bodies_go_one_after_the_other(self, api: Api) -> None:
        for number in range(3):  # with one slot, a slot that was kept would be waited for in vain
            held = [entry(f"file {number} {each}") for each in range(50)]
            assert api.synced({"models": held})["count"] == 50

    @pytest.mark.parametrize("closes", [True, False])
    def test_a_body_shorter_than_its_length_is_not_waited_for(self, api: Api, closes: bool) -> None:
        with connected(api, 1000) as connection:
            connection.sendall(b'{"models": []}')
            if closes:
                connection.shutdown(socket.SHUT_WR)
            else:
                assert b"incomplete_body" in connection.makefile("rb").read()
        assert api.get("/api/v1/servers").json() == []
