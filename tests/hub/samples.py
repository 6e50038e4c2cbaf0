"""What the hub's tests say to it: entries, digests, and a client for each key."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from quartermaster.hub.background import current_job
from quartermaster.hub.services import Hub
from quartermaster.hub_client import digest as digests
from sqlalchemy import event


def sha(word: object) -> str:
    return hashlib.sha256(str(word).encode()).hexdigest()


def entry(name: str, content: object = None, **more: Any) -> dict[str, Any]:
    """Return an entry for a LoRA file; its content, and so its hash, is its name unless another is given."""
    fields = {"path": f"models/Lora/{name}.safetensors", "type": "LORA", "size": 1000, "hash_state": "verified"}
    return {**fields, "sha256": sha(name if content is None else content), **more}


digest_of = digests.inventory_digest


def bucket_of(item: dict[str, Any], bits: int = 8) -> str:
    return digests.bucket_prefix(digests.path_key(item["path"]), bits)


def buckets_body(entries: list[dict[str, Any]], names: set[str] | None = None, bits: int = 8) -> dict[str, Any]:
    """Return a body with the buckets of these names (all that are not empty where no names are given)."""
    held: dict[str, list[dict[str, Any]]] = {name: [] for name in names or ()}
    for item in entries:
        name = bucket_of(item, bits)
        if names is None or name in names:
            held.setdefault(name, []).append(item)
    sent = [item for listed in held.values() for item in listed]
    return {"mode": "buckets", "bits": bits, "buckets": held, "digest": digest_of(sent)}


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    """A running hub's HTTP surface as one key sees it."""

    address: str
    session: requests.Session
    headers: dict[str, str]
    hub: Hub
    clock: FakeClock

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.session.request(method, self.address + path, headers=headers, timeout=60, **options)

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return self.call("GET", path, params=parameters)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)

    def put(self, path: str, body: Any) -> requests.Response:
        return self.call("PUT", path, json=body)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)

    def sync(self, body: dict[str, Any], server: str = "attic") -> requests.Response:
        return self.post(f"/api/v1/servers/{server}/models/sync", body)

    def synced(self, body: dict[str, Any], server: str = "attic") -> dict[str, Any]:
        answer = self.sync(body, server)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def heartbeat(self, entries: list[dict[str, Any]], server: str = "attic", **more: Any) -> dict[str, Any]:
        return self.synced({"digest": digest_of(entries), "count": len(entries), **more}, server)

    def availability(self, text: str) -> dict[str, Any]:
        answer = self.get(f"/api/v1/models/{text}/availability")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def with_key(self, scope: str, server: str | None = None) -> "Api":
        made = self.hub.keys.create(f"a {scope}", scope, server)
        return replace(self, headers={"X-API-Key": made.key, "X-API-Secret": made.secret})


@contextmanager
def statements_of(api: Api) -> Iterator[list[tuple[str, Any]]]:
    """Yield the statements that answers cost from here on, each with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if current_job() is None:  # what runs beside the answering costs the answer nothing
            seen.append((statement, parameters))

    event.listen(api.hub.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(api.hub.database.engine, "before_cursor_execute", note)


def together(count: int, work: Any) -> list[Any]:
    """Run ``work(number)`` in so many threads, all let go at once, and return what they returned."""
    gate = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that will be so."""
    pause = threading.Event()
    for _ in range(6_000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to be")


REPOSITORY = Path(__file__).resolve().parents[2]
