import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from quartermaster.cli.hub_login import first_login_link
from quartermaster.cli.main import main
from quartermaster.hub.running import RunningHub
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.whereabouts import note, whereabouts


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QUARTERMASTER_DATABASE_URL", raising=False)


def key(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["hub", "key", *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_key_is_made_in_a_data_folder_that_is_made_for_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = str(tmp_path / "deep" / "hub")
    (made,) = key(capsys, "create", "--data", data, "--name", "attic's", "--scope", "agent", "--server", "attic")
    assert set(made) == {"key", "secret", "name", "scope", "server_id"}
    with RunningHub(HubSettings(Path(data))) as running:
        headers = {"X-API-Key": made["key"], "X-API-Secret": made["secret"]}
        (server,) = requests.get(f"{running.address}/api/v1/servers", headers=headers, timeout=30).json()
        assert server["alias"] == "attic"
        # with a running hub just as well, and in force at once
        assert main(["hub", "key", "revoke", made["key"], "--data", data]) == 0
        assert requests.get(f"{running.address}/api/v1/servers", headers=headers, timeout=30).status_code == 401


def test_keys_are_listed_a_line_each_and_never_with_their_secret(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = str(tmp_path / "hub")
    (first,) = key(capsys, "create", "--data", data, "--name", "one", "--scope", "client")
    (second,) = key(capsys, "create", "--data", data, "--name", "two", "--scope", "admin")
    key(capsys, "revoke", first["key"], "--data", data)
    listed = key(capsys, "list", "--data", data)
    assert [(each["key"], each["name"], each["revoked_at"] is None) for each in listed] == [
        (first["key"], "one", False),
        (second["key"], "two", True),
    ]
    assert main(["hub", "key", "list", "--data", data]) == 0
    text = capsys.readouterr().out + json.dumps(listed)
    assert first["key"] in text
    assert first["secret"] not in text and second["secret"] not in text


def test_a_pairing_code_is_printed_with_the_address_and_works_with_the_hub_that_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "hub"
    with RunningHub(HubSettings(data)) as running:
        assert main(["hub", "pair", "--data", str(data), "--server", "attic", "--name", "its web UI", "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert set(made) == {"code", "server_id", "expires_at", "address"}
        assert (made["server_id"], made["address"]) == ("attic", running.address)
        answer = requests.post(f"{made['address']}/api/v1/pair", json={"code": made["code"]}, timeout=30)
        assert answer.json()["server_id"] == "attic"
    (info,) = key(capsys, "list", "--data", str(data))
    assert (info["name"], info["by_pairing"]) == ("its web UI", True)
    assert main(["hub", "key", "list", "--data", str(data)]) == 0
    assert "paired" in capsys.readouterr().out


def test_a_person_is_told_the_code_where_to_type_it_and_what_may_be_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["hub", "pair", "--data", str(tmp_path), "--server", "attic"]) == 0
    shown = capsys.readouterr()
    assert [line.partition(":")[0] for line in shown.out.splitlines()] == ["code", "hub", "expires"]
    assert "attic" in shown.err and "a guess" in shown.err
    note(tmp_path, "127.0.0.1", 7807)
    assert main(["hub", "pair", "--data", str(tmp_path), "--server", "attic"]) == 0
    assert "--host 0.0.0.0" in capsys.readouterr().err


def test_without_a_folder_the_users_own_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    key(capsys, "create", "--name", "one", "--scope", "client")
    assert len(key(capsys, "list")) == 1
    assert len(list(tmp_path.rglob("hub.sqlite"))) == 1


def test_a_person_is_told_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["hub", "key", "create", "--data", str(tmp_path), "--name", "n", "--scope", "client"]) == 0
    shown = capsys.readouterr()
    assert "secret:" in shown.out and "not shown again" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create", "--name", "n", "--scope", "agent"], 2),
        (["create", "--name", "n", "--scope", "client", "--server", "attic"], 2),
        (["create", "--name", "", "--scope", "client"], 2),
        (["create", "--name", "n", "--scope", "agent", "--server", "a/b"], 2),
        (["revoke", "qm_unknown"], 1),
    ],
)
def test_what_makes_no_sense_ends_with_its_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], code: int
) -> None:
    assert main(["hub", "key", *arguments, "--data", str(tmp_path / "hub")]) == code
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("quartermaster: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["hub"],
        ["hub", "key"],
        ["hub", "key", "create", "--scope", "client"],
        ["hub", "key", "create", "--name", "n", "--scope", "root"],
        ["hub", "key", "revoke"],
        ["hub", "pair"],
        ["hub", "serve", "--port", "65536"],
        ["hub", "serve", "--port", "-1"],
        ["hub", "serve", "--port", "http"],
    ],
)
def test_wrong_use_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_a_bad_setting_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUARTERMASTER_STALE_AFTER_SECONDS", "soon")
    assert main(["hub", "key", "list", "--data", str(tmp_path)]) == 2
    assert "QUARTERMASTER_STALE_AFTER_SECONDS" in capsys.readouterr().err


