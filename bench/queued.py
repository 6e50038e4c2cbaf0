"""A hub with as many waiting jobs as wanted, of a fleet of a hundred servers: what ``claims`` measures.

The fleet: 100 servers, 500 checkpoints, 3,000 LoRAs and 40 VAEs. Popularity has a long tail (the n-th is asked for as
1 / n), and a server has a model the likelier the more popular it is: from nine of ten servers to one of ten.

The jobs come in submissions of 1 (half of them), 4, 10 or 50 equal ones, from 60 people, of whom the n-th sends as
1 / n. A job needs a checkpoint, no LoRA (a third), one, two, or three to five of them, and one in five a VAE. One
submission in ten names a server (which may lack the models), one in seven has a priority, one in twenty needs a model
that nobody has, and one in fifty asks for a name that nobody knows.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, insert

from ..hub import known_models, placing
from ..hub.entries import Entry, read_entry
from ..hub.jobs.job import RESOLVED, UNKNOWN, NewJob, Requirement, Submitter
from ..hub.limits import Limits
from ..hub.schema import servers
from ..hub.services import Hub
from ..hub_client.digest import MODULUS
from .big_hub import server_id, sha256

Kinds = Sequence[tuple[str, str, str, int]]
KINDS: Kinds = (
    ("checkpoint", "Checkpoint", "Stable-diffusion", 500),
    ("lora", "LORA", "Lora", 3_000),
    ("vae", "VAE", "VAE", 40),
)
_SUBMITTERS = 60
_BATCH = 1_000


@dataclass(frozen=True)
class Fleet:
    """The models of a filled hub: the ids of each role's, the most popular first, and one that no server has."""

    ids: dict[str, list[int]]
    nobodys: int
    servers: int


def fill(hub: Hub, server_count: int, kinds: Kinds = KINDS) -> Fleet:
    """Fill an empty hub with the fleet's inventories."""
    dice, now = random.Random(11), hub.clock()
    database, read = hub.database, partial(read_entry, limits=Limits())
    witness = known_models.Witness(server_id(0), now)
    held: list[list[tuple[Entry, int]]] = [[] for _ in range(server_count)]
    found: dict[str, list[int]] = {}
    number = 0
    for role, kind, folder, count in kinds:
        entries = []
        for _ in range(count):
            said = {
                "path": f"models/{folder}/{number}.safetensors",
                "type": kind,
                "size": 1_000,
                "hash_state": "verified",
            }
            entries.append(read({**said, "sha256": sha256(number)}))
            number += 1
        ids = database.write(partial(known_models.add, database, new=entries, witness=witness))
        found[role] = [ids[entry.sha256 or ""] for entry in entries]
        for place, entry in enumerate(entries):
            share = 0.1 + 0.8 / (1 + 12 * place / count)
            for server in range(server_count):
                if dice.random() < share:
                    held[server].append((entry, ids[entry.sha256 or ""]))
    missing = read({"path": "x", "type": "Checkpoint", "size": 1, "sha256": sha256(number)})
    nobodys = database.write(partial(known_models.add, database, new=[missing], witness=witness))
    for server, files in enumerate(held):
        database.write(partial(_fill_server, hub, server_id(server), files, now))
    return Fleet(found, nobodys[sha256(number)], server_count)


def _fill_server(hub: Hub, name: str, files: list[tuple[Entry, int]], now: float, connection: Connection) -> None:
    files.sort(key=lambda pair: (pair[0].path_key, pair[0].path))
    digest = placing.to_signed(sum(entry.digest for entry, _ in files) % MODULUS)
    row = {"id": name, "alias": name, "created_at": now, "last_seen": now, "digest": digest, "entry_count": len(files)}
    connection.execute(insert(servers).values(**row))
    placing.state(hub.database, connection, name, files, now)


def submissions(fleet: Fleet, seed: int) -> Iterator[list[NewJob]]:
    """Yield submissions without end, the same for one seed."""
    dice = random.Random(seed)
    while True:
        by = f"person {_popular(dice, _SUBMITTERS)}"
        quantity = dice.choices((1, 4, 10, 50), (50, 30, 15, 5))[0]
        job = NewJob(
            mode="txt2img",
            payload={"prompt": "a cat " * 20, "negative_prompt": "bad", "steps": 25, "width": 1024, "height": 1024},
            asked={},
            requirements=tuple(_requirements(dice, fleet)),
            submitter=Submitter(by, by),
            target_server_id=server_id(dice.randrange(fleet.servers)) if dice.random() < 0.1 else None,
            priority=dice.choice((-1, 1, 2)) if dice.random() < 0.15 else 0,
            bulk_id=str(uuid.UUID(int=dice.getrandbits(128))) if quantity > 1 else None,
        )
        yield [job] * quantity


def _requirements(dice: random.Random, fleet: Fleet) -> Iterator[Requirement]:
    chance = dice.random()
    if chance < 0.02:
        yield Requirement("checkpoint", "no such name", resolution=UNKNOWN)
    else:
        yield _resolved("checkpoint", fleet.nobodys if chance < 0.07 else _one(dice, fleet.ids["checkpoint"]))
    for _ in range(dice.choices((0, 1, 2, 3, 4, 5), (33, 30, 20, 8, 5, 4))[0]):
        yield _resolved("lora", _one(dice, fleet.ids["lora"]))
    if dice.random() < 0.2:
        yield _resolved("vae", _one(dice, fleet.ids["vae"]))


def _resolved(role: str, model_id: int) -> Requirement:
    return Requirement(role, f"model {model_id}", resolution=RESOLVED, models=(model_id,))


def _one(dice: random.Random, ids: list[int]) -> int:
    return ids[_popular(dice, len(ids))]


def _popular(dice: random.Random, count: int) -> int:
    """Return a number below ``count``, n about as often as 1 / (n + 1)."""
    return min(count - 1, int((count + 1) ** dice.random()) - 1)


def queue(hub: Hub, fleet: Fleet, count: int) -> None:
    """Queue so many jobs."""
    left, listed = count, submissions(fleet, 13)
    while left:
        batch: list[NewJob] = []
        while len(batch) < min(left, _BATCH):
            batch += next(listed)[: min(left, _BATCH) - len(batch)]
        hub.database.write(partial(hub.queue.add, new=batch))
        left -= len(batch)
    hub.upkeep.analyse()
