"""A made-up fleet, told to a hub over its own sync route: what the pictures show and the tests look at."""

import random
from dataclasses import dataclass
from typing import Any

from quartermaster._version import VERSION
from quartermaster.hub.growth import day_of
from quartermaster.hub.schema import growth, server_states, servers
from quartermaster.tests.hub.samples import Api, sha
from sqlalchemy import Connection, update

GIB = 1 << 30
DAY = 86_400.0
FOLDERS = {
    "Checkpoint": "models/Stable-diffusion",
    "LORA": "models/Lora",
    "TextualInversion": "embeddings",
    "VAE": "models/VAE",
    "Controlnet": "models/ControlNet",
    "Upscaler": "models/ESRGAN",
}
BYTES = {"Checkpoint": 6.5, "LORA": 0.2, "TextualInversion": 0.0001, "VAE": 0.3, "Controlnet": 1.4, "Upscaler": 0.06}
ECOSYSTEMS = ("SDXL", "Pony", "Illustrious", "SD1", "Flux1")
FIRST = ("velvet", "neon", "quiet", "paper", "lunar", "mossy", "ember", "opal", "zinc", "amber")
SECOND = ("harbor", "garden", "lantern", "skyline", "fox", "cathedral", "ink", "meadow", "engine", "tide")


@dataclass(frozen=True)
class Machine:
    """A server to make: which part of the models it has, how long it has been silent, what its agent says."""

    name: str
    share: float
    silent_seconds: float = 0.0
    version: str | None = None
    free_gib: float = 900.0
    total_gib: float = 2000.0
    more: tuple[tuple[str, Any], ...] = ()


MACHINES = (
    Machine("attic", 0.92, free_gib=412.3, total_gib=1862.6),
    Machine("cellar", 0.55, free_gib=61.0, total_gib=931.3, more=(("problems", 3),)),
    Machine("render-01", 0.8, free_gib=1290.0, total_gib=3726.0, more=(("hashing", 1874),)),
    Machine("studio-3", 0.35, silent_seconds=240, version="0.0.0-old", free_gib=310.0, total_gib=476.9),
    Machine("travel-laptop", 0.12, silent_seconds=86400 * 3.2, free_gib=18.0, total_gib=476.9),
)


def entries(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return so many entries of all types, the same ones each time."""
    draw = random.Random(seed)
    kinds = draw.choices(list(FOLDERS), weights=(8, 60, 18, 3, 6, 5), k=count)
    made = []
    for number, kind in enumerate(kinds):
        name = f"{draw.choice(FIRST)}-{draw.choice(SECOND)}-{number:05}"
        made.append(
            {
                "path": f"{FOLDERS[kind]}/{name}.safetensors",
                "type": kind,
                "size": int(BYTES[kind] * GIB * draw.uniform(0.8, 1.2)),
                "sha256": sha(name),
                "hash_state": "verified",
                "ecosystem": draw.choice(ECOSYSTEMS),
            }
        )
    return made


def fill(api: Api, count: int = 1200) -> None:
    """Tell a hub of all machines and what they have."""
    listed = entries(count)
    draw = random.Random(3)
    for machine in MACHINES:
        held = [each for each in listed if draw.random() < machine.share]
        agent = {
            "version": machine.version or VERSION,
            "platform": "Linux-6.8-x86_64",
            "python": "3.11.9",
            "disks": [
                {
                    "roots": ["models", "embeddings"],
                    "free": int(machine.free_gib * GIB),
                    "total": int(machine.total_gib * GIB),
                }
            ],
            **dict(machine.more),
        }
        api.synced({"models": held, "agent": agent, "agent_id": machine.name}, machine.name)
    for machine in MACHINES:
        if machine.silent_seconds:
            silent_for(api, machine.name, machine.silent_seconds)
    api.hub.server_states.look()
    remember(api, count)


def remember(api: Api, count: int, days: int = 120) -> None:
    """Give the hub a past: states of the last weeks, and how it grew."""
    draw, now = random.Random(11), api.hub.clock()
    states, samples = [], []
    for number, machine in enumerate(MACHINES):
        at = now - 8 * DAY
        while at < now - DAY:
            lasted = draw.uniform(0.3, 1.5) * DAY
            state = draw.choice(("present", "present", "stale", "offline")) if number else "present"
            until = at + (lasted if state != "stale" else lasted / 9)
            states.append({"server_id": machine.name, "state": state, "since": at, "until": until})
            at = until
        turned = max(at, now - machine.silent_seconds) if machine.silent_seconds else at
        states.append({"server_id": machine.name, "state": "present", "since": at, "until": turned})
        present = api.hub.fleet.server(machine.name).state
        states.append({"server_id": machine.name, "state": present, "since": turned, "until": None})
    for day in range(days, 0, -1):
        at, share = now - day * DAY, 1 - day / (days * 1.3) + draw.uniform(0, 0.02)
        row = {"models": int(count * share), "placements": int(3 * count * share), "servers": 5}
        samples.append({"day": day_of(at), "at": at, "bytes": int(2.7 * 1024 * GIB * share), **row})

    def work(connection: Connection) -> None:
        connection.execute(server_states.delete())
        connection.execute(growth.delete())
        connection.execute(server_states.insert(), states)
        connection.execute(growth.insert(), samples)

    api.hub.database.write(work)
    api.hub.growth.sample()


def silent_for(api: Api, server: str, seconds: float) -> None:
    """Let a server have been silent for so long."""
    seen = update(servers).where(servers.c.id == server).values(last_seen=api.hub.clock() - seconds)
    api.hub.database.write(lambda connection: connection.execute(seen))
