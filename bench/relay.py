"""A relay between a client and a hub that counts what goes over the wire, headers and all."""

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit

_BLOCK_BYTES = 1 << 16


class Relay:
    """``with Relay(hub.address) as relay: HubClient(relay.address) …``; then ``sent_bytes``, ``received_bytes``.

    They are the bytes within TCP, as the client sees them. ``answers`` counts the answers to its requests.
    """

    def __init__(self, address: str) -> None:
        url = urlsplit(address)
        assert url.hostname is not None and url.port is not None
        self._hub = (url.hostname, url.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.reset()

    def reset(self) -> None:
        """Count from zero."""
        self.sent_bytes = self.received_bytes = self.answers = 0

    def __enter__(self) -> "Relay":
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):  # its other side has gone already
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="relay", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            hub = socket.create_connection(self._hub)
            self._sockets += [client, hub]
            self._start(self._pass_on, client, hub, True)
            self._start(self._pass_on, hub, client, False)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        try:
            while block := source.recv(_BLOCK_BYTES):
                # Counted before it is passed on: whoever has the answer reads counts that hold it.
                if is_request:
                    self.sent_bytes += len(block)
                else:
                    self.received_bytes += len(block)
                    self.answers += block.count(b"HTTP/1.1 ")
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the two has closed
