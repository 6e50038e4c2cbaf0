"""Look-ups and heartbeats cost what they cost, however much the hub knows: counted in statements and plans."""

from collections.abc import Callable
from typing import Any

import pytest
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha, statements_of
from sqlalchemy import event

MODELS = 300


@pytest.fixture
def library(api: Api) -> list[dict[str, Any]]:
    held = [entry(f"file {n}", tensor_sha256=sha(f"tensor {n}"), metadata={"n": n}) for n in range(MODELS)]
    api.synced({"models": held})
    return held


def looks(api: Api, count: int) -> Callable[[], Any]:
    hashes = [sha(f"file {n}")[: (10, 12, 64)[n % 3]] for n in range(count)]
    return lambda: api.hub.availability.of_many({"hashes": hashes})


@pytest.mark.parametrize("count", [3, 300])
def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(
    api: Api, library: list[dict[str, Any]], count: int
) -> None:
    with statements_of(api) as seen:
        looks(api, count)()
    assert len([one for one in seen if not one[0].startswith("BEGIN")]) <= 5


def test_a_look_up_uses_an_index_for_every_table_it_reads(api: Api, library: list[dict[str, Any]]) -> None:
    sqlite = api.hub.database.is_sqlite
    with statements_of(api) as seen:
        looks(api, 3)()
    with api.hub.database.engine.connect() as connection:
        if not sqlite:  # which scans a table of 300 rows by choice
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in seen:
            if statement.startswith("SELECT"):
                explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
                plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
                scans = [line for line in plan if "SCAN" in line.replace("Seq Scan", "SCAN") and "VIRTUAL" not in line]
                assert not scans, f"{scans}: {statement}"


def test_a_heartbeat_reads_no_row_of_the_inventory(api: Api, library: list[dict[str, Any]]) -> None:
    api.heartbeat(library)
    with statements_of(api) as seen:
        api.heartbeat(library)
    assert not [statement for statement, _ in seen if "model_server_availability" in statement]
    assert len([one for one in seen if not one[0].startswith("BEGIN")]) <= 4  # key, server, wanted, the new last_seen


def test_a_heartbeat_is_below_a_kibibyte_each_way(api: Api, library: list[dict[str, Any]]) -> None:
    held = [{**item, "metadata": f"{number:016x}"} for number, item in enumerate(library)]
    api.synced({"models": held})
    body = {"protocol": 1, "agent_id": "a" * 36, "digest": digest_of(held), "count": len(held)}
    answer = api.sync(body)
    assert len(answer.json()["wanted"]) == 8
    assert len(answer.content) + len(str(answer.headers)) < 1024


def sqlite_steps(api: Api, count: int) -> int:
    """Return how many instructions SQLite's machine takes, in hundreds, to remove so many files in one delta."""
    held = [entry(f"file {n}") for n in range(count)]
    server = f"with {count}"
    api.synced({"models": held}, server)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def watch(connection: Any, *_rest: Any) -> None:
        connection.set_progress_handler(step, 100)

    event.listen(api.hub.database.engine, "checkout", watch)
    try:
        removed = [item["path"] for item in held]
        body = {"mode": "delta", "base": digest_of(held), "removed": removed, "digest": digest_of([])}
        assert api.synced(body, server)["changed"]["removed"] == count
    finally:
        event.remove(api.hub.database.engine, "checkout", watch)
    return steps


@pytest.mark.parametrize("database_url", [None])
def test_removing_four_times_as_many_files_costs_four_times_as_much(api: Api) -> None:
    few, many = sqlite_steps(api, 500), sqlite_steps(api, 2000)
    assert many < 6 * few


def test_a_delta_of_one_file_reads_only_its_own_rows(api: Api, library: list[dict[str, Any]]) -> None:
    now = [*library[1:], entry("file 0", content="replaced")]
    body = {"mode": "delta", "base": digest_of(library), "upserts": now[-1:], "digest": digest_of(now)}
    api.heartbeat(library)
    with statements_of(api) as seen:
        api.synced(body)
    reads = [
        (statement, parameters)
        for statement, parameters in seen
        if statement.startswith("SELECT") and "model_server_availability" in statement
    ]
    with api.hub.database.engine.connect() as connection:
        rows = sum(len(connection.exec_driver_sql(statement, parameters).all()) for statement, parameters in reads)
    assert rows <= 3


@pytest.mark.parametrize("database_url", [None])
def test_what_is_rare_is_found_by_its_own_small_index(api: Api) -> None:
    api.synced({"models": [entry("first")]})
    with statements_of(api) as seen:
        api.synced({"models": [entry("first"), entry("second")]})
        api.hub.search.refresh()
    rare = ("by_autov2", "to_index")
    asked = [
        (one, given) for one, given in seen if one.startswith("SELECT") and any(f".{name}" in one for name in rare)
    ]
    with api.hub.database.engine.connect() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", given).all()) for one, given in asked]
    for name in ("model_server_availability_by_autov2", "models_to_index"):
        assert any(name in plan for plan in plans), plans
