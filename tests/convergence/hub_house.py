"""A real hub in this process, without a socket: killed, opened again, restored from a backup, emptied."""

import asyncio
import shutil
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from quartermaster.hub.app import create_app
from quartermaster.hub.clock import hub_clock
from quartermaster.hub.schema import metadata_wanted, models, placements, servers
from quartermaster.hub.services import Hub, hub_of
from quartermaster.hub.settings import DATABASE_FILE, HubSettings
from quartermaster.hub_client import Credentials
from quartermaster.hub_client.digest import to_hex
from quartermaster.tests.convergence.clock import Clock
from sqlalchemy import select

FILES = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm")


@dataclass
class Answer:
    """What the application answered."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes


@dataclass(frozen=True)
class Row:
    """What the hub holds under one path of a server."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    state: str
    hash_state: str
    kind: str


class HubHouse:
    """One hub and its data folder, with a clock of its own."""

    def __init__(self, folder: Path, clock: Clock, fresh: Path, key: Credentials) -> None:
        """Take over a copy of ``fresh``, the data folder of a hub that knows nobody but ``key``."""
        self.folder = folder
        self.clock = clock
        self.key = key
        self.requests = 0
        self.bytes_received = 0
        self._fresh = fresh
        self._backup: Path | None = None
        self._app: FastAPI | None = None
        self._loop = asyncio.new_event_loop()
        # In a thread of its own: a browser that other tests of this process keep open runs a loop in this one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hub")
        shutil.copytree(fresh, folder)

    @property
    def runs(self) -> bool:
        return self._app is not None

    @property
    def hub(self) -> Hub:
        assert self._app is not None
        return hub_of(self._app)

    def start(self) -> None:
        if self._app is None:
            settings = HubSettings(self.folder)
            self._app = create_app(settings, hub_clock(self.clock.wall, self.clock.steady))

    def kill(self) -> None:
        """Drop it. What it committed is in the file, the rest is lost."""
        if self._app is not None:
            self.hub.close()
            self._app = None

    def close(self) -> None:
        self.kill()
        self._thread.shutdown()
        self._loop.close()

    def back_up(self) -> None:
        """Keep a copy of the data folder as it is now."""
        ran = self.runs
        self.kill()
        self._backup = self.folder.with_name("backup")
        shutil.rmtree(self._backup, ignore_errors=True)
        shutil.copytree(self.folder, self._backup)
        if ran:
            self.start()

    def restore(self) -> None:
        """Put the last backup in place of the data folder; without one, an empty hub."""
        self._replace_with(self._backup or self._fresh)

    def empty(self) -> None:
        """Forget everything but the key."""
        self._replace_with(self._fresh)

    def _replace_with(self, source: Path) -> None:
        ran = self.runs
        self.kill()
        shutil.rmtree(self.folder)
        shutil.copytree(source, self.folder)
        if ran:
            self.start()

    def ask(self, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        """Have the application answer one request."""
        assert self._app is not None
        self.requests += 1
        self.bytes_received += len(body)
        asked = _asked(self._app, method, path, headers, body)
        return self._thread.submit(self._loop.run_until_complete, asked).result()

    def digest(self, server_id: str) -> str:
        """Return the digest that the hub states for a server."""
        return str(self.hub.servers.get(server_id)["digest"])

    def rows(self, server_id: str) -> dict[str, Row]:
        """Return all that stands in the database of a server."""
        here = placements.c
        query = select(
            here.path, models.c.hash_sha256, here.size_bytes, here.mtime_ns, here.state, here.hash_state, here.type
        ).where(here.server_id == server_id, here.model_id == models.c.id)
        with self.hub.database.read() as connection:
            return {path: Row(*values) for path, *values in connection.execute(query)}

    def wanted(self, server_id: str) -> int:
        """Return of how many paths the hub still wants the metadata."""
        query = select(metadata_wanted.c.path).where(metadata_wanted.c.server_id == server_id)
        with self.hub.database.read() as connection:
            return len(connection.execute(query).all())

    def stated(self, server_id: str) -> tuple[str, int]:
        """Return digest and count as they stand in the server's own row."""
        query = select(servers.c.digest, servers.c.entry_count).where(servers.c.id == server_id)
        with self.hub.database.read() as connection:
            digest, count = connection.execute(query).one()
            return to_hex(digest % (1 << 64)), count


async def _asked(app: FastAPI, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    raw, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": raw, "raw_path": raw.encode(), "query_string": query.encode(), "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("hub", 80),
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    answer = Answer(0, [], b"")

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        else:
            answer.content += message.get("body", b"")

    await app(scope, receive, send)
    return answer


def make_fresh(folder: Path) -> Credentials:
    """Make the data folder of a hub that knows nothing but one key, which it returns; it may write any server."""
    hub = Hub(HubSettings(folder))
    try:
        made = hub.keys.create("the key of all agents of these tests", "admin")
    finally:
        hub.close()
    return Credentials(made.key, made.secret)
