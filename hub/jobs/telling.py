"""What is told of jobs (``docs/protocol.md``): never a prompt, and no progress."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ..events import tell
from ..events.kinds import JOB
from .job import PENDING


def tell_job(connection: Connection, public_id: str, state: str, server_id: str | None, **more: object) -> None:
    """Tell that a job changed; ``server_id`` is the server that runs it, or ran it last."""
    tell(connection, JOB, server_id, data={"id": public_id, "state": state, "server_id": server_id, **more})


def tell_added(connection: Connection, public_ids: Sequence[str]) -> None:
    """Tell once of jobs that were added together: a thousand events would hide all others from who is slow."""
    more = {"count": len(public_ids)} if len(public_ids) > 1 else {}
    tell_job(connection, public_ids[0], PENDING, None, **more)


def tell_possible(connection: Connection, public_id: str, server_id: str, needs: int) -> None:
    """Tell that a server can do what it could not before: this job first, and those of so many needs in all."""
    tell_job(connection, public_id, PENDING, None, possible_on=server_id, needs=needs)
