"""Connections that stall, and requests that are no HTTP."""

import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
from quartermaster.hub.limits import Limits
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], socket.socket]]:
    """What connects to a hub that waits for a head for a fifth of a second, and for the rest as it always does."""
    with RunningHub(HubSettings(tmp_path, limits=Limits(head_timeout_seconds=0.2))) as running:
        port = int(running.address.rpartition(":")[2])
        yield lambda: socket.create_connection(("127.0.0.1", port), timeout=60)


def received(connection: socket.socket) -> tuple[int, str, bytes]:
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers["Content-Type"], answer.read()


@pytest.mark.parametrize("sent", [b"", b"GET", HEALTHZ[:-2], HEALTHZ[:-2] + b"X-Slow: 1\r\n"], ids=range(4))
def test_a_head_that_stalls_ends_the_connection(connect: Callable[[], socket.socket], sent: bytes) -> None:
    with connect() as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""


def test_a_head_that_drips_ends_the_connection(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        connection.settimeout(0.02)
        with pytest.raises((ConnectionError, EOFError)):
            while True:
                connection.sendall(b"G")
                try:
                    if not connection.recv(1):
                        raise EOFError
                except TimeoutError:
                    pass


def test_a_second_head_that_stalls_ends_the_connection_too(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        connection.sendall(HEALTHZ)
        assert received(connection)[0] == 200
        connection.sendall(HEALTHZ[:-2])
        assert connection.recv(1) == b""


def test_a_body_may_take_longer_than_a_head(tmp_path: Path) -> None:
    limits = Limits(head_timeout_seconds=0.1, read_timeout_seconds=0.5)
    with RunningHub(HubSettings(tmp_path, limits=limits)) as running:
        made = running.hub.keys.create("slow", "admin")
        head = f"POST /api/v1/servers HTTP/1.1\r\nHost: x\r\nX-API-Key: {made.key}\r\nX-API-Secret: {made.secret}\r\n"
        port = int(running.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\n{")
            status, _, content = received(connection)
    assert (status, json.loads(content)["error"]) == (400, "incomplete_body")


def test_who_is_refused_hears_it_before_he_has_sent_all(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        connection.sendall(b"POST /api/v1/servers HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
        status, _, content = received(connection)
        assert (status, json.loads(content)["error"]) == (401, "unauthorized")
        assert connection.recv(1) == b"", "the rest is waited for, but not for ever"


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-API-Key: a\x00b\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=range(4),
)
def test_what_is_no_http_is_refused_in_our_shape(connect: Callable[[], socket.socket], sent: bytes) -> None:
    with connect() as connection:
        connection.sendall(sent)
        status, kind, content = received(connection)
    refused = json.loads(content)
    assert (status, kind, refused["error"]) == (400, "application/json", "bad_request")
    assert set(refused) == {"success", "error", "message", "details"}


def test_chunks_that_are_none_end_the_connection(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        head = b"POST /api/v1/servers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"zz\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 40")


@pytest.mark.parametrize("host", [b"[", b"a:b:c", b"", b"x/../y"])
def test_a_strange_host_is_no_fault_of_the_hub(connect: Callable[[], socket.socket], host: bytes) -> None:
    with connect() as connection:
        connection.sendall(b"GET /nope HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert received(connection)[0] == 404
