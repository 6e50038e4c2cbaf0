"""A hub that speaks TLS itself: over real sockets, with certificates of an authority of the tests' own."""

import datetime
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme
from quartermaster.cli.output import NO, UNREACHABLE
from quartermaster.hub.errors import SettingsError
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.tls import read_certificate
from quartermaster.hub.whereabouts import Whereabouts, note, whereabouts
from quartermaster.hub_client import (
    CA_VARIABLE,
    NO_RETRY,
    Credentials,
    FullList,
    HubClient,
    ModelEntry,
    SetupError,
    UnreachableError,
    pair,
)
from quartermaster.tests.hub.samples import entry


@dataclass(frozen=True)
class Files:
    """A certificate, its key, and the authority that signed it."""

    cert: str
    key: str
    authority: str

    def settings(self, folder: Path) -> HubSettings:
        return HubSettings(folder, tls_cert=self.cert, tls_key=self.key)


def issue(folder: Path, *names: str, valid_until: datetime.datetime | None = None) -> Files:
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert(*names, not_after=valid_until)
    files = [folder / name for name in ("cert.pem", "key.pem", "authority.pem")]
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(files[0], append=number > 0)
    issued.private_key_pem.write_to_path(files[1])
    files[1].chmod(0o600)
    authority.cert_pem.write_to_path(files[2])
    return Files(*map(str, files))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(tmp_path / "tls", "127.0.0.1", "hub.example")


def test_a_hub_speaks_https_and_says_so(files: Files, tmp_path: Path) -> None:
    with RunningHub(files.settings(tmp_path / "hub")) as running:
        assert running.address.startswith("https://127.0.0.1:")
        with HubClient(running.address, ca_file=files.authority) as client:
            assert client.healthz()["status"] == "ok"
        assert whereabouts(tmp_path / "hub").address == running.address
        plain = running.address.replace("https", "http")
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{plain}/healthz", timeout=30)


def test_an_agent_is_paired_and_syncs_by_the_authority_in_its_environment(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CA_VARIABLE, files.authority)
    with RunningHub(files.settings(tmp_path / "hub")) as running:
        made = pair(running.address, running.hub.pairing.make("attic").code)
        with HubClient(made.address, made.credentials) as client:
            answer = client.push_full("attic", FullList((ModelEntry.from_wire(entry("one")),)))
            assert answer.in_sync
            assert [server.server_id for server in client.servers()] == ["attic"]


def test_a_stranger_s_certificate_is_not_trusted(files: Files, tmp_path: Path) -> None:
    other = issue(tmp_path / "other", "127.0.0.1")
    with RunningHub(files.settings(tmp_path / "hub")) as running:
        for authority in (None, other.authority):
            with (
                HubClient(running.address, Credentials("k", "s"), ca_file=authority, retry=NO_RETRY) as client,
                pytest.raises(UnreachableError, match=CA_VARIABLE),
            ):
                client.servers()


def test_a_file_of_authorities_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("my dear aunt")
    for name in ("text", "missing"):
        with pytest.raises(SetupError, match=name):
            HubClient("https://127.0.0.1:1", ca_file=str(tmp_path / name))


def test_a_certificate_for_another_name_is_told_with_that_name(tmp_path: Path) -> None:
    files = issue(tmp_path / "tls", "hub.example")
    with RunningHub(files.settings(tmp_path / "hub")) as running:
        assert running.address.startswith("https://hub.example:")
        told = whereabouts(tmp_path / "hub")
        assert told.address == running.address


@pytest.mark.parametrize(
    ("host", "names", "expected"),
    [
        ("0.0.0.0", ("hub.example",), Whereabouts("https://hub.example:1", noted=True)),  # noqa: S104 (noted, not bound)
        ("0.0.0.0", ("*.example",), Whereabouts("https://box:1", noted=True)),  # noqa: S104 (likewise)
        ("10.0.0.7", ("hub.example", "10.0.0.7"), Whereabouts("https://10.0.0.7:1", noted=True)),
        ("::1", ("::1",), Whereabouts("https://[::1]:1", only_here=True, noted=True)),
    ],
)
def test_where_a_hub_with_tls_listens_is_noted_by_its_name(
    tmp_path: Path, host: str, names: tuple[str, ...], expected: Whereabouts
) -> None:
    files = issue(tmp_path / "tls", *names)
    note(tmp_path / "hub", host, 1, read_certificate(files.cert, files.key))
    assert whereabouts(tmp_path / "hub", "box") == expected


def test_a_pair_that_cannot_be_is_said_at_start(files: Files, tmp_path: Path) -> None:
    other = issue(tmp_path / "other", "127.0.0.1")
    past = issue(
        tmp_path / "past", "127.0.0.1", valid_until=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    )
    missing = str(tmp_path / "missing.pem")
    for cert, key, words in (
        (missing, files.key, "missing.pem is not there"),
        (files.cert, missing, "missing.pem is not there"),
        (files.cert, other.key, "does not belong to the certificate"),
        (files.key, files.cert, "not a certificate and its key"),
        (past.cert, past.key, "expired"),
    ):
        with pytest.raises(SettingsError, match=words):
            RunningHub(HubSettings(tmp_path / "hub", tls_cert=cert, tls_key=key)).start()


def test_one_without_the_other_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="certificate and its key"):
        HubSettings(tmp_path, tls_cert="x")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in access lists")
def test_a_key_that_others_may_read_is_warned_of(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_certificate(files.cert, files.key)
        assert caplog.text == ""
        os.chmod(files.key, 0o644)
        read_certificate(files.cert, files.key)
    assert "chmod 600" in caplog.text


@pytest.fixture
def served(files: Files, tmp_path: Path) -> Iterator[str]:
    """The address of ``quartermaster hub serve`` with TLS."""
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(tmp_path / "hub")]
    command += ["--json", "--tls-cert", files.cert, "--tls-key", files.key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()


def test_the_console_serves_and_asks_with_tls(files: Files, served: str, tmp_path: Path) -> None:
    assert served.startswith("https://127.0.0.1:")
    run = [sys.executable, "-m", "quartermaster"]
    made = subprocess.run(
        [*run, "hub", "key", "create", "--name", "n", "--scope", "admin", "--data", str(tmp_path / "hub"), "--json"],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    key = json.loads(made.stdout)
    environment = {**os.environ, "QUARTERMASTER_API_KEY": key["key"], "QUARTERMASTER_API_SECRET": key["secret"]}
    ask = [*run, "availability", "0" * 10, "--hub", served]
    codes = [
        subprocess.run([*ask, *more], env=environment, capture_output=True).returncode
        for more in (["--ca", files.authority], [])
    ]
    assert codes == [NO, UNREACHABLE]
