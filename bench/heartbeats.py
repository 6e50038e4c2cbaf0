"""What heartbeats cost a hub that has a big inventory, and how many a second it answers."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

import requests
from sqlalchemy import select

from ..hub.placing import from_signed
from ..hub.schema import servers
from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub_client.digest import to_hex
from .hub_process import HubProcess

_ROUNDS, _IN_ROUND = 9, 100
_SENDERS = 4


@dataclass(frozen=True)
class Cost:
    """Of a heartbeat over HTTP: CPU in the hub's process, and how many are answered where callers never wait."""

    cpu_seconds: float
    per_second: float


def states(settings: HubSettings) -> dict[str, dict[str, object]]:
    """Return, by server, the heartbeat that says what the hub holds already."""
    hub = Hub(settings)
    try:
        with hub.database.read() as connection:
            rows = connection.execute(select(servers.c.id, servers.c.digest, servers.c.entry_count)).all()
    finally:
        hub.close()
    return {
        row.id: {
            "protocol": 1,
            "agent_id": f"agent of {row.id}",
            "digest": to_hex(from_signed(row.digest)),
            "count": row.entry_count,
        }
        for row in rows
    }


def cost(process: HubProcess, headers: dict[str, str], bodies: dict[str, dict[str, object]], seconds: float) -> Cost:
    """Send heartbeats of these servers one after the other, then for so many seconds as fast as they are answered."""
    send_all(process, headers, bodies)
    used = []
    for _ in range(_ROUNDS):
        before = process.cpu_seconds()
        sent = send_all(process, headers, bodies, _IN_ROUND)
        used.append((process.cpu_seconds() - before) / sent)
    until = time.monotonic() + seconds
    names = sorted(bodies)
    shares = [{name: bodies[name] for name in names[number::_SENDERS]} for number in range(_SENDERS)]
    with ThreadPoolExecutor(_SENDERS) as pool:
        sent_by = [pool.submit(send_all, process, headers, share, None, until) for share in shares if share]
        answered = sum(each.result() for each in sent_by)
    return Cost(statistics.median(used), answered / seconds)


def send_all(
    process: HubProcess,
    headers: dict[str, str],
    bodies: dict[str, dict[str, object]],
    count: int | None = None,
    until: float | None = None,
) -> int:
    """Send ``count`` heartbeats (one of each server where it is None), or as many as go ``until`` then; return them.

    Raises:
        RuntimeError: the hub holds another state than a heartbeat says.
    """
    sent = 0
    wanted = len(bodies) if count is None and until is None else count
    with requests.Session() as session:
        session.headers.update(headers)
        for name, body in cycle(bodies.items()):
            if sent == wanted or (until is not None and time.monotonic() >= until):
                break
            answer = session.post(f"{process.address}/api/v1/servers/{name}/models/sync", json=body, timeout=60)
            answer.raise_for_status()
            if not answer.json()["in_sync"]:
                raise RuntimeError(f"{name} is not as it was built: delete .dev/bench")
            sent += 1
    return sent
