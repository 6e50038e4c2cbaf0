"""A network that loses, cuts, repeats and delays requests, between a fleet's agents and its hubs; by a seed."""

import http.client
import random
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from quartermaster.tests.hub.several import HubProcess

LATE_SECONDS = 1.5


class Fate(Enum):
    """What becomes of a request."""

    WELL = "it arrives, and its answer too"
    LOST = "it never arrives"
    UNANSWERED = "it arrives, and its answer is lost"
    HALF = "it arrives, and half of its answer comes back"
    TWICE = "it arrives twice, one after the other; the second answer comes back"
    AT_ONCE = "it arrives twice at the same time; one of the answers comes back"
    LATE = "its sender hears nothing, and it arrives when he has sent others"


_ODDS = {Fate.WELL: 80, Fate.LOST: 4, Fate.UNANSWERED: 4, Fate.HALF: 2, Fate.TWICE: 4, Fate.AT_ONCE: 3, Fate.LATE: 3}


@dataclass(frozen=True)
class Request:
    """One request, whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FlakyNetwork:
    """Listens at ``address`` for requests to any of the hubs. It is well until ``calm`` is set to False."""

    def __init__(self, hubs: list[HubProcess], seed: int) -> None:
        self._hubs = hubs
        self._dice = random.Random(f"fates of {seed}")
        self._lock = threading.Lock()
        self._turn = 0
        self._over = threading.Event()
        self.calm = True
        self.fates: Counter[Fate] = Counter()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FlakyNetwork":
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def handle_one_request(self) -> None:
                with suppress(OSError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = network.carry(Request(self.command, self.path, dict(self.headers.items()), body))
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response_only(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
                if len(answer.body) < int(dict(answer.headers).get("content-length", 0)):
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = _relay  # noqa: N815 (the names that the base class calls)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True  # one that waits for its client's next request ends with the test
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def carry(self, request: Request) -> Answer | None:
        """Bring a request to a hub, or not, and return what comes back of the answer; None: nothing."""
        with self._lock:
            fate = Fate.WELL if self.calm else self._dice.choices(list(_ODDS), list(_ODDS.values()))[0]
            self.fates[fate] += 1
        if fate is Fate.LOST:
            return None
        if fate is Fate.LATE:
            threading.Thread(target=self._deliver_late, args=(request,), daemon=True).start()
            return None
        if fate is Fate.AT_ONCE:
            threading.Thread(target=self._deliver, args=(request,), daemon=True).start()
        answer = self._deliver(request)
        if fate is Fate.TWICE:
            answer = self._deliver(request)
        if fate is Fate.UNANSWERED or answer is None:
            return None
        if fate is Fate.HALF:
            return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        return answer

    def _deliver_late(self, request: Request) -> None:
        if not self._over.wait(LATE_SECONDS):
            self._deliver(request)

    def _deliver(self, request: Request) -> Answer | None:
        with self._lock:
            self._turn += 1
            turn = self._turn
        for offset in range(len(self._hubs)):
            port = self._hubs[(turn + offset) % len(self._hubs)].port
            if port is None:
                continue
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request(request.method, request.path, request.body, dict(request.headers))
                answer = connection.getresponse()
                return Answer(answer.status, answer.getheaders(), answer.read())
            except ConnectionRefusedError:
                continue
            except (OSError, http.client.HTTPException):
                return None
            finally:
                connection.close()
        return None
