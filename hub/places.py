"""Where models are: the rows of their places, and the servers that have one as an answer shows them, or as its JSON."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from .ages import PRESENT, Ages, iso_time, worse
from .database import among, bare_rows
from .entries import CLAIMED, VERIFIED
from .schema import placements, servers
from .written import array, quoted, scalar, to_json


class Place(NamedTuple):
    """A file of a model on a server; of a batch's thousands, a tuple is looked at faster than SQLAlchemy's row."""

    model_id: int
    server_id: str
    path: str
    state: str
    hash_state: str
    by_autov2: bool
    alias: str | None
    server_seen: float | None


Placed = dict[int, list[Place]]
"""Model id -> where it is."""

_server_of = itemgetter(Place._fields.index("server_id"))


class Holder(NamedTuple):
    """A server that has a model, as answers show it; the names of the fields are those in the answer."""

    server_id: str
    alias: str | None
    state: str
    path: str
    paths: Sequence[str]
    hash_state: str
    sha256: str | None
    last_seen: str | None


class State(NamedTuple):
    """What an answer says of where a model is."""

    status: str
    servers: list[Holder]
    sources: list[dict[str, Any]]

    def shown(self) -> dict[str, Any]:
        """Return it as answers show it."""
        return {
            "status": self.status,
            "servers": [holder._asdict() for holder in self.servers],
            "sources": self.sources,
        }


def placed(connection: Connection, model_ids: Iterable[int]) -> Placed:
    """Return every place of these models."""
    here = placements.c
    query = (
        select(
            here.model_id,
            here.server_id,
            here.path,
            here.state,
            here.hash_state,
            here.by_autov2,
            servers.c.alias,
            servers.c.last_seen.label("server_seen"),
        )
        .join(servers, servers.c.id == here.server_id)
        .where(among(connection, here.model_id, model_ids))
    )
    found: Placed = {}
    for place in map(Place._make, bare_rows(connection, query)):
        found.setdefault(place[0], []).append(place)
    return found


def holders(
    places: Iterable[Place], hashes: Mapping[int, str | None], ages: Ages, now: float, *, claimed: bool
) -> list[Holder]:
    """Return the servers that have a model, by their ids; of one that has it twice, the surest path stands for it.

    Args:
        places: of the files that are the model.
        hashes: the SHA-256 of each of these files, by its id.
        claimed: whether only a file's own claim says that it is the model.
    """
    found: list[Holder] = []
    for server_id, group in groupby(sorted(places, key=_server_of), _server_of):
        same = list(group)
        if len(same) > 1:
            same.sort(key=_preference)
        model_id, _, path, state, hash_state, by_autov2, alias, seen = same[0]
        server_state = ages.state(seen, now)
        found.append(
            Holder(
                server_id,
                alias,
                server_state if state == PRESENT else worse(server_state, state),
                path,
                [path] if len(same) == 1 else [place.path for place in same],
                CLAIMED if claimed or by_autov2 else hash_state,
                hashes[model_id],
                iso_time(seen),
            )
        )
    return found


class Pen:
    """Writes where the models of a batch are, as JSON: what is the same each time that a server is named, once."""

    def __init__(self, ages: Ages, now: float) -> None:
        self._ages = ages
        self._now = now
        self._servers: dict[str, tuple[str, str, str]] = {}

    def written(
        self, places: Sequence[Place], model_id: int, sha256: str | None, *, claimed: bool
    ) -> tuple[str, set[str]]:
        """Return the list of the servers that have a model of one file, as ``holders`` has them, and their states."""
        name = "null" if sha256 is None else quoted(sha256)
        texts, states, before = [], set(), None
        for _, server_id, path, state, hash_state, by_autov2, alias, seen in sorted(places, key=_server_of):
            if server_id == before:  # it has the model more than once
                listed = holders(places, {model_id: sha256}, self._ages, self._now, claimed=claimed)
                return to_json([holder._asdict() for holder in listed]), {holder.state for holder in listed}
            before = server_id
            head, tail, server_state = self._servers.get(server_id) or self._server(server_id, alias, seen)
            state = server_state if state == PRESENT else worse(server_state, state)
            states.add(state)
            path = quoted(path)
            hash_state = CLAIMED if claimed or by_autov2 else hash_state
            texts.append(
                f'{head},"state":"{state}","path":{path},"paths":[{path}],"hash_state":"{hash_state}","sha256":{name},{tail}'
            )
        return array(texts), states

    def _server(self, server_id: str, alias: str | None, seen: float | None) -> tuple[str, str, str]:
        """Return how each element about a server begins and ends, and the server's state."""
        head = f'{{"server_id":{quoted(server_id)},"alias":{scalar(alias)}'
        tail = f'"last_seen":{scalar(iso_time(seen))}}}'
        self._servers[server_id] = head, tail, self._ages.state(seen, self._now)
        return self._servers[server_id]


def _preference(place: Place) -> tuple[bool, bool, str]:
    return (place.state != PRESENT, place.hash_state != VERIFIED, place.path)
