"""Connections to the hub's database: SQLite in WAL mode, or PostgreSQL.

A write on SQLite takes the lock of this process first and then the file's (``BEGIN IMMEDIATE``): threads queue up in
memory instead of polling the file, and no transaction starts that could not be finished.
"""

import json
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    Text,
    and_,
    cast,
    create_engine,
    event,
    extract,
    func,
    literal,
    make_url,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql.dml import Insert

from .clock import Clock
from .errors import DatabaseUnusableError, OverloadedError
from .settings import HubSettings
from .storage.occupancy import FileLock, create_private, occupy_connection, occupy_file

_log = logging.getLogger(__name__)
_WRITES = "quartermaster_writes"
CLOCK = "quartermaster_clock"
"""The execution option of every connection that has the hub's clock."""
_TOLD = "quartermaster_told"
_DEADLOCKS = {"40001", "40P01"}
_SQLITE_TROUBLE = ("is locked", "is full", "unable to open", "disk I/O error", "readonly database")
_ATTEMPTS = 5
Record: TypeAlias = Any
"""A row of a result: SQLAlchemy 2.0 and 2.1 spell its type differently, and Python's version decides which is there."""

Answer = TypeVar("Answer")


class Database:
    """One engine, and the two ways to use it: ``read()`` and ``write(work)``."""

    def __init__(self, settings: HubSettings, clock: Clock = time.time) -> None:
        """Prepare the engine; nothing is connected yet.

        Raises:
            DatabaseUnusableError: the URL is not one of PostgreSQL, the data folder cannot be made, or the database is
                being restored.
        """
        self.busy_timeout_seconds = settings.busy_timeout_seconds
        self._write_lock = threading.Lock()
        self.troubles = 0
        """How often the database could not be used; only ever grows."""
        self._occupied: FileLock | None = None
        self.place = settings.describe_database()
        self.folder = settings.data_dir if settings.database_url is None else None
        """Where the SQLite database is."""
        if settings.database_url is None:
            self.engine = self._sqlite_engine(settings)
        else:
            # The last connection that came back goes out first: it holds the statements that psycopg prepared already.
            self.engine = create_engine(
                postgresql_url(settings.database_url), pool_size=10, max_overflow=30, pool_use_lifo=True
            )
            event.listen(self.engine, "connect", occupy_connection)
        self.follow(clock)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.when_told: list[Callable[[], None]] = []
        """What is called, in the writer's thread, after a write that told an event was committed."""

    def _sqlite_engine(self, settings: HubSettings) -> Engine:
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._occupied = occupy_file(settings.data_dir)
            # Made by us before SQLite can, so that it is never readable to others; its -wal and -shm files follow it.
            create_private(settings.database_file)
        except OSError as error:
            raise DatabaseUnusableError(
                f"the data folder {settings.data_dir} cannot be used: {error.strerror or error}"
            ) from error
        engine = create_engine(
            URL.create("sqlite", database=str(settings.database_file)),
            connect_args={"timeout": settings.busy_timeout_seconds, "isolation_level": None},
            pool_size=10,
            max_overflow=50,
        )
        event.listen(engine, "connect", partial(_prepare_sqlite, patience_seconds=settings.busy_timeout_seconds))
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def follow(self, clock: Clock) -> None:
        """Have every connection from here on tell the time by this clock."""
        self.engine.update_execution_options(**{CLOCK: clock})

    def wall_seconds(self) -> float:
        """Return the time on the machine that has the database, on which all hubs that share it agree.

        Raises:
            OverloadedError: the database cannot be used at the moment.
        """
        if self.is_sqlite:
            return time.time()
        with self.read() as connection:
            return float(connection.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database.

        Raises:
            OverloadedError: no connection became free, or the database cannot be used at the moment.
        """
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    def write(self, work: Callable[[Connection], Answer], patience_seconds: float | None = None) -> Answer:
        """Run ``work`` in a write transaction: everything that it does is kept, or nothing.

        ``work`` may run again where PostgreSQL broke a deadlock between two writers. ``patience_seconds`` is how long
        to wait for other writers, if not for as long as requests do.

        Raises:
            OverloadedError: other writers held the database for too long, or it cannot be used at the moment.
        """
        told = False

        def noting(connection: Connection) -> Answer:
            nonlocal told
            connection.info.pop(_TOLD, None)
            answer = work(connection)
            told = connection.info.pop(_TOLD, False)
            return answer

        answer = self._write_patiently(noting, patience_seconds)
        if told:
            for call in self.when_told:
                call()
        return answer

    def _write_patiently(self, work: Callable[[Connection], Answer], patience_seconds: float | None) -> Answer:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._write_once(work, patience_seconds)
            except OperationalError as error:
                if attempt == _ATTEMPTS or not is_deadlock(error):
                    raise
        raise AssertionError("the loop returns or raises")

    def _write_once(self, work: Callable[[Connection], Answer], patience_seconds: float | None) -> Answer:
        if not self.is_sqlite:
            with self._translated(), self.engine.begin() as connection:
                if patience_seconds is not None:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(patience_seconds * 1000)}")
                return work(connection)
        patience_seconds = self.busy_timeout_seconds if patience_seconds is None else patience_seconds
        if not self._write_lock.acquire(timeout=patience_seconds):
            self.troubles += 1
            raise OverloadedError("other writers keep the database busy; try again")
        try:
            with self._translated(), self.engine.connect() as connection:
                connection = connection.execution_options(**{_WRITES: True})
                with connection.begin():
                    return work(connection)
        finally:
            self._write_lock.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            self.troubles += 1
            raise OverloadedError("all database connections are in use; try again") from error
        except OperationalError as error:
            if not self._is_passing(error):
                raise
            self.troubles += 1
            _log.warning("the database cannot be used at the moment: %s", error.orig)
            raise OverloadedError("the database cannot be used at the moment; try again") from error

    def _is_passing(self, error: OperationalError) -> bool:
        """Say whether an error lies with the database's surroundings: locked, full, stopped."""
        if self.is_sqlite:
            return any(sign in str(error.orig) for sign in _SQLITE_TROUBLE)
        return not is_deadlock(error)

    def insert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return an insert that can say ``on_conflict_do_…`` in this database's dialect."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def upsert(self, table: Table, key: Sequence[str], changing: Iterable[str]) -> Insert:
        """Return an insert that replaces the ``changing`` columns of a row whose ``key`` is there already."""
        statement = self.insert(table)
        new = statement.excluded
        return statement.on_conflict_do_update(index_elements=list(key), set_={name: new[name] for name in changing})

    def execute_many(self, connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an insert for many rows of equal keys, as fast as the driver goes.

        SQLAlchemy's own way prepares each row in Python, which costs three times what SQLite takes to store it.
        """
        compiled = statement.compile(dialect=self.engine.dialect, column_keys=list(rows[0]))
        if compiled.positional:
            assert compiled.positiontup is not None
            connection.exec_driver_sql(str(compiled), list(map(itemgetter(*compiled.positiontup), rows)))
        else:
            connection.exec_driver_sql(str(compiled), list(rows))

    def close(self) -> None:
        """Close every connection; one that a thread still holds, whose request was given up, as it comes back."""
        event.listen(self.engine.pool, "checkin", _close_returned)
        self.engine.dispose()
        if self._occupied is not None:
            self._occupied.release()


def _close_returned(connection: Any, _record: object) -> None:
    connection.close()


def is_deadlock(error: OperationalError) -> bool:
    """Tell whether PostgreSQL ended a transaction only because of others, so that it may be tried again."""
    return getattr(error.orig, "sqlstate", None) in _DEADLOCKS


def note_told(connection: Connection) -> None:
    """Have ``Database.when_told`` called after this transaction, if it is committed."""
    connection.info[_TOLD] = True


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values, however many there are.

    They travel as one text; SQLAlchemy's ``in_`` makes a parameter of each, of which SQLite takes 32,766, and psycopg
    takes as long to look at each value of a list as PostgreSQL to find its row.
    """
    if connection.dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(select(each.c.value))
    array = ARRAY(column.type)
    # In a subquery it is read once; else, where the planner chooses to go through the table, once for each row of it.
    once = select(cast(literal(_array_literal(values), Text), array)).scalar_subquery()
    return column == func.any(cast(once, array))


def _array_literal(values: Iterable[str | int]) -> str:
    """Return these values as PostgreSQL writes an array.

    Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    return "{" + ",".join([_array_element(each) if isinstance(each, str) else str(each) for each in values]) + "}"


def _array_element(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def bare_rows(connection: Connection, query: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a query as the driver makes them; of thousands, SQLAlchemy's cost as much again.

    No type of SQLAlchemy's own is translated: SQLite's booleans are 0 and 1.
    """
    with connection.execute(query) as result:
        return result.cursor.fetchall()


def among_pairs(
    connection: Connection, columns: tuple[ColumnElement[Any], ColumnElement[Any]], pairs: Iterable[tuple[int, str]]
) -> ColumnElement[bool]:
    """Return the condition that two columns together have one of these pairs; the second value determines the first.

    Of two conditions, one per column, SQLite makes a search for every value of the one with every value of the other:
    removing 10,000 files took a minute.
    """
    listed = list(pairs)
    if connection.dialect.name == "sqlite":
        each = func.json_each(json.dumps(listed)).table_valued("value")
        part = [func.json_extract(each.c.value, f"$[{index}]") for index in (0, 1)]
        return tuple_(*columns).in_(select(*part))
    first, second = columns
    either = among(connection, first, {one for one, _ in listed}), among(connection, second, [two for _, two in listed])
    return and_(*either)


def postgresql_url(text: str) -> URL:
    """Return the URL of a PostgreSQL database for psycopg 3, from SQLAlchemy's or libpq's notation.

    Raises:
        DatabaseUnusableError: it is not such a URL (the message does not repeat it: it may hold a password).
    """
    problem = "the database URL must look like postgresql://user:password@host/database"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUnusableError(problem) from None
    if url.drivername.partition("+")[0] not in {"postgresql", "postgres"}:
        raise DatabaseUnusableError(problem)
    return url.set(drivername="postgresql+psycopg")


def _prepare_sqlite(connection: Any, _record: object, *, patience_seconds: float) -> None:
    cursor = connection.cursor()
    _use_wal(cursor, patience_seconds)
    # In WAL mode NORMAL survives a killed process whole; a power cut may cost the last commits, never consistency,
    # and an inventory that lost a commit is repaired by the next heartbeat.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -32768")
    cursor.close()
    # SQLite's own folds ASCII only; PostgreSQL's folds everything, and a search must answer the same on both.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _use_wal(cursor: sqlite3.Cursor, patience_seconds: float) -> None:
    """Switch the file to WAL mode, which it keeps.

    Of several hubs that open a new file at once one does it; SQLite answers the others "locked" at once, whatever the
    connection's timeout (it calls no busy handler where two wait for each other).
    """
    give_up_at = time.monotonic() + patience_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "is locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (spreads the waiting ones, guards nothing)


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
