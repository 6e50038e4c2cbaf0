"""Several hub processes over one database, and a balancer before them, as a studio runs them."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType


class HubProcess:
    """``quartermaster hub serve`` that can be killed and started again; ``address`` is where it listens now.

    ``database_url`` None: the SQLite file in its folder. ``more`` are settings, as the environment has them.
    """

    def __init__(self, folder: Path, database_url: str | None, more: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._environment = {**os.environ, **(more or {})}
        if database_url is not None:
            self._environment["QUARTERMASTER_DATABASE_URL"] = database_url
        self._process: subprocess.Popen[str] | None = None
        self.port: int | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "quartermaster", "hub", "serve"]
        command += ["--port", "0", "--data", str(self._folder), "--json"]
        with open(self._folder / "log", "a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self._folder / "log").read_text(encoding="utf-8")
        self.port = int(json.loads(line)["address"].rpartition(":")[2])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.port = None
        self._end(hard=True)

    def stop(self) -> int:
        """End it in order; return its exit code."""
        return self._end(hard=False)

    def _end(self, *, hard: bool) -> int:
        if self._process is None:
            return 0
        if hard:
            self._process.kill()
        else:
            self._process.terminate()
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8")

    def __enter__(self) -> "HubProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class RoundRobin:
    """Gives each connection to the next hub that takes it, and tells nobody which one that was."""

    def __init__(self, hubs: list[HubProcess]) -> None:
        self._hubs = hubs
        self._next = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "RoundRobin":
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._listener.settimeout(0.1)
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._accepting.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._relay, args=(client,))
                thread.start()
                self._threads.append(thread)

    def _relay(self, client: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(client)
            for _ in self._hubs:
                self._next += 1
                port = self._hubs[self._next % len(self._hubs)].port
                with suppress(OSError):
                    if port is not None:
                        hub = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
                        break
            else:
                return
            with suppress(OSError):
                self._pump(client, hub)

    def _pump(self, client: socket.socket, hub: socket.socket) -> None:
        other = {client: hub, hub: client}
        while not self._stop.is_set():
            for ready in select.select([client, hub], [], [], 0.1)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)
