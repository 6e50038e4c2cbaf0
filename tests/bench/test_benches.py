"""Each bench runs, at a size at which its figures mean nothing, and its parts do what the table says of them."""

import json
import sqlite3
from pathlib import Path

import pytest
import requests
from quartermaster.bench import claims, ecosystems, hashing, identify, rescan, sync
from quartermaster.bench.hub_process import hub_process, make_key
from quartermaster.bench.queued import KINDS
from quartermaster.bench.relay import Relay
from quartermaster.bench.row import NotMeasurableError, Row
from quartermaster.hub.schema import metadata
from quartermaster.hub_client import HubClient

SMALL = Path(__file__).resolve().parents[1] / "data" / "ecosystems" / "open-weights.json"


def values(rows: list[Row]) -> dict[str, float]:
    assert all(row.value > 0 and row.yardstick for row in rows)
    return {row.name: row.value for row in rows}


def test_hashing() -> None:
    assert len(values(hashing.measure(1 << 20, 1 << 20, rounds=1))) == 3


def test_hashing_without_openssl_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotMeasurableError, match="apt install openssl"):
        hashing.measure()


def test_rescan() -> None:
    assert len(values(rescan.measure(60, 240, rounds=1))) == 2


def test_the_rescanned_files_are_a_third_models(tmp_path: Path) -> None:
    rescan.make_files(tmp_path / "models", 600)
    with rescan.running_agent(tmp_path / "models", tmp_path / "home") as agent:
        assert len(agent.library.records()) == 200
        rescan.look_again(agent)
        assert agent.quiet().done and agent.status()["bytes_read"] == 0


def test_ecosystems() -> None:
    verdict, table = ecosystems.measure(questions=100, rounds=1, big=SMALL, rows=10)
    assert verdict.value > 0 and table.unit == "s"


def test_the_big_catalogue_has_as_many_rows_as_the_bench_says(capsys: pytest.CaptureFixture[str]) -> None:
    ecosystems.print_table(ecosystems.BIG)
    assert capsys.readouterr().out.count("\n") == ecosystems.ROWS


def test_identify() -> None:
    assert len(values(identify.measure(headers=20, rounds=2, hostile_files=3))) == 3


def test_claims() -> None:
    kinds = tuple((*kind[:3], 4) for kind in KINDS)
    assert len(values(claims.measure(many=400, few=200, servers=4, rounds=1, in_round=4, kinds=kinds))) == 2


def test_sync() -> None:
    found = values(sync.measure(models=50, few_models=10, first_syncs=1, heartbeats=2))
    assert found["requests of a heartbeat"] == 1
    assert 200 < found["a heartbeat, the longer way, with headers"] < 4096
    assert 200 < found["one changed file of 50, sent with headers"] < 4096


def test_the_bare_insert_leaves_the_rows_that_the_hub_wrote(tmp_path: Path) -> None:
    credentials = make_key(tmp_path / "hub")
    with sync.published("many", tmp_path, 50) as many, hub_process(tmp_path / "hub") as hub:
        syncer = many.syncer(hub.address, credentials)
        sync.settle(syncer)
        syncer.client.close()
    sync.bare_insert_seconds(tmp_path / "hub", tmp_path / "bare")
    contents = []
    for name in ("hub", "bare"):
        connection = sqlite3.connect(tmp_path / name / "hub.sqlite")
        contents.append([connection.execute(f"SELECT * FROM {t.name}").fetchall() for t in metadata.sorted_tables])  # noqa: S608
        connection.close()
    assert contents[0] == contents[1] and sum(map(len, contents[0])) > 100


def test_the_relay_counts_every_byte_of_a_request_and_its_answer(tmp_path: Path) -> None:
    with hub_process(tmp_path / "hub") as hub, Relay(hub.address) as relay:
        with requests.Session() as session:
            answer = session.get(f"{relay.address}/healthz", headers={"X-Long": "x" * 5000}, timeout=30)
            assert answer.json()["success"]
            assert 5000 < relay.sent_bytes < 6000
            assert len(answer.content) < relay.received_bytes < 1000 and relay.answers == 1
        with HubClient(relay.address) as client:
            relay.reset()
            assert json.dumps(client.healthz())
            assert relay.answers == 1
