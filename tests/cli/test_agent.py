import os
import signal
import socket
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from quartermaster.cli.main import main
from quartermaster.extension.lock import is_held
from quartermaster.extension.status_file import lock_path
from quartermaster.hub_client import Credentials, Heartbeat, HubClient, Sender
from quartermaster.hub_client.digest import EMPTY_DIGEST
from quartermaster.tests.cli.conftest import Desk
from quartermaster.tests.cli.processes import Home
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.hub_client.conftest import WireServer, wire  # noqa: F401 (a fixture)

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another")


def once(desk: Desk, server: str, models: Path, *more: str) -> tuple[str, ...]:
    return ("agent", "--once", "--json", "--hub", desk.hub.address, "--server", server, "--models", str(models), *more)


def test_once_the_hub_knows_all_models_and_the_server_stays_present(desk: Desk, tmp_path: Path) -> None:
    content = write_model(tmp_path / "m/models/Lora/größe.safetensors")
    desk.home.more = desk.key("agent", "attic")
    ended = desk.home.run(*once(desk, "attic", tmp_path / "m"))
    assert ended.code == 0, ended.err
    (status,) = ended.lines()
    assert (status["server_id"], status["models"], status["in_sync"]) == ("attic", 1, True)
    assert "knows all 1 models" in ended.err
    with desk.client() as client:
        answer = client.availability(sha256(content).hexdigest())
        assert [(s.server_id, s.path) for s in answer.servers] == [("attic", "models/Lora/größe.safetensors")]
        (server,) = [server.wire for server in client.servers() if server.server_id == "attic"]
        assert server["state"] == "present"


