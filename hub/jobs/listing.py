"""Jobs as they are read: one, or a page of those that a filter leaves; a page costs a fixed number of queries."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, union_all

from .. import fields
from ..ages import Ages
from ..availability import matches_of, rows_by
from ..clock import Clock
from ..database import Database, Record, among
from ..errors import FieldError
from ..hashes import parse_hash
from ..schema import IS_PENDING, api_keys, job_attempts, job_need_servers, job_requirements, jobs
from ..server_registry import find_server
from .checking import Checker
from .facts import load
from .holder import is_job, not_found
from .images import images_of
from .job import PENDING, STATES
from .queue import requirements_of
from .shapes import ANY
from .shown import shown_job

MOST_IN_PAGE = 200
PAGE_BYTES = 16 << 20
"""Of the requests in a page, the last of them in excess: one job's may be 2 MiB, and a page is made in memory."""
MOST_COUNTED = 1_000
"""A place in the queue further behind is not counted out."""


@dataclass(frozen=True)
class Filter:
    """Which jobs; None is "any". ``server`` is an id or alias, of the server that runs it or that it is for.

    ``could_run``: of a server, also what waits for any and that it has the models for. ``model`` is a hash; ``text``
    stands in the title; ``submitter`` is a key's id or name.
    """

    state: str | None = None
    server: str | None = None
    could_run: bool = False
    submitter: str | None = None
    model: str | None = None
    text: str | None = None
    bulk_id: str | None = None
    app_type: str | None = None
    oldest_first: bool = False
    limit: int = 50
    offset: int = 0
    cursor: str | None = None


class JobList:
    """The jobs of one hub, being read."""

    def __init__(self, database: Database, clock: Clock, ages: Ages, checker: Checker) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._checker = checker

    def one(self, public_id: str) -> dict[str, Any]:
        """Return one job, with its place in the queue.

        Raises:
            NotFoundError: there is none (``job_not_found``).
        """
        with self._database.read() as connection:
            row = find_job(connection, public_id)
            (shown,) = self._shown(connection, [row], infotexts=True)
            return {**shown, "payload": json.loads(row.payload), "queue_position": place_of(connection, row)}

    def page(self, asked: Filter) -> dict[str, Any]:
        """Return a page of jobs, the newest first, with how many there are of each state.

        Raises:
            FieldError: a filter or the cursor is wrong.
            NotFoundError: there is no such server (``server_not_found``).
        """
        with self._database.read() as connection:
            conditions = _conditions(connection, asked)
            counts = _counts(connection, conditions)
            found = _page(connection, conditions, asked)
            ids = _as_many_as_fit(connection, found[: asked.limit])
            order = jobs.c.id if asked.oldest_first else jobs.c.id.desc()
            shown = select(jobs).where(among(connection, jobs.c.id, ids)).order_by(order)
            listed = self._shown(connection, connection.execute(shown).all())
        more = len(found) > len(ids)
        return {
            "success": True,
            "total": counts[asked.state] if asked.state is not None else sum(counts.values()),
            "counts": counts,
            "jobs": listed,
            "next_cursor": _write_cursor(ids[-1]) if more else None,
        }

    def _shown(
        self, connection: Connection, rows: Sequence[Record], *, infotexts: bool = False
    ) -> list[dict[str, Any]]:
        needed = requirements_of(connection, [row.id for row in rows])
        ids = {key for listed in needed.values() for each in listed for key in (*each.models, *each.candidates)}
        now = self._clock()
        facts = load(connection, ids, self._ages, now)
        attempts = _grouped(connection, rows, select(job_attempts), job_attempts.c.number)
        images = images_of(connection, [row.id for row in rows], infotexts=infotexts)
        shown = []
        for row in rows:
            app_type = json.loads(row.asked).get("app_type")
            checked = self._checker.check(needed.get(row.id, []), row.target_server_id, facts, app_type)
            shown.append(shown_job(row, checked, facts, attempts.get(row.id, ()), images[row.id], now))
        return shown


def find_job(connection: Connection, public_id: str) -> Record:
    """Return a job's row by the id that everybody is told.

    Raises:
        NotFoundError: there is none (``job_not_found``).
    """
    row = connection.execute(select(jobs).where(is_job(public_id))).first()
    if row is None:
        raise not_found(public_id)
    return row


def _grouped(connection: Connection, rows: Iterable[Record], query: Any, order: Any) -> dict[int, list[Record]]:
    column = order.table.c.job_id
    found: dict[int, list[Record]] = {}
    ids = [row.id for row in rows]
    if ids:
        for row in connection.execute(query.where(among(connection, column, ids)).order_by(column, order)):
            found.setdefault(row.job_id, []).append(row)
    return found


