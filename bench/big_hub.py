"""A hub's database with as many models and placements as wanted, filled in minutes and kept for the next run.

The rows are the product's own: entries are read by ``read_entry``, rows made by ``known_models`` and ``placing``, and
the search index by its job. Only the HTTP and the comparing with what is there are left out, as all is new. A test
holds a small one against a hub that was told the same by syncs.
"""

import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, update

from ..hub import known_models, placing
from ..hub.database import Database
from ..hub.entries import Entry, read_entry
from ..hub.limits import Limits
from ..hub.schema import servers
from ..hub_client.digest import MODULUS

NOW = 1_790_000_000.0
_BATCH = 20_000
_KINDS = (("LORA", "Lora", 76), ("Checkpoint", "Stable-diffusion", 13), ("TextualInversion", "embeddings", 7),
          ("VAE", "VAE", 2), ("Controlnet", "ControlNet", 2))  # fmt: skip
_ECOSYSTEMS = (("SDXL", "SDXL 1.0", 30), ("SD1", "SD 1.5", 30), ("Pony", "Pony", 18),
               ("Illustrious", "Illustrious", 12), ("Flux1", "Flux.1 D", 8), ("SD3", "SD 3.5", 2))  # fmt: skip
_COPIES = ((1, 46), (2, 20), (3, 12), (5, 10), (8, 9), (14, 3))
"""On how many servers a model is, and how often that is so."""
COMMON_WORD = "style"
"""Stands in one name of eight."""


@dataclass(frozen=True)
class Size:
    """How big a hub is."""

    models: int
    placements: int
    servers: int


class Held(NamedTuple):
    """A file of a server, as it says so itself."""

    server: int
    entry: dict[str, Any]


def server_id(number: int) -> str:
    """Return the id of a server, from 0."""
    return f"server-{number:03d}"


def sha256(number: int) -> str:
    """Return the hash of a model, from 0."""
    return hashlib.sha256(b"model %d" % number).hexdigest()


def inventory(size: Size) -> Iterator[list[Held]]:
    """Yield, for each model, all files of it; the same in each run."""
    dice = random.Random(7)
    vocabulary = _vocabulary(dice)
    placed = 0
    for number in range(size.models):
        entry = _entry(number, dice, vocabulary)
        due = size.placements * (number + 1) // size.models - placed
        last_ones = number + 200 > size.models
        count = min(size.servers, max(1, due if last_ones else min(_choose(dice, _COPIES) + 1, due + 10)))
        holders = dice.sample(range(size.servers), count)
        placed += count
        files = [Held(holder, entry) for holder in holders]
        if dice.random() < 0.1:  # the last of them calls it something else
            folder, _, name = entry["path"].rpartition("/")
            files[-1] = Held(holders[-1], {**entry, "path": f"{folder}/mine/{name}"})
        yield files


def _vocabulary(dice: random.Random) -> list[str]:
    joined = "ka ri mo ta ne lu sha vi do zen art fo pix gra bel tro qui san ley mir"
    syllables = joined.split()
    words = {"".join(dice.choices(syllables, k=dice.choice((2, 2, 3)))) for _ in range(4_500)}
    known = "anime portrait realistic ink wash photo detail light dark cute girl boy dress city night pastel retro"
    return [COMMON_WORD, *known.split(), *sorted(words)]


def _entry(number: int, dice: random.Random, vocabulary: list[str]) -> dict[str, Any]:
    kind, folder = _weighted(dice, _KINDS)
    ecosystem, base_model = _weighted(dice, _ECOSYSTEMS)
    # Few words are in many names: the square of a chance leans towards the front of the list.
    words = [vocabulary[int(len(vocabulary) * dice.random() ** 3)] for _ in range(dice.choice((1, 2, 2, 3)))]
    if dice.random() < 0.12:
        words.insert(0, COMMON_WORD)
    name = dice.choice(("_", " ", "-", "")).join(word.title() for word in words)
    tail = dice.choice(("", f"_v{dice.randrange(1, 9)}", f"_v{dice.randrange(1, 4)}.{dice.randrange(10)}"))
    content = sha256(number)
    entry = {
        "path": f"models/{folder}/{vocabulary[int(300 * dice.random() ** 2)]}/{name}{tail} {number}.safetensors",
        "type": kind,
        "size": 1_000_000 + dice.randrange(7_000_000_000),
        "mtime_ns": 1_700_000_000_000_000_000 + number,
        "sha256": content,
        "hash_state": "verified",
        "state": "present",
        "ecosystem": ecosystem,
        "base_model": base_model,
        "confidence": 0.9,
    }
    if kind == "LORA":
        same = number - 1 if number and dice.random() < 0.02 else number
        entry["tensor_sha256"] = hashlib.sha256(b"tensors %d" % same).hexdigest()
    return entry


def _weighted(dice: random.Random, choices: Iterable[tuple[str, str, int]]) -> tuple[str, str]:
    listed = list(choices)
    first, second, _ = dice.choices(listed, [weight for *_, weight in listed])[0]
    return first, second


def _choose(dice: random.Random, choices: tuple[tuple[int, int], ...]) -> int:
    return dice.choices([value for value, _ in choices], [weight for _, weight in choices])[0]


def fill(database: Database, size: Size, now: float = NOW) -> None:
    """Fill an empty hub's database with inventories, as their first syncs would."""
    limits = Limits()
    read = partial(read_entry, limits=limits)
    held: list[list[tuple[Entry, int]]] = [[] for _ in range(size.servers)]
    listed = inventory(size)
    witness = known_models.Witness(server_id(0), now)
    while chunk := list(itertools.islice(listed, _BATCH)):
        entries = [[(file.server, read(file.entry)) for file in files] for files in chunk]
        first = [files[0][1] for files in entries]
        ids = database.write(lambda connection, new=first: known_models.add(database, connection, new, witness))
        for files in entries:
            model_id = ids[files[0][1].sha256 or ""]
            shared = files[0][1]
            for server, entry in files:
                held[server].append((shared if entry.digest == shared.digest else entry, model_id))
    for number, files in enumerate(held):
        files.sort(key=lambda pair: (pair[0].path_key, pair[0].path))
        database.write(partial(_fill_server, database, server_id(number), files, now))


def _fill_server(
    database: Database, name: str, files: list[tuple[Entry, int]], now: float, connection: Connection
) -> None:
    digest = sum(entry.digest for entry, _ in files) % MODULUS
    connection.execute(
        insert(servers).values(
            id=name, alias=name, created_at=now, last_seen=now, digest=placing.to_signed(digest), entry_count=len(files)
        )
    )
    placing.state(database, connection, name, files, now)


def hear_from_all(database: Database, now: float) -> None:
    """Have all servers be as after a heartbeat."""
    database.write(lambda connection: connection.execute(update(servers).values(last_seen=now)))
