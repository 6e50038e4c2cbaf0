"""Runs a hub: in a thread of this process (``RunningHub``), or in the foreground until told to stop (``serve``)."""

import asyncio
import itertools
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

import uvicorn

from .._version import VERSION
from .app import create_app
from .background import happens_within
from .clock import Clock
from .connection import PatientConnection
from .errors import PortUnusableError
from .logs import FIELDS
from .services import Hub, hub_of
from .settings import HubSettings
from .tls import Certificate, read_certificate
from .whereabouts import note, url_of

_log = logging.getLogger(__name__)
_STOP_SECONDS = 10
_BACKLOG = 2048
_TICK_SECONDS = 0.1
_LOOKS = 20


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this address; port 0 takes a free one.

    Raises:
        PortUnusableError: the address is taken, or is none of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise PortUnusableError(f"cannot listen on {host}:{port}: {error}") from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise PortUnusableError(f"cannot listen on {host}:{port}: {reason}. Choose another --port, or 0") from error
    return listener


def address_of(listener: socket.socket, certificate: Certificate | None = None) -> str:
    """Return the URL under which this machine reaches a listening socket; with TLS, by a name of the certificate."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    if certificate is not None:
        host = certificate.name_for(host)
    return url_of(host, int(port), tls=certificate is not None)


def certificate_of(settings: HubSettings) -> Certificate | None:
    """Return the certificate that a hub is to show, None where it speaks plain HTTP.

    Raises:
        SettingsError: it cannot be used.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return read_certificate(settings.tls_cert, settings.tls_key)


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])


class _Server(uvicorn.Server):
    """A server that says when it accepts connections, and ends in order on a signal.

    uvicorn's own raises the signal once more when it has stopped, so that a hub that ended in order looks killed.
    """

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._exit_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._on_start()

    async def main_loop(self) -> None:
        """Tick as uvicorn's own does, but end as soon as told to."""
        for counter in itertools.count():
            if await self.on_tick(counter):
                return
            await happens_within(self._told, _TICK_SECONDS)

    def stop_soon(self) -> None:
        """Stop in order; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it ended already
                self._loop.call_soon_threadsafe(self._told.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hub = hub_of(self.config.app)
        hub.broadcaster.end_all()  # it waits for answers to end, and a stream's never does
        hub.waiting.end_all()
        if await self._is_left_alone(sockets or []):
            await self.lifespan.shutdown()
        else:
            await super().shutdown(sockets)

    async def _is_left_alone(self, sockets: list[socket.socket]) -> bool:
        """Close the port, and tell whether nobody is there who has to be waited for.

        uvicorn's own waits in steps of a tenth of a second, and begins with one.
        """
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(_LOOKS):
            if not self.server_state.connections and not self.server_state.tasks:
                return True
            await asyncio.sleep(_TICK_SECONDS / _LOOKS)
        return False

    async def on_tick(self, counter: int) -> bool:
        if self._exit_at is not None and time.monotonic() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order; on SIGTERM after ``drain_seconds``, in which ``/readyz`` tells load balancers to go elsewhere.

        Told so again, it does not wait any longer, neither for them nor for requests that are being answered. uvicorn's
        own would then end without closing the database, and say so with a traceback.
        """
        hub = hub_of(self.config.app)
        if hub.stopping.is_set():
            self.should_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._give_up_requests)
            return
        hub.stopping.set()
        _log.info("stopping", extra={FIELDS: {"signal": signal.Signals(sig).name}})
        wait_seconds = hub.settings.drain_seconds if sig == signal.SIGTERM else 0.0
        self._exit_at = time.monotonic() + wait_seconds

    def _give_up_requests(self) -> None:
        for task in list(self.server_state.tasks):
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if sys.platform == "win32":
            numbers.append(signal.SIGBREAK)
        previous = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _server(settings: HubSettings, on_start: Callable[[], None], clock: Clock | None = None) -> _Server:
    app = create_app(settings, clock)
    config = uvicorn.Config(
        app,
        http=PatientConnection,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
        backlog=_BACKLOG,
        proxy_headers=False,  # see ``proxies``
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    return _Server(config, on_start)


class RunningHub:
    """A hub in a thread of this process: ``with RunningHub(settings) as hub: … hub.address``."""

    def __init__(
        self, settings: HubSettings, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._host = host
        self._port = port
        self._started = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.address = ""

    @property
    def hub(self) -> Hub:
        """The services of the running hub."""
        assert self._server is not None
        return hub_of(self._server.config.app)

    def start(self) -> None:
        """Start it; on return it accepts connections at ``address``.

        Raises:
            PortUnusableError: the address is taken.
            DatabaseUnusableError: the database cannot be used.
            SettingsError: the TLS certificate cannot be used.
        """
        certificate = certificate_of(self._settings)
        listener = listening_socket(self._host, self._port)
        try:
            self._server = _server(self._settings, self._started.set, self._clock)
        except BaseException:
            listener.close()
            raise
        self.address = address_of(listener, certificate)
        self._thread = threading.Thread(
            target=self._run, args=(self._server, listener), name="quartermaster-hub", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if not self._server.started:
            self.stop()
            raise PortUnusableError(f"the hub did not start at {self.address}; its log says why")
        note(self._settings.data_dir, self._host, port_of(listener), certificate)

    def _run(self, server: _Server, listener: socket.socket) -> None:
        try:
            server.run(sockets=[listener])
        finally:
            listener.close()
            self._started.set()

    def stop(self) -> None:
        """Stop it: requests that are being answered end first; on return the port and the database are free."""
        if self._server is not None and self._thread is not None:
            self.hub.stopping.set()
            self._server.stop_soon()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> "RunningHub":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(settings: HubSettings, host: str, port: int, on_start: Callable[[str, Hub], None]) -> None:
    """Run a hub in the foreground until Ctrl-C or SIGTERM.

    ``on_start`` gets its address and its services once it accepts connections.

    Raises:
        PortUnusableError, DatabaseUnusableError, SettingsError: as ``RunningHub.start``.
    """
    certificate = certificate_of(settings)
    with listening_socket(host, port) as listener:
        address = address_of(listener, certificate)

        def started() -> None:
            note(settings.data_dir, host, port_of(listener), certificate)
            facts = {"address": address, "version": VERSION, "database": settings.describe_database()}
            _log.info("listening", extra={FIELDS: facts})
            on_start(address, hub_of(server.config.app))

        server = _server(settings, started)
        server.run(sockets=[listener])
        _log.info("stopped")
