import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from quartermaster.hub.database import Database, among, postgresql_url
from quartermaster.hub.errors import DatabaseUnusableError, OverloadedError
from quartermaster.hub.migrating import migrate
from quartermaster.hub.schema import servers
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, entry, sha
from sqlalchemy import select


@pytest.fixture
def database(settings: HubSettings):
    database = Database(settings)
    migrate(database)
    yield database
    database.close()


def add(name: str):
    return servers.insert().values(id=name, alias=name, created_at=0.0)


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection) -> None:
        connection.execute(add("one"))
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        database.write(work)
    with database.read() as connection:
        assert connection.execute(select(servers)).all() == []


def test_foreign_keys_are_enforced(database: Database) -> None:
    statement = "INSERT INTO metadata_wanted (server_id, path, hash_sha256, digest) VALUES ('no', 'a', 'b', 'c')"
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        database.write(lambda connection: connection.exec_driver_sql(statement))


def test_many_values_travel_in_one_statement(database: Database) -> None:
    odd = ['it\'s "one"', "a\\b\\\\", '\\"', "{a,b}", "NULL", " ", "", "tab\tand\nline", "日本語"]
    database.write(lambda connection: [connection.execute(add(name)) for name in odd])
    values = [*map(str, range(40_000)), *odd]
    with database.read() as connection:
        ids = select(servers.c.id)
        assert set(connection.scalars(ids.where(among(connection, servers.c.id, values)))) == set(odd)
        assert connection.scalars(ids.where(among(connection, servers.c.id, ["null", "a"]))).all() == []
        assert connection.scalars(ids.where(among(connection, servers.c.id, []))).all() == []


def test_postgresql_reads_a_list_of_values_once(tmp_path: Path, postgres: Callable[[], str]) -> None:
    """A table that was just filled is gone through from end to end, whatever index there is."""
    database = Database(HubSettings(tmp_path, database_url=postgres()))
    migrate(database)
    with closing(database), database.read() as connection:
        connection.exec_driver_sql("SET LOCAL enable_indexscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        connection.exec_driver_sql("SET LOCAL enable_indexonlyscan = off")
        query = select(servers.c.id).where(among(connection, servers.c.id, ["one", "two"]))
        spelled = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {spelled}".replace("%", "%%")).scalars())
    assert "Seq Scan" in plan and "InitPlan" in plan


def test_a_connection_that_comes_back_after_the_end_is_closed(tmp_path: Path, postgres: Callable[[], str]) -> None:
    for database in Database(HubSettings(tmp_path)), Database(HubSettings(tmp_path, database_url=postgres())):
        with database.read() as late:
            given = late.connection.dbapi_connection
            database.close()
        assert given is not None
        with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
            given.cursor().execute("SELECT 1")


def test_a_reader_sees_one_state_while_another_writes(tmp_path: Path) -> None:
    database = Database(HubSettings(tmp_path))
    migrate(database)
    with database.read() as connection:
        assert connection.execute(select(servers)).all() == []
        database.write(lambda writer: writer.execute(add("one")))
        assert connection.execute(select(servers)).all() == []
    database.close()


def test_a_database_that_another_program_locks_is_a_503_and_nothing_is_lost(
    tmp_path: Path, start_api: Callable[..., Api]
) -> None:
    settings = HubSettings(tmp_path, busy_timeout_seconds=0.2)
    api = start_api(settings)
    api.synced({"models": [entry("one")]})
    other = sqlite3.connect(settings.database_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = api.sync({"models": []})
    assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.availability(sha("one"))["status"] == "available"  # who only reads is not kept waiting
    other.execute("ROLLBACK")
    other.close()
    assert api.synced({"models": []})["count"] == 0


def test_a_writer_that_waits_too_long_for_another_gives_up(tmp_path: Path) -> None:
    database = Database(HubSettings(tmp_path, busy_timeout_seconds=0.05))
    migrate(database)

    def outer(connection) -> None:
        database.write(lambda inner: inner.execute(add("two")))

    with pytest.raises(OverloadedError):
        database.write(outer)
    database.write(lambda connection: connection.execute(add("one")))
    database.close()


def test_a_broken_deadlock_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if database.is_sqlite:
        assert database.write(lambda connection: 7) == 7  # which has one writer, and so no deadlock
        return
    tries = []

    def work(connection) -> int:
        tries.append(1)
        connection.execute(add("one"))
        if len(tries) == 1:
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
        return len(tries)

    assert database.write(work) == 2


@pytest.mark.parametrize(
    "text",
    ["postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d", "postgresql+psycopg2://u:p@h/d"],
)
def test_every_notation_of_a_postgresql_url_is_taken(text: str) -> None:
    url = postgresql_url(text)
    assert (url.drivername, url.host, url.database) == ("postgresql+psycopg", "h", "d")


@pytest.mark.parametrize("text", ["", "x", "sqlite://", "mysql://h/d", "postgresql://h:port/d"])
def test_other_urls_are_refused(text: str) -> None:
    with pytest.raises(DatabaseUnusableError):
        postgresql_url(text)
