"""Where models are: the rows of their places, and the servers that have one as an answer shows them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from .ages import PRESENT, Ages, iso_time, worse
from .database import among
from .entries import CLAIMED, VERIFIED
from .schema import placements, servers
from .written import array, quoted, scalar, template


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

    def written(self) -> str:
        """Return it as JSON."""
        server_id, alias, state, path, paths, hash_state, sha256, last_seen = self
        name = quoted(path)
        return _HOLDER % (
            quoted(server_id),
            scalar(alias),
            quoted(state),
            name,
            f"[{name}]" if len(paths) == 1 else array(map(quoted, paths)),
            quoted(hash_state),
            scalar(sha256),
            scalar(last_seen),
        )


_HOLDER = template(Holder._fields)


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
    for place in map(Place._make, connection.execute(query).all()):
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


def _preference(place: Place) -> tuple[bool, bool, str]:
    return (place.state != PRESENT, place.hash_state != VERIFIED, place.path)