def test_once_frees_the_server_for_another_machine(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    desk.home.more = desk.key("agent", "moving")
    assert desk.home.run(*once(desk, "moving", tmp_path / "m")).code == 0
    assert desk.home.run(*once(desk, "moving", tmp_path / "m", "--data", str(tmp_path / "elsewhere"))).code == 0


def test_once_waits_for_a_file_that_settles_and_says_what_it_leaves_out(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/fresh.safetensors", b"just written", settled=False)
    whole = write_model(tmp_path / "m/short.safetensors", b"cut off")
    (tmp_path / "m/short.safetensors").write_bytes(whole[:-1])
    os.utime(tmp_path / "m/short.safetensors", (1, 1))
    write_model(tmp_path / "m/loading.safetensors")
    (tmp_path / "m/loading.safetensors.aria2").write_bytes(b"aria2 never came back")
    desk.home.more = desk.key("agent", "settling")
    ended = desk.home.run(*once(desk, "settling", tmp_path / "m"))
    assert ended.code == 0, ended.err
    (status,) = ended.lines()
    assert (status["models"], status["problems"]) == (1, 2)
    assert "short.safetensors: has" in ended.err and "loading.safetensors: a download" in ended.err
    with desk.client() as client:
        assert [model["size"] for model in client.models({"server": "settling"})] == [
            (tmp_path / "m/fresh.safetensors").stat().st_size
        ]


def test_once_says_no_where_a_folder_is_away_and_keeps_its_models(desk: Desk, tmp_path: Path) -> None:
    for name in ("here", "nas"):
        write_model(tmp_path / name / "a.safetensors", name.encode())
    desk.home.more = desk.key("agent", "away")
    arguments = ("agent", "--once", "--json", "--hub", desk.hub.address, "--server", "away")
    roots = ("--root", f"LORA={tmp_path / 'here'}", "--root", f"LORA={tmp_path / 'nas'}")
    assert desk.home.run(*arguments, *roots).code == 0
    (tmp_path / "nas").rename(tmp_path / "unplugged")
    ended = desk.home.run(*arguments, *roots)
    assert ended.code == 1
    (status,) = ended.lines()
    assert (status["models"], status["in_sync"]) == (2, True)
    assert f"the folder {tmp_path / 'nas'} cannot be looked at" in ended.err
    with desk.client() as client:
        hashes = [str(model["sha256"]) for model in client.models({"server": "away"})]
        servers = [server for answer in client.availabilities(hashes) for server in answer.servers]
    states = {server.path: server.state for server in servers}
    assert states == {"here/a.safetensors": "present", "nas/a.safetensors": "stale"}


def test_a_key_that_is_wrong_missing_or_another_servers_is_wrong_use(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    wrong = {"QUARTERMASTER_API_KEY": "qm_nobody", "QUARTERMASTER_API_SECRET": "hunter2hunter2"}
    for key in (wrong, {}, desk.key("agent", "another"), desk.key("client")):
        desk.home.more = key
        ended = desk.home.run(*once(desk, "locked", tmp_path / "m"))
        assert ended.code == 2, ended.err
        (status,) = ended.lines()
        assert status["in_sync"] is False and status["error"]
        assert "hunter2" not in ended.out + ended.err


def test_a_key_file_is_read_and_one_that_others_may_read_is_not(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    made = desk.hub.hub.keys.create("a file", "agent", "filed")
    file = desk.home.folder / "key.json"
    file.write_text(f'{{"key": "{made.key}", "secret": "{made.secret}"}}', encoding="utf-8")
    file.chmod(0o600)
    assert desk.home.run(*once(desk, "filed", tmp_path / "m", "--key-file=~/key.json")).code == 0
    if os.name == "posix":
        file.chmod(0o640)
        ended = desk.home.run(*once(desk, "filed", tmp_path / "m", "--key-file", str(file)))
        assert ended.code == 2 and "chmod 600" in ended.err


def test_a_server_that_another_live_agent_holds_is_a_no(desk: Desk, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    desk.home.more = key = desk.key("agent", "held")
    credentials = Credentials(*key.values())
    with HubClient(desk.hub.address, credentials) as other:
        other.heartbeat("held", Heartbeat(EMPTY_DIGEST, 0), Sender("another agent"))
    ended = desk.home.run(*once(desk, "held", tmp_path / "m"))
    assert ended.code == 1, ended.err
    assert "held" in ended.err


def unused_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_hub_that_is_down_is_3_and_said_once(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    ended = home.run("agent", "--once", "--hub", unused_address(), "--server", "s", "--models", str(tmp_path / "m"))
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.count("does not have this inventory") == 1
    assert "nothing listens at" in ended.err


def test_what_is_no_hub_is_3(home: Home, tmp_path: Path, wire: WireServer) -> None:  # noqa: F811 (the fixture)
    write_model(tmp_path / "m/a.safetensors")
    address = wire.answer(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>a router</html>"
    )
    ended = home.run("agent", "--once", "--hub", address, "--server", "s", "--models", str(tmp_path / "m"))
    assert ended.code == 3 and "not a hub's JSON" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--models", "{missing}"],
        ["--models", ""],
        ["--root", "{models}"],
        ["--root", "NOKIND={models}"],
        ["--models", "{models}", "--server", "a/b"],
        ["--models", "{models}", "--server", ""],
        ["--models", "{models}", "--server", ".."],
        ["--models", "{models}", "--workers", "0"],
        ["--models", "{models}", "--hash-mib-per-second", "0"],
        ["--models", "{models}", "--hash-mib-per-second", "inf"],
        ["--models", "{models}", "--hash-mib-per-second", "fast"],
        ["--models", "{models}", "--hub", "ftp://attic"],
        ["--models", "{models}", "--hub", "http://me:secret@attic:7807"],
        ["--models", "{models}", "--key-file", "{missing}"],
        ["--models", "{models}", "--data", "{file}"],
        ["--models", "{models}", "--data", "{broken}"],
    ],
)
def test_wrong_use_is_2_and_said_without_a_hub(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERMASTER_HOME", str(tmp_path / "home"))
    write_model(tmp_path / "models/a.safetensors")
    places = {"missing": tmp_path / "missing", "models": tmp_path / "models", "file": tmp_path / "file"}
    places["file"].write_text("no folder", encoding="utf-8")
    places["broken"] = tmp_path / "broken"
    (places["broken"] / "index.sqlite").mkdir(parents=True)
    try:
        code = main(["agent", "--once", *(argument.format(**places) for argument in arguments)])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else -1
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert "quartermaster" in shown.err and "secret" not in shown.err


def test_half_a_key_in_the_environment_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERMASTER_API_KEY", "qm_half")
    monkeypatch.delenv("QUARTERMASTER_API_SECRET", raising=False)
    assert main(["agent", "--models", str(tmp_path)]) == 2
    assert "QUARTERMASTER_API_SECRET" in capsys.readouterr().err


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_agent_in_order(desk: Desk, tmp_path: Path, number: signal.Signals) -> None:
    server = f"signal-{number}"
    write_model(tmp_path / "m/a.safetensors")
    desk.home.more = desk.key("agent", server)
    arguments = ("agent", "--json", "--hub", desk.hub.address, "--server", server, "--models", str(tmp_path / "m"))
    lock = lock_path(desk.home.data, server)
    with desk.home.started(*arguments) as running:
        eventually(lambda: "models published" in running.err(), "the inventory")
        assert is_held(lock)
        second = desk.home.run(*arguments)
        assert second.code == 2 and second.out == ""
        assert f"an agent of the server '{server}' runs already on this machine" in second.err
        ended = running.stop(number)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    (status,) = ended.lines()
    assert status["models"] == 1
    assert not is_held(lock)
    with sqlite3.connect(desk.home.data / "index.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@posix
def test_a_signal_ends_an_agent_whose_hub_is_down(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    with home.started("agent", "--hub", unused_address(), "--server", "s", "--models", str(tmp_path / "m")) as running:
        eventually(lambda: "nothing listens at" in running.err(), "the complaint")
        assert running.stop(signal.SIGTERM).code == 0


@posix
def test_a_signal_ends_a_slow_read_at_once_and_that_is_not_done(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors", bytes(4 << 20))
    arguments = ("--once", "--server", "s", "--models", str(tmp_path / "m"), "--hash-mib-per-second", "0.05")
    with home.started("agent", "--hub", unused_address(), *arguments) as running:
        eventually(lambda: (home.data / "agents/s.json").exists(), "the status file")
        ended = running.stop()
    assert (ended.code, ended.out) == (130, "")
    assert not is_held(lock_path(home.data, "s"))


def test_how_each_folder_is_watched_is_explained_without_a_hub(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/models/Lora/a.safetensors")
    (tmp_path / "m/models/VAE").mkdir()
    ended = home.run("agent", "--explain-watch", "--json", "--models", str(tmp_path / "m"))
    assert ended.code == 0
    paths = {line["path"] for line in ended.lines() if line["method"] in {"native", "polling"} and line["reason"]}
    assert {str(tmp_path / "m/models/Lora"), str(tmp_path / "m/models/VAE")} <= paths
    assert not home.data.exists()
