import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from quartermaster.hub.errors import PortUnusableError
from quartermaster.hub.placing import keyed_digests, to_signed
from quartermaster.hub.running import RunningHub
from quartermaster.hub.schema import servers
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client.digest import MODULUS
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha, together
from sqlalchemy import select


def test_a_hub_runs_in_a_thread_on_loopback_and_leaves_nothing(tmp_path: Path) -> None:
    before = threading.active_count()
    with RunningHub(HubSettings(tmp_path)) as running:
        assert running.address.startswith("http://127.0.0.1:")
        assert requests.get(f"{running.address}/readyz", timeout=30).json()["status"] == "ready"
        port = int(running.address.rpartition(":")[2])
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.address}/healthz", timeout=30)
    assert [thread for thread in threading.enumerate() if thread.name == "quartermaster-hub"] == []
    assert threading.active_count() <= before + 1
    with RunningHub(HubSettings(tmp_path), port=port) as again:
        assert again.address == running.address


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with RunningHub(HubSettings(tmp_path)) as running:
        port = int(running.address.rpartition(":")[2])
        with pytest.raises(PortUnusableError, match=str(port)):
            RunningHub(HubSettings(tmp_path), port=port).start()
        assert requests.get(f"{running.address}/healthz", timeout=30).status_code == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_said(tmp_path: Path, host: str) -> None:
    with pytest.raises(PortUnusableError, match=host):
        RunningHub(HubSettings(tmp_path), host=host).start()


def test_an_idle_connection_does_not_keep_a_hub_from_stopping(tmp_path: Path) -> None:
    with RunningHub(HubSettings(tmp_path)) as running:
        port = int(running.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(10_000).startswith(b"HTTP/1.1 200")
            running.stop()


AGENTS = 200


def test_two_hundred_agents_at_once_are_all_answered(api: Api) -> None:
    def one(number: int) -> tuple[int, int]:
        held = [entry(f"{number} {each}", content=each % 7) for each in range(10)]  # they share their models
        with requests.Session() as session:
            mine = Api(api.address, session, api.headers, api.hub, api.clock)
            codes = []
            for body in ({"models": held}, {"digest": digest_of(held), "count": 10}):
                answer = mine.sync({**body, "agent_id": str(number)}, f"server {number}")
                codes.append(answer.status_code)
        return codes[0], codes[1]

    answers = together(AGENTS, one)
    assert set(answers) == {(200, 200)}
    listed = api.get("/api/v1/servers").json()
    assert (len(listed), {server["count"] for server in listed}) == (AGENTS, {10})
    assert len(api.availability(sha(0))["servers"]) == AGENTS


def test_two_syncs_of_one_server_follow_each_other(api: Api) -> None:
    inventories = [[entry(f"{number} {each}") for each in range(20)] for number in range(8)]
    answers = together(8, lambda number: api.hub and requests.post(
        f"{api.address}/api/v1/servers/attic/models/sync", json={"models": inventories[number]}, headers=api.headers,
        timeout=60,
    ))  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    (server,) = api.get("/api/v1/servers").json()
    assert server["digest"] in {digest_of(held) for held in inventories} and server["count"] == 20


KILLS = 6


def test_a_hub_that_is_killed_at_any_moment_is_at_a_state_that_was_sent(tmp_path: Path) -> None:
    settings = HubSettings(tmp_path)
    hub = Hub(settings)
    made = hub.keys.create("test", "admin")
    hub.close()
    headers = {"X-API-Key": made.key, "X-API-Secret": made.secret}
    inventories = [[entry(f"{number} {each}", content=each) for each in range(400)] for number in range(4)]
    states = {digest_of(held): len(held) for held in inventories} | {"0" * 16: 0}
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(tmp_path)]
    for kill in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            answered = threading.Event()

            def push(address: str = address, answered: threading.Event = answered) -> None:
                try:
                    for held in inventories * 50:
                        requests.post(
                            f"{address}/api/v1/servers/attic/models/sync",
                            json={"models": held},
                            headers=headers,
                            timeout=60,
                        ).raise_for_status()
                        answered.set()
                except requests.RequestException:
                    answered.set()  # it was killed: what is tested here

            agent = threading.Thread(target=push)
            agent.start()
            assert answered.wait(60)
            threading.Event().wait(kill * 0.03)  # another moment of the traffic each time
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            agent.join()
        assert_consistent(settings, states)


def assert_consistent(settings: HubSettings, states: dict[str, int]) -> None:
    hub = Hub(settings)
    try:
        with hub.database.read() as connection:
            server: Any = connection.execute(select(servers)).one()
            rows = keyed_digests(connection, "attic")
    finally:
        hub.close()
    total = sum(digest for _, digest in rows) % MODULUS
    assert (server.digest, server.entry_count) == (to_signed(total), len(rows))
    assert states[f"{total:016x}"] == len(rows)
