"""The rows of ``enrichments``: which models are asked for next, by whom, and what came of it.

Several processes share them. Who asks takes a lease on its rows; one that dies in the middle leaves rows whose lease
runs out, and nothing else. What a row was told before stays until there is something better to say.
"""

import json
import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, case, exists, func, or_, select, update

from ..clock import Clock
from ..database import Database, among
from ..events import tell
from ..events.kinds import ENRICHMENT
from ..schema import enrichments, models
from .civitai import BATCH
from .found import Found

WAITING, FOUND, NOT_FOUND, ERROR = "waiting", "found", "not_found", "error"
STATES = (WAITING, FOUND, NOT_FOUND, ERROR)
BY_HAND, VERIFIED_FIRST, REST = 0, 1, 2
"""Ranks: what a person asks for, then files that an agent read, then what is only claimed and what is asked anew."""

LEASE_SECONDS = 300.0
"""Longer than a request may take, with its answer written down."""
ENROLLED_AT_ONCE = 2_000
LOOKED_BACK = 10_000
"""Models before the newest known that are looked at again: transactions end in another order than they begin."""
FIRST_ERROR_SECONDS = 3600.0
LONGEST_ERROR_SECONDS = 86400.0
DAY_SECONDS = 86400.0
_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class Spans:
    """When to ask again: for what was found, and for what was not, first and at most. In days."""

    refresh_days: float
    not_found_days: float
    longest_not_found_days: float

    def found_seconds(self) -> float:
        """Return when what was found is asked for again, spread so that a library does not come due in one lump."""
        return self.refresh_days * DAY_SECONDS * _RANDOM.uniform(0.9, 1.1)

    def not_found_seconds(self, times: int) -> float:
        """Return when a hash that was not found so many times in a row is asked for again."""
        days = min(self.longest_not_found_days, self.not_found_days * 2.0 ** min(times - 1, 30))
        return days * DAY_SECONDS * _RANDOM.uniform(0.9, 1.1)


def error_seconds(times: int) -> float:
    """Return when a hash on which the service stumbled so many times in a row is asked for again."""
    return min(LONGEST_ERROR_SECONDS, FIRST_ERROR_SECONDS * 2.0 ** min(times - 1, 30)) * _RANDOM.uniform(0.9, 1.1)


@dataclass(frozen=True)
class Claimed:
    """A row that this process asks for now."""

    model_id: int
    sha256: str
    batch_limit: int
    state: str
    attempts: int


@dataclass(frozen=True)
class Outcome:
    """What an exchange said of its rows, by model id; a row that is in none of them is only given back."""

    found: dict[int, Found] = field(default_factory=dict)
    not_found: set[int] = field(default_factory=set)
    smaller: dict[int, int] = field(default_factory=dict)
    """Rows to be asked for again at once, in batches of this size at most."""
    failed: dict[int, str] = field(default_factory=dict)


