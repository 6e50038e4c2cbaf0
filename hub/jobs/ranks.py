"""The order of waiting jobs: fair among submitters, moved by priority, and the same for everybody who asks.

Start-time fair queueing (Goyal, Vin and Cheng, 1996), with jobs of one size: the queue has a time of its own, the
greatest tag of a job that was given to a server. A job's tag is one more than that time or than its submitter's last
tag, whichever is later. So the jobs of two submitters alternate however many either has, who comes late is served next
and owes nothing, and nobody is starved: each job that is started brings all that wait nearer. A tag never changes, so
that an index holds the order.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from ..database import Database, among
from ..schema import job_submitters, job_turns

TURNS_PER_PRIORITY = 50.0
"""A step of priority is worth so many jobs that are started before."""
LOADED_TURNS = 25.0
"""So many turns a job whose checkpoint is loaded may come before its own."""


def rank(tag: float, priority: int) -> float:
    """Return where a job stands: the least is the next."""
    return tag - priority * TURNS_PER_PRIORITY


def take_tags(database: Database, connection: Connection, counts: Mapping[str, int]) -> dict[str, float]:
    """Return the first of so many tags for each submitter; the others follow it in steps of one.

    Must run in a write transaction, which holds the submitters from here on.
    """
    names = sorted(counts)
    begin = [{"submitter": name, "last_tag": 0.0} for name in names]
    database.execute_many(connection, database.insert(job_submitters).on_conflict_do_nothing(), begin)
    here = job_submitters.c
    query = select(here.submitter, here.last_tag).where(among(connection, here.submitter, names))
    last = {row.submitter: row.last_tag for row in connection.execute(query.order_by(here.submitter).with_for_update())}
    now = connection.execute(select(job_turns.c.now)).scalar_one()
    first = {name: max(now, last[name]) + 1 for name in names}
    for name in names:
        taken = update(job_submitters).where(here.submitter == name)
        connection.execute(taken.values(last_tag=first[name] + counts[name] - 1))
    return first


def given(connection: Connection, tag: float) -> None:
    """Let the queue's time go on to the tag of a job that is given to a server: the last lock of its transaction."""
    connection.execute(update(job_turns).where(job_turns.c.now < tag).values(now=tag))
