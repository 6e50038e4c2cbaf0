"""Which waiting job a server is given first: in order, bent by what is loaded and by who else waits."""

from sqlalchemy import Connection, func, select

from ..database import Record, among
from ..schema import IS_PENDING, job_need_servers, job_takers, jobs
from . import ranks, speed
from .holding import hashes_of

LEAVING_SECONDS = 3.0
"""So long a job is left for another server that waits and is the better one for it."""
_NEEDS = 16
"""Needs that one look compares."""


def candidates(connection: Connection, server_id: str, loaded: frozenset[int], without: set[int]) -> list[Record]:
    """Return the needs that a server can serve, in their order; one whose checkpoint is loaded may come first."""
    here = job_need_servers.c
    columns = (here.need_id, here.head_rank, here.checkpoint_id, here.since)
    mine = select(*columns).where(here.server_id == server_id)
    if without:
        mine = mine.where(~among(connection, here.need_id, without))
    found = connection.execute(mine.order_by(here.head_rank, here.need_id).limit(_NEEDS)).all()
    if not found or not loaded or found[0].checkpoint_id in loaded:
        return list(found)
    near = mine.where(
        among(connection, here.checkpoint_id, loaded), here.head_rank <= found[0].head_rank + ranks.LOADED_TURNS
    )
    ready = connection.execute(near.order_by(here.head_rank, here.need_id).limit(1)).first()
    if ready is None or _priority(connection, ready.need_id) < _priority(connection, found[0].need_id):
        return list(found)
    return [ready, *(each for each in found if each.need_id != ready.need_id)]


def left_until(
    connection: Connection, taker: Record, candidate: Record, loaded: frozenset[int], now: float
) -> float | None:
    """Return until when a need's jobs are left for a better server that waits for work; None: they are not."""
    if candidate.checkpoint_id in loaded:
        return None
    here = job_takers.c
    able = job_need_servers.c
    query = (
        select(here.loaded, here.seconds_per_unit, here.measured)
        .join(job_need_servers, able.server_id == here.server_id)
        .where(able.need_id == candidate.need_id, here.server_id != taker.server_id, here.waits_until > now)
    )
    others = connection.execute(query).all()
    if not others:
        return None
    mine, ready = (taker.seconds_per_unit, taker.measured), hashes_of(connection, candidate.checkpoint_id)
    if not any(
        each.loaded in ready or speed.much_faster((each.seconds_per_unit, each.measured), mine) for each in others
    ):
        return None
    head = select(jobs.c.queued_at).where(jobs.c.need_id == candidate.need_id, IS_PENDING)
    queued_at = connection.scalar(head.order_by(jobs.c.rank, jobs.c.id).limit(1)) or 0.0
    since = connection.scalar(select(func.min(able.since)).where(able.need_id == candidate.need_id)) or 0.0
    until = float(max(queued_at, since)) + LEAVING_SECONDS
    return until if now < until <= now + LEAVING_SECONDS else None


def _priority(connection: Connection, need_id: int) -> int:
    """Return the priority of the first job of a need."""
    waits = select(jobs.c.priority).where(jobs.c.need_id == need_id, IS_PENDING)
    return int(connection.scalar(waits.order_by(jobs.c.rank, jobs.c.id).limit(1)) or 0)
