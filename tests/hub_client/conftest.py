"""A server of raw bytes on loopback: what a misbehaving hub, or something that is no hub, puts on the wire."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

Behaviour = Callable[[socket.socket], None]


class WireServer:
    """Runs a behaviour on every connection; ``requests`` are what it read; ``over`` is set when the test ends."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._tls: ssl.SSLContext | None = None
        self._behaviour: Behaviour = socket.socket.close
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._threads: list[threading.Thread] = []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def behave(self, behaviour: Behaviour) -> str:
        """Run this behaviour on the connections to come, and return the server's address."""
        self._behaviour = behaviour
        if not self._acceptor.is_alive():
            self._acceptor.start()
        return self.address

    def speak_tls(self, certificate: Path) -> None:
        """Take connections over TLS from now on; the file holds a certificate and its key."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self.address = self.address.replace("http:", "https:")

    def answer(self, *blocks: bytes) -> str:
        """Read a request, send these blocks, close; return the server's address."""

        def behaviour(connection: socket.socket) -> None:
            self.read_request(connection)
            for block in blocks:
                connection.sendall(block)

        return self.behave(behaviour)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    def read_request(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            block = connection.recv(65536)
            if not block:
                return
            head += block
        # All of it: closing with something unread would reset the connection, and the answer might be lost with it.
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        while length and len(head.partition(b"\r\n\r\n")[2]) < int(length[1]):
            block = connection.recv(65536)
            if not block:
                break
            head += block
        self.requests.append(head)

    def close(self) -> None:
        """End all connections and threads; it may be called twice."""
        self.over.set()
        if self._acceptor.is_alive():
            self._acceptor.join()
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(30)
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:  # the client goes away when it has had enough
            if self._tls is None:
                self._behaviour(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as private:
                self._connections.append(private)
                self._behaviour(private)


@pytest.fixture
def wire() -> Iterator[WireServer]:
    server = WireServer()
    yield server
    server.close()