def _conditions(connection: Connection, asked: Filter) -> list[ColumnElement[bool]]:
    """Return every condition but that on the state."""
    if asked.state is not None and asked.state not in STATES:
        raise FieldError("status", f"must be one of {', '.join(STATES)}")
    listed: list[ColumnElement[bool]] = []
    if asked.server is not None and asked.server.lower() == ANY:
        listed.append(jobs.c.target_server_id.is_(None))
    elif asked.server is not None:
        server_id = find_server(connection, asked.server).id
        of_it = select(jobs.c.id).where(jobs.c.server_id == server_id)
        for_it = select(jobs.c.id).where(jobs.c.target_server_id == server_id, jobs.c.state == PENDING)
        listed_there = [of_it, for_it]
        if asked.could_run:
            able = select(job_need_servers.c.need_id).where(job_need_servers.c.server_id == server_id)
            listed_there.append(select(jobs.c.id).where(jobs.c.need_id.in_(able), jobs.c.state == PENDING))
        listed.append(jobs.c.id.in_(union_all(*listed_there)))
    if asked.submitter is not None:
        named = connection.scalars(select(api_keys.c.key).where(api_keys.c.name == asked.submitter))
        listed.append(among(connection, jobs.c.submitter, {asked.submitter, *named}))
    if asked.model is not None:
        listed.append(_asks_for(connection, asked.model))
    if asked.text is not None:
        listed.append(_has(connection, asked.text))
    if asked.bulk_id is not None:
        listed.append(jobs.c.bulk_id == asked.bulk_id)
    return listed


def _has(connection: Connection, text: str) -> ColumnElement[bool]:
    """Return the condition that a title has a text in it, in upper or lower case."""
    if connection.dialect.name == "sqlite" and text.isascii():
        return jobs.c.title.contains(text, autoescape=True)  # SQLite's own LIKE, without a call for each row
    return func.lower(jobs.c.title).contains(text.lower(), autoescape=True)


def _counts(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> dict[str, int]:
    counted = select(jobs.c.state, func.count()).where(*conditions).group_by(jobs.c.state)
    return {**dict.fromkeys(STATES, 0), **{row[0]: row[1] for row in connection.execute(counted)}}


def _page(connection: Connection, conditions: Sequence[ColumnElement[bool]], asked: Filter) -> list[int]:
    """Return the ids of a page and of one job more; from an index alone, a row of jobs is long."""
    here = jobs.c.id
    also: list[ColumnElement[bool]] = []
    if asked.state is not None:
        also.append(jobs.c.state == asked.state)
    if asked.cursor is not None:
        after = _read_cursor(asked.cursor)
        also.append(here > after if asked.oldest_first else here < after)
    query = select(here).where(*conditions, *also)
    if asked.text is not None:
        # Looked for in rows, in their order, a text that hardly any has would be looked for in all of them.
        found = sorted(connection.scalars(query), reverse=not asked.oldest_first)
        return found[asked.offset :][: asked.limit + 1]
    order = here if asked.oldest_first else here.desc()
    return list(connection.scalars(query.order_by(order).limit(asked.limit + 1).offset(asked.offset)))


def _as_many_as_fit(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return the first of these jobs, as many as one answer may hold; at least one."""
    size = func.length(jobs.c.payload) + func.length(jobs.c.asked)
    sizes = {
        row[0]: row[1] for row in connection.execute(select(jobs.c.id, size).where(among(connection, jobs.c.id, ids)))
    }
    size_bytes = list(accumulate(sizes.get(each, 0) for each in ids))
    return [each for each, before in zip(ids, [0, *size_bytes], strict=False) if before < PAGE_BYTES]


def _asks_for(connection: Connection, text: str) -> ColumnElement[bool]:
    """Return the condition that a job asks for a model: what the hash means is among its requirements."""
    digits = parse_hash(text)
    if digits is None:
        raise FieldError("model", "must be 10 (AutoV2), 12 (AutoV3) or 64 (SHA-256) hex digits")
    found = matches_of(connection, [digits])[digits.digits].models
    tensors = {row.hash_tensor[:12] for row in found.values() if row.hash_tensor is not None}
    ids = {*found, *(row.id for row in rows_by(connection, "hash_autov3", tensors))}
    needed = job_requirements.c
    meant = among(connection, needed.model_id, ids) if ids else needed.hash == digits.digits
    return jobs.c.id.in_(select(needed.job_id).where(or_(meant, needed.hash == digits.digits)))


def place_of(connection: Connection, row: Record) -> int | None:
    """Return which place in the queue a waiting job has, from 1; None for others, and behind ``MOST_COUNTED``.

    ``row`` has at least ``state`` and ``rank``.
    """
    if row.state != PENDING:
        return None
    before = select(jobs.c.rank).where(IS_PENDING, jobs.c.rank < row.rank).order_by(jobs.c.rank).limit(MOST_COUNTED)
    place = 1 + int(connection.scalar(select(func.count()).select_from(before.subquery())) or 0)
    return place if place <= MOST_COUNTED else None


def _write_cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(str(row_id).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        row_id = int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        row_id = -1
    if not 0 <= row_id <= fields.MAX_INTEGER:
        raise FieldError("cursor", "must be the next_cursor of an earlier answer to the same question")
    return row_id
