"""Real processes: agent and hub are killed again and again while files come, change, move and go."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from quartermaster.hub.schema import models, placements
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client import HubClient, HubError
from quartermaster.tests.cli.processes import Home, Killable
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.convergence import truth
from quartermaster.tests.convergence.hub_house import make_fresh
from quartermaster.tests.fakes.model_files import safetensors_bytes
from sqlalchemy import select

KILLS = 50
FOLDERS = ("models/Lora", "models/Stable-diffusion", "models/VAE")
TIMES = ("--settle-seconds", "0.1", "--heartbeat-seconds", "0.5", "--reconcile-seconds", "1")


class Churn:
    """Changes a library at random, by a seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._random = folder, random.Random(seed)
        for name in FOLDERS:
            folder.joinpath(name).mkdir(parents=True)
        for _ in range(30):
            self._add()

    def step(self) -> None:
        change = self._random.choice([self._add, self._add, self._rename, self._replace, self._append, self._delete])
        change()

    def _add(self) -> None:
        path = self._folder / self._random.choice(FOLDERS) / f"{self._random.randrange(200):03}.safetensors"
        path.write_bytes(self._content())

    def _content(self) -> bytes:
        return safetensors_bytes(self._random.randbytes(self._random.choice([100, 300_000])))

    def _some(self) -> Path:
        return self._random.choice(sorted(self._folder.rglob("*.safetensors")))

    def _rename(self) -> None:
        target = self._folder / self._random.choice(FOLDERS) / f"{self._random.randrange(200):03}.safetensors"
        self._some().replace(target)

    def _replace(self) -> None:
        path = self._some()
        before, content = path.stat(), self._content()
        path.write_bytes(content)
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))

    def _append(self) -> None:
        with self._some().open("ab") as file:
            file.write(b"more")

    def _delete(self) -> None:
        if len(list(self._folder.rglob("*.safetensors"))) > 20:
            self._some().unlink()


def on_the_hub(data: Path) -> dict[str, tuple[str, int, int, str]]:
    """Return what stands in a hub's database; it must not be held by a process of ours that was killed."""
    hub = Hub(HubSettings(data))
    try:
        here = placements.c
        query = select(here.path, models.c.hash_sha256, here.size_bytes, here.mtime_ns, here.state)
        with hub.database.read() as connection:
            rows = connection.execute(query.where(here.model_id == models.c.id))
            return {path: (sha256, size, mtime_ns, state) for path, sha256, size, mtime_ns, state in rows}
    finally:
        hub.close()


def on_the_disk(folder: Path) -> dict[str, tuple[str, int, int, str]]:
    known = truth.published({name: folder / name for name in FOLDERS})
    return {path: (file.sha256, file.size_bytes, file.mtime_ns, "present") for path, file in known.items()}


def free_port(home: Home, data: Path) -> tuple[str, str]:
    """Have a hub take a free port, and return it with its address; it is free again then."""
    with home.started("hub", "serve", "--port", "0", "--data", str(data)) as hub:
        address = hub.line_with("listening on").split()[-1]
        return address.rpartition(":")[2], address


@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_invented_by_fifty_kills(tmp_path: Path) -> None:
    data, library = tmp_path / "hub", tmp_path / "library"
    key = make_fresh(data)
    folder = tmp_path / "home"
    folder.mkdir()
    home = Home(folder, {"QUARTERMASTER_API_KEY": key.key, "QUARTERMASTER_API_SECRET": key.secret})
    port, address = free_port(home, data)
    churn, dice = Churn(library, seed=3), random.Random(3)
    serve = ("hub", "serve", "--port", port, "--data", str(data))
    watch = ("agent", "--hub", address, "--server", "attic", "--models", str(library), *TIMES)
    client = HubClient(address, key)
    seen = 0

    def heard() -> bool:
        return present(client) is not None

    with (
        client,
        Killable(home, tmp_path / "hub.log", *serve) as hub,
        Killable(home, tmp_path / "agent.log", *watch) as agent,
    ):
        eventually(heard, "the first word of the agent")
        while hub.kills + agent.kills < KILLS:
            churned_until = time.monotonic() + dice.uniform(0.1, 0.9)
            while time.monotonic() < churned_until:
                churn.step()
                seen += 1
                time.sleep(0.005)  # the pace of the changes; nothing waits for it
            for process in dice.choice([[hub], [agent], [agent], [hub, agent]]):
                process.kill()
                process.start()
        eventually(lambda: settled(client, library), "the hub to hold what is on the disk")
    assert hub.kills and agent.kills and hub.kills + agent.kills >= KILLS and seen > KILLS
    assert on_the_hub(data) == on_the_disk(library)


def present(client: HubClient) -> dict[str, Any] | None:
    """Return what the hub says of the server, None while it does not answer or does not know it."""
    try:
        (server,) = client.servers()
    except (HubError, ValueError):
        return None
    return dict(server.wire) if server.wire["state"] == "present" else None


def settled(client: HubClient, library: Path) -> bool:
    """Tell whether the hub lists just the hashes that are on the disk."""
    try:
        listed = {model["sha256"] for model in client.models({"server": "attic", "limit": "500"})}
    except HubError:
        return False
    server = present(client)
    expected = on_the_disk(library)
    return listed == {sha256 for sha256, *_ in expected.values()} and bool(server) and server["count"] == len(expected)
