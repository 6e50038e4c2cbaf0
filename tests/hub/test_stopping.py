"""A hub that is told to stop: it finishes what it answers, tells load balancers, and ends in order."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import requests
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.hub.samples import entry

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no signal that one process can send another to end in order"
)


class Serving:
    """A ``hub serve`` that runs, and a key for it."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path, headers: dict[str, str]) -> None:
        assert process.stdout is not None
        self.process = process
        self._errors = errors
        self.headers = headers
        self.address = process.stdout.readline().split()[-1]

    def said(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    def ended_in_order(self) -> None:
        self.process.wait(60)
        assert self.process.returncode == 0, self.said()
        assert "Traceback" not in self.said() and "INFO quartermaster.hub.running: stopped" in self.said()


@contextmanager
def serving(settings: HubSettings, tmp_path: Path, *arguments: str, **environment: str) -> Iterator[Serving]:
    hub = Hub(settings)
    key = hub.keys.create("test", "admin")
    hub.close()
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(settings.data_dir)]
    variables = {**os.environ, "QUARTERMASTER_DATABASE_URL": settings.database_url or "", **environment}
    errors = tmp_path / "errors.txt"
    with errors.open("w") as file:
        process = subprocess.Popen(
            [*command, *arguments], env=variables, stdout=subprocess.PIPE, stderr=file, text=True
        )
    try:
        yield Serving(process, errors, {"X-API-Key": key.key, "X-API-Secret": key.secret})
    finally:
        process.kill()
        process.communicate()


@contextmanager
def request_under_way(hub: Serving) -> Iterator[tuple[socket.socket, IO[bytes], bytes]]:
    """Send the first half of a sync's body; yields the connection, what is read from it, and the other half."""
    body = json.dumps({"models": [entry(str(number)) for number in range(50)]}).encode()
    host, port = hub.address.removeprefix("http://").split(":")
    head = [
        "POST /api/v1/servers/attic/models/sync HTTP/1.1", "Host: x", f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in hub.headers.items()), "", "",
    ]  # fmt: skip
    with socket.create_connection((host, int(port)), timeout=60) as connection, connection.makefile("rb") as answer:
        connection.sendall("\r\n".join(head).encode() + body[:1000])
        eventually(lambda: in_flight(hub) == 2, "a request under way beside the one that asks")
        yield connection, answer, body[1000:]


def in_flight(hub: Serving) -> float:
    text = requests.get(f"{hub.address}/metrics", headers=hub.headers, timeout=30).text
    (line,) = [line for line in text.splitlines() if line.startswith("quartermaster_http_requests_in_flight ")]
    return float(line.split()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered_before_the_end(
    settings: HubSettings, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(settings, tmp_path) as hub:
        with request_under_way(hub) as (connection, answer, rest):
            hub.process.send_signal(number)
            eventually(lambda: "stopping" in hub.said(), "the hub has heard it")
            connection.sendall(rest)
            assert answer.readline().startswith(b"HTTP/1.1 200 ")
        hub.ended_in_order()
    again = Hub(settings)
    assert again.servers.listed()[0]["count"] == 50
    again.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_twice_it_gives_up_what_is_under_way_and_ends_in_order(
    settings: HubSettings, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(settings, tmp_path) as hub:
        with request_under_way(hub) as (_connection, answer, _rest):
            hub.process.send_signal(number)
            eventually(lambda: "stopping" in hub.said(), "the hub has heard it")
            hub.process.send_signal(number)
            assert answer.readline().startswith(b"HTTP/1.1 503 ")
        hub.ended_in_order()


def test_ctrl_c_over_and_over_shows_no_traceback(tmp_path: Path) -> None:
    with serving(HubSettings(tmp_path / "hub"), tmp_path) as hub:
        for _ in range(5):
            hub.process.send_signal(signal.SIGINT)
        hub.ended_in_order()


def test_while_it_drains_it_answers_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    with serving(HubSettings(tmp_path / "hub"), tmp_path, QUARTERMASTER_DRAIN_SECONDS="600") as hub:
        assert requests.get(f"{hub.address}/readyz", timeout=30).status_code == 200
        hub.process.send_signal(signal.SIGTERM)
        eventually(lambda: requests.get(f"{hub.address}/readyz", timeout=30).status_code == 503, "not ready")
        assert requests.get(f"{hub.address}/api/v1/servers", headers=hub.headers, timeout=30).status_code == 200
        hub.process.send_signal(signal.SIGTERM)  # who cannot wait says so
        hub.ended_in_order()


@pytest.mark.parametrize("how", ["flag", "setting"])
def test_the_log_is_json_where_that_is_asked_for(tmp_path: Path, how: str) -> None:
    flag = ["--log-format", "json"] if how == "flag" else []
    setting = {"QUARTERMASTER_LOG_FORMAT": "json" if how == "setting" else "text"}
    with serving(HubSettings(tmp_path / "hub"), tmp_path, *flag, **setting) as hub:
        requests.get(f"{hub.address}/api/v1/servers", headers=hub.headers, timeout=30)
        hub.process.send_signal(signal.SIGTERM)
        assert hub.process.wait(60) == 0
        # The link for the first login goes to the terminal beside the log, never into it.
        lines = [json.loads(line) for line in hub.said().splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"] != "request"] == ["listening", "stopping", "stopped"]
    (access,) = [line for line in lines if line["event"] == "request"]
    assert (access["status"], access["key"]) == (200, hub.headers["X-API-Key"])
    assert hub.headers["X-API-Secret"] not in hub.said()
