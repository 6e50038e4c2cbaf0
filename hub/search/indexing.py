"""Keeps the search index: a job makes the documents of the models that are marked, a search those that it can wait for.

A model is marked (``models.to_index``) in the transaction that changes what it is found by; its mark is cleared in the
one that writes its document. Several processes may do so at once: each takes models that no other has locked.
"""

from collections.abc import Callable

from sqlalchemy import Connection, select, update

from ..background import Job
from ..database import Database, among
from ..errors import OverloadedError
from ..schema import TO_INDEX, models
from . import documents

BATCH = 250
"""Models in one transaction: on SQLite, an agent's heartbeat waits for it."""
AT_ONCE = 2_000
"""So many marked models a search waits for; with more, it answers from what is indexed and says so."""
COUNTED = 10_000
"""Marked models are counted so far."""
_EVERY_SECONDS = 30.0
_SETTLE_SECONDS = 2.0
_PATIENCE_SECONDS = 1.0
"""How long a search waits for others that write, each time that it makes a batch."""


class Indexing:
    """The search index of one hub, being kept."""

    def __init__(
        self,
        database: Database,
        learn: Callable[[Connection, list[int]], object],
        learned: Callable[[], object] = lambda: None,
    ) -> None:
        """``learn(connection, model_ids)`` keeps the names that files of these models have now (``aliases``).

        ``learned()`` is called when that was committed.
        """
        self._database = database
        self._learn = learn
        self._learned = learned
        self.job = Job("search index", _EVERY_SECONDS, self.step, settle_seconds=_SETTLE_SECONDS)
        """Call it after a change that marked models."""

    def step(self) -> bool:
        """Make a batch of documents; return whether there may be more to make."""
        made = self._database.write(lambda connection: self._batch(connection, skip_locked=True))
        if made:
            self._learned()
        return made == BATCH

    def refresh(self) -> int:
        """Make the documents that are wanting, if they are few; return how many still are, at most ``COUNTED``."""
        with self._database.read() as connection:
            pending = documents.count_pending(connection, COUNTED)
        if not 0 < pending <= AT_ONCE:
            return pending
        try:
            while self._database.write(self._batch, _PATIENCE_SECONDS) == BATCH:
                pass
        except OverloadedError:
            pass  # a search is answered while the database is busy
        with self._database.read() as connection:
            return documents.count_pending(connection, COUNTED)

    def _batch(self, connection: Connection, *, skip_locked: bool = False) -> int:
        marked = select(models.c.id).where(TO_INDEX).order_by(models.c.id).limit(BATCH)
        ids = list(connection.scalars(marked.with_for_update(skip_locked=skip_locked)))
        if ids:
            connection.execute(update(models).where(among(connection, models.c.id, ids)).values(to_index=False))
            self._learn(connection, ids)
            documents.make(self._database, connection, ids)
        return len(ids)
