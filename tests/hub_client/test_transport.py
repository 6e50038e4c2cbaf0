import gzip
import json
import random
import re
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from quartermaster.hub_client import (
    NO_RETRY,
    BadAnswerError,
    HubClient,
    RetryPolicy,
    StoppedError,
    TimedOutError,
    Timeouts,
    UnreachableError,
    bounded_session,
)
from quartermaster.hub_client import connection as connection_module

from .conftest import WireServer

OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ENDLESS = Timeouts(connect_seconds=60, read_seconds=60, total_seconds=600)
SHORT_TOTAL = Timeouts(connect_seconds=60, read_seconds=60, total_seconds=0.5)
SHORT_SILENCE = Timeouts(connect_seconds=60, read_seconds=0.5, total_seconds=600)


def client(address: str, timeouts: Timeouts = ENDLESS, stop: threading.Event | None = None) -> HubClient:
    return HubClient(address, timeouts=timeouts, stop=stop, retry=NO_RETRY)


def dribble(server: WireServer, head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Send the head, then a drop again and again until the client has had enough."""

    def behaviour(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(head)
        while not server.over.wait(0.02):
            connection.sendall(drop)

    return behaviour


def say_nothing(server: WireServer) -> Callable[[socket.socket], None]:
    def behaviour(connection: socket.socket) -> None:
        server.read_request(connection)
        server.over.wait(60)

    return behaviour


DRIBBLES = {
    "status line": (b"HTTP/1.1 ", b"2"),
    "headers": (OK_HEAD, b"X-More: and more\r\n"),
    "one header": (OK_HEAD + b"X-Long: ", b"x"),
    "body": (OK_HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "body without length": (OK_HEAD + b"\r\n", b" "),
    "chunked body": (OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk length": (OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize(("head", "drop"), DRIBBLES.values(), ids=DRIBBLES)
def test_a_dribbling_server_does_not_hold_its_caller(wire: WireServer, head: bytes, drop: bytes) -> None:
    """Each drop ends a silence, so that a read timeout alone would never strike; only the total can end this."""
    with client(wire.behave(dribble(wire, head, drop)), SHORT_TOTAL) as hub, pytest.raises(TimedOutError):
        hub.healthz()


@pytest.mark.parametrize(("head", "drop"), DRIBBLES.values(), ids=DRIBBLES)
def test_a_stop_ends_an_answer_that_is_coming_in(wire: WireServer, head: bytes, drop: bytes) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    with client(wire.behave(dribble(wire, head, drop)), stop=stop) as hub, pytest.raises(StoppedError):
        hub.healthz()
    timer.join()


def test_a_silent_server_is_given_up_on(wire: WireServer) -> None:
    with client(wire.behave(say_nothing(wire)), SHORT_SILENCE) as hub, pytest.raises(TimedOutError, match="in time"):
        hub.healthz()


def test_a_stop_ends_the_wait_for_a_silent_server(wire: WireServer) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    with client(wire.behave(say_nothing(wire)), stop=stop) as hub, pytest.raises(StoppedError):
        hub.healthz()
    timer.join()


@pytest.mark.parametrize("timeouts", [SHORT_TOTAL, SHORT_SILENCE], ids=["total", "silence"])
def test_a_server_that_does_not_read_is_given_up_on(wire: WireServer, timeouts: Timeouts) -> None:
    def behaviour(connection: socket.socket) -> None:
        wire.over.wait(60)

    noise = random.Random(7).randbytes(8_000_000).hex()  # packed still more than the buffers of a socket hold
    with client(wire.behave(behaviour), timeouts) as hub, pytest.raises(TimedOutError):
        hub.call("POST", "/x", {"noise": noise})


def test_a_stop_ends_the_sending_to_a_server_that_does_not_read(wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        stop.set()
        wire.over.wait(60)

    stop = threading.Event()
    noise = random.Random(7).randbytes(8_000_000).hex()
    with client(wire.behave(behaviour), stop=stop) as hub, pytest.raises(StoppedError):
        hub.call("POST", "/x", {"noise": noise})


def test_half_a_body_is_a_bad_answer(wire: WireServer) -> None:
    with client(wire.answer(OK_HEAD + b'Content-Length: 500\r\n\r\n{"status": ')) as hub:
        with pytest.raises(BadAnswerError, match="only a part") as caught:
            hub.healthz()
        assert caught.value.transient


def test_half_a_chunked_body_is_a_bad_answer(wire: WireServer) -> None:
    half = OK_HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"sta\r\n'
    with client(wire.answer(half)) as hub, pytest.raises(BadAnswerError, match="only a part"):
        hub.healthz()


def test_half_an_answer_is_asked_for_again(wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        wire.read_request(connection)
        body = b'{"status": "ok"}'
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        connection.sendall(OK_HEAD + length + (body if len(wire.requests) == 3 else body[:5]))

    with HubClient(wire.behave(behaviour), retry=RetryPolicy(attempts=3, base_seconds=0)) as hub:
        assert hub.healthz() == {"status": "ok"}
    assert len(wire.requests) == 3


def test_a_connection_that_is_closed_without_an_answer_is_unreachable(wire: WireServer) -> None:
    with client(wire.behave(wire.read_request)) as hub, pytest.raises(UnreachableError, match="broke"):
        hub.healthz()


def test_a_reset_connection_is_unreachable(wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        wire.read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with client(wire.behave(behaviour)) as hub, pytest.raises(UnreachableError, match="broke"):
        hub.healthz()


def test_a_port_where_nothing_listens_is_unreachable(wire: WireServer) -> None:
    wire.close()
    with client(wire.address) as hub, pytest.raises(UnreachableError, match="nothing listens"):
        hub.healthz()


def test_a_server_that_speaks_no_http_is_a_bad_answer(wire: WireServer) -> None:
    with client(wire.answer(b"SSH-2.0-OpenSSH_9.6\r\n")) as hub, pytest.raises(BadAnswerError, match="speak HTTP"):
        hub.healthz()


def test_https_to_a_server_that_speaks_http_is_unreachable(wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    address = wire.behave(behaviour).replace("http:", "https:")
    with client(address) as hub, pytest.raises(UnreachableError, match="https"):
        hub.healthz()


TLS = Path(__file__).resolve().parents[1] / "data" / "tls"


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(wire: WireServer) -> None:
    wire.speak_tls(TLS / "loopback.pem")
    with client(wire.answer(OK_HEAD + b"\r\n{}")) as hub, pytest.raises(UnreachableError, match="QUARTERMASTER_CA"):
        hub.healthz()
    assert wire.requests == []


@pytest.fixture
def private_wire(wire: WireServer, monkeypatch: pytest.MonkeyPatch) -> WireServer:
    wire.speak_tls(TLS / "loopback.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(TLS / "loopback-authority.pem"))
    return wire


def test_a_certificate_of_ones_own_is_trusted_where_the_environment_says_so(private_wire: WireServer) -> None:
    with client(private_wire.answer(OK_HEAD + b"Content-Length: 2\r\n\r\n{}")) as hub:
        assert hub.healthz() == {}


def test_a_large_body_passes_tls_whole_though_the_server_reads_slowly(private_wire: WireServer) -> None:
    noise = random.Random(7).randbytes(4_000_000).hex()
    arrived = bytearray()

    def behaviour(connection: socket.socket) -> None:
        while (end := arrived.find(b"\r\n\r\n")) < 0 or len(arrived) < end + 4 + length(arrived):
            private_wire.over.wait(0.002)
            arrived.extend(connection.recv(65536))
        connection.sendall(OK_HEAD + b"Content-Length: 2\r\n\r\n{}")

    with client(private_wire.behave(behaviour)) as hub:
        assert hub.call("POST", "/x", {"noise": noise}) == {}
    body = bytes(arrived).partition(b"\r\n\r\n")[2]
    assert json.loads(gzip.decompress(body)) == {"noise": noise}


def length(request: bytes) -> int:
    found = re.search(rb"Content-Length: (\d+)", request)
    assert found
    return int(found[1])


@pytest.mark.parametrize(("head", "drop"), DRIBBLES.values(), ids=DRIBBLES)
def test_a_server_that_dribbles_through_tls_does_not_hold_its_caller(
    private_wire: WireServer, head: bytes, drop: bytes
) -> None:
    address = private_wire.behave(dribble(private_wire, head, drop))
    with client(address, SHORT_TOTAL) as hub, pytest.raises(TimedOutError):
        hub.healthz()


def test_a_server_that_does_not_read_through_tls_is_given_up_on(private_wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        private_wire.over.wait(60)

    noise = random.Random(7).randbytes(8_000_000).hex()
    with client(private_wire.behave(behaviour), SHORT_TOTAL) as hub, pytest.raises(TimedOutError):
        hub.call("POST", "/x", {"noise": noise})


def test_a_redirect_loop_ends_at_its_first_turn(wire: WireServer) -> None:
    address = wire.answer(b"HTTP/1.1 307 Again\r\nLocation: /healthz\r\nContent-Length: 0\r\n\r\n")
    with client(address) as hub, pytest.raises(BadAnswerError, match="to itself"):
        hub.healthz()
    assert len(wire.requests) == 1


def test_an_answer_that_unpacks_without_end_is_given_up_on(wire: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_ANSWER_BYTES", 2**20)
    bomb = gzip.compress(bytes(2**24))
    head = OK_HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with client(wire.answer(head, bomb)) as hub, pytest.raises(BadAnswerError, match="longer than 1 MiB"):
        hub.healthz()


def test_an_answer_without_end_is_given_up_on(wire: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_ANSWER_BYTES", 2**20)
    endless = wire.answer(OK_HEAD + b"\r\n", *[bytes(2**16)] * 64)
    with client(endless) as hub, pytest.raises(BadAnswerError, match="longer than 1 MiB"):
        hub.healthz()


def test_the_body_of_a_redirect_is_bounded_too(wire: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_ANSWER_BYTES", 2**20)
    endless = wire.answer(b"HTTP/1.1 307 There\r\nLocation: /there\r\n\r\n", *[bytes(2**16)] * 64)
    with client(endless) as hub, pytest.raises(BadAnswerError, match="longer than 1 MiB"):
        hub.healthz()


def test_an_answer_that_is_not_packed_as_it_says_is_a_bad_answer(wire: WireServer) -> None:
    head = OK_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    with client(wire.answer(head, b"{}")) as hub, pytest.raises(BadAnswerError, match="compressed"):
        hub.healthz()


def test_a_packed_answer_is_unpacked(wire: WireServer) -> None:
    body = gzip.compress(b'{"status": "ok"}')
    head = OK_HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with client(wire.answer(head, body)) as hub:
        assert hub.healthz() == {"status": "ok"}


def test_one_connection_serves_many_requests_and_threads(wire: WireServer) -> None:
    def behaviour(connection: socket.socket) -> None:
        while True:
            before = len(wire.requests)
            wire.read_request(connection)
            if len(wire.requests) == before:
                return
            connection.sendall(OK_HEAD + b"Content-Length: 2\r\n\r\n{}")

    with client(wire.behave(behaviour)) as hub:
        for _ in range(3):
            assert hub.healthz() == {}
        assert wire.connection_count == 1
        threads = [threading.Thread(target=lambda: [hub.healthz() for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(wire.requests) == 83


def test_the_servers_cookies_are_not_kept(wire: WireServer) -> None:
    with client(wire.answer(OK_HEAD + b"Set-Cookie: a=b\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")) as hub:
        hub.healthz()
        hub.healthz()
    assert len(wire.requests) == 2
    assert not any(b"Cookie" in request for request in wire.requests)


def test_a_request_outside_of_an_exchange_is_an_ordinary_one(wire: WireServer) -> None:
    address = wire.answer(OK_HEAD + b"Content-Length: 2\r\n\r\n{}")
    with bounded_session() as session:
        assert session.get(address, timeout=30).json() == {}