def test_the_database_url_is_honoured_and_its_password_never_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/qm?connect_timeout=5"
    monkeypatch.setenv("QUARTERMASTER_DATABASE_URL", url)
    for arguments in (["key", "list"], ["serve", "--port", "0"]):
        assert main(["hub", *arguments, "--data", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert "127.0.0.1:1" in error and "s3cret" not in error


def test_a_file_that_is_no_database_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "hub.sqlite").write_bytes(b"no database" * 1000)
    assert main(["hub", "serve", "--port", "0", "--data", str(tmp_path)]) == 2
    assert "hub.sqlite" in capsys.readouterr().err


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["hub", "serve", "--port", str(port), "--data", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and str(port) in shown.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another to end in order")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("as_json", [False, True])
def test_serve_says_where_it_listens_once_it_does_and_stops_in_order(
    tmp_path: Path, number: signal.Signals, as_json: bool
) -> None:
    command = [sys.executable, "-m", "quartermaster", "hub", "serve", "--port", "0", "--data", str(tmp_path / "hub")]
    process = subprocess.Popen(
        [*command, *(["--json"] if as_json else [])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = json.loads(line)["address"] if as_json else line.strip().removeprefix("listening on ")
        assert address.startswith("http://127.0.0.1:")
        assert requests.get(f"{address}/readyz", timeout=30).status_code == 200
        assert whereabouts(tmp_path / "hub").address == address
        login = json.loads(line)["login"] if as_json else None
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert rest == "" and "Traceback" not in errors
    assert process.returncode == 0, errors
    assert (login or errors).count(f"{address}/login?code=") == 1
    with sqlite3.connect(tmp_path / "hub" / "hub.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_login_link_is_printed_while_a_hub_runs_and_logs_a_browser_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "hub"
    with RunningHub(HubSettings(data)) as running:
        assert main(["hub", "login", "--data", str(data), "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert set(made) == {"login", "address", "expires_at"} and made["address"] == running.address
        assert main(["hub", "login", "--data", str(data)]) == 0
        shown = capsys.readouterr()
        assert "once" in shown.err and "this machine alone" in shown.err
        for link in (made["login"], shown.out.strip()):
            assert link.startswith(f"{running.address}/login?code=")
            with requests.Session() as browser:
                code = link.partition("code=")[2]
                entered = browser.post(f"{running.address}/login", {"code": code}, timeout=30, allow_redirects=False)
                assert entered.status_code == 303
                assert browser.get(f"{running.address}/api/v1/servers", timeout=30).status_code == 200


def test_the_first_login_link_is_printed_until_it_was_used_and_is_in_no_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("DEBUG")
    hub = Hub(HubSettings(tmp_path))
    try:
        link = first_login_link(hub, "http://hub:7807")
        assert link is not None and link.startswith("http://hub:7807/login?code=")
        assert first_login_link(hub, "http://hub:7807") not in {None, link}
        code = link.partition("code=")[2]
        hub.login.enter({"code": code}, "127.0.0.1", "a browser", None)
        assert first_login_link(hub, "http://hub:7807") is None
        assert code not in caplog.text and code not in "".join(capsys.readouterr())
    finally:
        hub.close()


def test_a_key_gets_a_new_secret_and_an_end_and_the_log_says_who_did_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = ["--data", str(tmp_path / "hub")]
    (made,) = key(capsys, "create", *data, "--name", "one", "--scope", "client", "--expires", "2099-12-31")
    (rotated,) = key(capsys, "rotate", made["key"], *data, "--grace", "5")
    assert rotated["secret"] != made["secret"] and set(rotated) == set(made)
    (listed,) = key(capsys, "list", *data)
    assert listed["expires_at"] == "2100-01-01T00:00:00.000Z" and listed["previous_until"] is not None
    with RunningHub(HubSettings(tmp_path / "hub")) as running:
        for secret in (made["secret"], rotated["secret"]):
            headers = {"X-API-Key": made["key"], "X-API-Secret": secret}
            assert requests.get(f"{running.address}/api/v1/servers", headers=headers, timeout=30).status_code == 200
    assert main(["hub", "key", "rotate", made["key"], *data]) == 0
    shown = capsys.readouterr()
    assert made["key"] in shown.out and "not shown again" in shown.err
    assert main(["hub", "key", "rotate", "qm_unknown", *data]) == 1
    capsys.readouterr()
    assert main(["hub", "audit", *data, "--json"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["action"] for each in entries] == ["key_rotated", "key_rotated", "key_created"]
    assert {each["by"]["kind"] for each in entries} == {"console"}
    assert main(["hub", "audit", *data, "--limit", "1", "--action", "key_created"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert made["key"] in line and "name: one" in line and made["secret"] not in line


@pytest.mark.parametrize(
    "arguments", [["--expires", "soon"], ["--expires", "9999-12-31"], ["--grace", "-1"], ["--grace", "99999"]]
)
def test_an_end_or_a_grace_that_makes_no_sense_is_wrong_use(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    made = ["create", "--name", "a", "--scope", "client"] if arguments[0] == "--expires" else ["rotate", "qm_0"]
    with pytest.raises(SystemExit) as ended:
        main(["hub", "key", *made, *arguments, "--data", str(tmp_path)])
    assert ended.value.code == 2 and "must be" in capsys.readouterr().err