class Ledger:
    """The rows, for one process."""

    def __init__(self, database: Database, clock: Clock, spans: Spans) -> None:
        self._database = database
        self._clock = clock
        self._spans = spans
        self._looked_to = 0
        self._lease = secrets.token_hex(16)

    # What there is to ask

    def look_anew(self) -> None:
        """Let ``enrol`` look through all models again: an AutoV2 may have got its SHA-256."""
        self._looked_to = 0

    def enrol(self) -> bool:
        """Note models that are not noted yet, up to a bound; return whether there are more."""
        with self._database.read() as connection:
            noted = exists().where(enrichments.c.model_id == models.c.id)
            query = select(models.c.id).where(models.c.id > self._looked_to, models.c.hash_sha256.is_not(None), ~noted)
            missing = list(connection.scalars(query.order_by(models.c.id).limit(ENROLLED_AT_ONCE)))
            newest = connection.scalar(select(func.max(models.c.id))) or 0
        if missing:
            self._database.write(lambda connection: self._note(connection, missing))
        more = len(missing) == ENROLLED_AT_ONCE
        self._looked_to = missing[-1] if more else max(0, newest - LOOKED_BACK)
        return more

    def _note(self, connection: Connection, model_ids: Sequence[int]) -> None:
        e, rank = enrichments.c, case((models.c.verified, VERIFIED_FIRST), else_=REST)
        columns = [e.model_id, e.state, e.rank, e.next_at, e.batch_limit, e.attempts]
        rows = select(models.c.id, *map(_constant, (WAITING,)), rank, *map(_constant, (self._clock(), BATCH, 0)))
        rows = rows.where(among(connection, models.c.id, model_ids), models.c.hash_sha256.is_not(None))
        statement = self._database.insert(enrichments).from_select(columns, rows)
        connection.execute(statement.on_conflict_do_nothing())

    # Asking

    def claim(self, most: int = BATCH) -> list[Claimed]:
        """Take a lease on the rows to ask for now: up to ``most``, and no more than each of them may be asked with."""

        def work(connection: Connection) -> list[Claimed]:
            now, taken = self._clock(), list[Claimed]()
            for rank in (BY_HAND, VERIFIED_FIRST, REST):
                if len(taken) < most:
                    taken += _due(connection, rank, now, most - len(taken))
            taken = _together(taken)
            lease = {"lease": self._lease, "leased_until": now + LEASE_SECONDS}
            mine = among(connection, enrichments.c.model_id, [each.model_id for each in taken])
            connection.execute(update(enrichments).where(mine).values(**lease))
            return taken

        with self._database.read() as connection:  # nearly always nothing is due, and then nothing needs a write lock
            if not _any_due(connection, self._clock()):
                return []
        return self._database.write(work)

    def settle(self, claimed: Iterable[Claimed], outcome: Outcome) -> None:
        """Write down what came of rows that this process claimed, and give them back, in one transaction."""
        by_id = {each.model_id: each for each in claimed}

        def work(connection: Connection) -> None:
            now = self._clock()
            held = select(enrichments.c.model_id).where(
                among(connection, enrichments.c.model_id, by_id), enrichments.c.lease == self._lease
            )
            rows = sorted(connection.scalars(held.order_by(enrichments.c.model_id).with_for_update()))
            self._write(connection, [self._after(by_id[model_id], outcome, now) for model_id in rows])
            _fill(
                connection, {model_id: outcome.found[model_id] for model_id in rows if model_id in outcome.found}, now
            )

        self._database.write(work)

    def _after(self, row: Claimed, outcome: Outcome, now: float) -> dict[str, Any]:
        """Return what changes in a row; keys are its columns."""
        given_back = {"model_id": row.model_id, "lease": None, "leased_until": None}
        answered = {**given_back, "rank": REST, "batch_limit": BATCH, "asked_at": now, "error": None}
        found, failed = outcome.found.get(row.model_id), outcome.failed.get(row.model_id)
        if found is not None:
            news = {"state": FOUND, "attempts": 0, "next_at": now + self._spans.found_seconds(), "gone_at": None}
            told = {"answer": json.dumps(found.shown), "unknown_base_model": found.unknown_base_model}
            return {**answered, **news, **told}
        if row.model_id in outcome.not_found:
            times = row.attempts + 1
            news = {"attempts": times, "next_at": now + self._spans.not_found_seconds(times)}
            known = {"state": FOUND, "gone_at": now} if row.state == FOUND else {"state": NOT_FOUND}
            return {**answered, **news, **known}
        if failed is not None:
            times = row.attempts + 1
            state = row.state if row.state == FOUND else ERROR
            news = {"state": state, "attempts": times, "next_at": now + error_seconds(times), "rank": REST}
            return {**given_back, **news, "batch_limit": 1, "asked_at": now, "error": failed[:500]}
        if row.model_id in outcome.smaller:
            return {**given_back, "batch_limit": max(1, outcome.smaller[row.model_id])}
        return given_back

    def _write(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Update rows; those that change in the same columns in one statement."""
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            alike.setdefault(tuple(row), []).append({f"new_{name}": value for name, value in row.items()})
        for names, parameters in alike.items():
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names if name != "model_id"}
            statement = update(enrichments).where(enrichments.c.model_id == bindparam("new_model_id"))
            connection.execute(statement.values(**values), parameters)

    def ask_again(self, connection: Connection, which: Any) -> int:
        """Put rows that meet a condition before all others; return how many."""
        now = {"rank": BY_HAND, "next_at": self._clock(), "batch_limit": BATCH}
        return int(connection.execute(update(enrichments).where(which).values(**now)).rowcount)


def _fill(connection: Connection, told: dict[int, Found], now: float) -> list[int]:
    """Write what the service says beside what others say of these models; return those of which that is new."""
    if not told:
        return []
    names = list(next(iter(told.values())).columns)
    query = select(models.c.id, *(models.c[name] for name in names)).where(among(connection, models.c.id, told))
    before = {row.id: row for row in connection.execute(query)}
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    values |= {"enriched_at": now, "to_index": True}
    statement = update(models).where(models.c.id == bindparam("row_id")).values(**values)
    parameters = [
        {"row_id": model_id, **{f"new_{name}": found.columns[name] for name in names}}
        for model_id, found in told.items()
    ]
    connection.execute(statement, parameters)
    return [
        model_id
        for model_id, found in told.items()
        if model_id in before and any(getattr(before[model_id], name) != found.columns[name] for name in names)
    ]


def _tell(connection: Connection, rows: list[int], outcome: Outcome, changed: int) -> None:
    found, missed = len(outcome.found.keys() & set(rows)), len(outcome.not_found & set(rows))
    failed = len(outcome.failed.keys() & set(rows))
    if found or missed or failed:
        data = {"found": found, "changed": changed, "not_found": missed, "failed": failed}
        tell(connection, ENRICHMENT, data=data)


def _constant(value: object) -> Any:
    return bindparam(None, value, unique=True)


def _is_due(rank: int, now: float) -> tuple[Any, ...]:
    e = enrichments.c
    return e.rank == rank, e.next_at <= now, or_(e.leased_until.is_(None), e.leased_until <= now)


def _any_due(connection: Connection, now: float) -> bool:
    ranks = (BY_HAND, VERIFIED_FIRST, REST)
    return any(connection.scalar(select(exists().where(*_is_due(rank, now)))) for rank in ranks)


def _due(connection: Connection, rank: int, now: float, most: int) -> list[Claimed]:
    e = enrichments.c
    query = (
        select(e.model_id, models.c.hash_sha256, e.batch_limit, e.state, e.attempts)
        .join(models, models.c.id == e.model_id)
        .where(*_is_due(rank, now))
        .order_by(e.next_at, e.model_id)
        .limit(most)
        .with_for_update(of=enrichments, skip_locked=True)
    )
    return [Claimed(*row) for row in connection.execute(query)]


def _together(rows: list[Claimed]) -> list[Claimed]:
    """Return as many of these rows, from the first on, as may be asked for in one batch."""
    taken: list[Claimed] = []
    limit = BATCH
    for row in rows:
        limit = min(limit, row.batch_limit)
        if len(taken) >= limit:
            break
        taken.append(row)
    return taken
