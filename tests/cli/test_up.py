import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from quartermaster.cli.up import is_taken
from quartermaster.extension.lock import is_held
from quartermaster.extension.status_file import lock_path
from quartermaster.hub.errors import PortUnusableError
from quartermaster.hub.running import listening_socket
from quartermaster.hub_client import DEFAULT_HUB_PORT
from quartermaster.tests.cli.processes import COMMAND, PATIENCE_SECONDS, Home, Running
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another")


@contextmanager
def up(home: Home, *arguments: str) -> Iterator[Running]:
    with home.started("up", "--port", "0", "--server", "attic", *arguments) as running:
        yield running


@posix
def test_without_models_a_sample_library_is_made_shown_and_asked_about(home: Home) -> None:
    with up(home) as running:
        lines = []
        assert running.process.stdout is not None
        for line in running.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Watching"):
                break
        ended = running.stop()
    text = "\n".join(lines)
    assert lines[0].startswith("Hub      http://127.0.0.1:")
    assert lines[1] == f"Server   attic, with the models of {home.data / 'sample-models'}"
    assert "Inventory: 8 models, 2.5 MB" in lines
    assert "  sample-negative  available  attic: embeddings/sample-negative.safetensors" in text
    assert "quartermaster" in text.partition("Ask for yourself: ")[2]
    assert (ended.code, ended.out) == (0, "")
    assert "hashing: 8 of 8 files" in ended.err and "MB/s" in ended.err and ended.err.endswith("stopped\n")
    assert "Traceback" not in ended.err


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_json_is_a_line_per_event_and_a_signal_leaves_nothing_behind(
    home: Home, tmp_path: Path, number: signal.Signals
) -> None:
    write_model(tmp_path / "m/models/Lora/größe.safetensors")
    with up(home, "--json", "--models", str(tmp_path / "m")) as running:
        hub = running.event("hub")
        model = running.event("model")
        answer = running.event("availability")
        running.event("ready")
        assert requests.get(f"{hub['address']}/readyz", timeout=30).status_code == 200
        assert requests.get(hub["login"], timeout=30).text.count("<form") == 1
        ended = running.stop(number)
    assert (model["path"], model["hash_state"]) == ("models/Lora/größe.safetensors", "verified")
    assert (answer["status"], answer["hash"]) == ("available", model["sha256"][:10])
    assert (ended.code, ended.out) == (0, "")
    assert not is_held(lock_path(home.data, "attic"))
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{hub['address']}/readyz", timeout=30)
    if os.name == "posix":
        for path in [home.data, *home.data.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or "sample-models" in str(path), path


@posix
def test_while_it_runs_the_other_commands_need_no_options(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    with up(home, "--json", "--models", str(tmp_path / "m")) as running:
        hub = running.event("hub")
        sha256 = running.event("model")["sha256"]
        running.event("ready")
        ended = home.run("availability", "--json", sha256)
        assert ended.code == 0, ended.err
        assert [server["server_id"] for server in ended.lines()[0]["servers"]] == ["attic"]
        eventually(lambda: home.run("status").code == 0, "a status that is in sync")
        assert [list(line) for line in home.run("status", "--json").lines()] == [["agent"], ["server"]]
        # the hub's own data folder is where `hub key` looks, too
        made = home.run("hub", "key", "create", "--name", "a script", "--scope", "client", "--json").lines()[0]
        headers = {"X-API-Key": made["key"], "X-API-Secret": made["secret"]}
        assert requests.get(f"{hub['address']}/api/v1/servers", headers=headers, timeout=30).status_code == 200
        # whoever names a hub or a key says all
        assert home.run("availability", sha256, "--hub", hub["address"]).code == 2
        running.stop()
    assert home.run("availability", sha256).code == 3


@posix
def test_the_key_is_kept_and_made_anew_when_it_was_revoked_or_is_damaged(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    path = home.data / "keys" / "attic.json"
    keys = []
    for turn in range(4):
        with up(home, "--json", "--models", str(tmp_path / "m")) as running:
            assert running.event("hub")["key_file"] == str(path)
            running.event("ready")
            assert running.stop().code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        keys.append(json.loads(path.read_text(encoding="utf-8"))["key"])
        if turn == 1:
            assert home.run("hub", "key", "revoke", keys[-1]).code == 0
        if turn == 2:
            path.write_text("{", encoding="utf-8")
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@posix
def test_a_second_one_is_told_to_take_another_server(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    models = ("--models", str(tmp_path / "m"))
    with up(home, "--json", *models) as running:
        running.event("ready")
        ended = home.run("up", "--server", "attic", *models)
        assert (ended.code, ended.out) == (2, "")
        assert "runs already on this machine" in ended.err and "another --server" in ended.err
        with home.started("up", "--json", "--port", "0", "--server", "cellar", *models) as second:
            second.event("ready")
            assert second.stop().code == 0
        assert running.stop().code == 0


def test_a_port_in_use_is_said_with_what_to_do(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = home.run("up", "--port", str(port))
    assert (ended.code, ended.out) == (2, "")
    assert f"127.0.0.1:{port}" in ended.err and "--port" in ended.err


@posix
def test_where_the_usual_port_is_taken_a_free_one_is(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    try:
        taken: socket.socket | None = socket.create_server(("127.0.0.1", DEFAULT_HUB_PORT))
    except OSError:
        taken = None  # somebody else has it, which is as good
    try:
        with home.started("up", "--json", "--server", "attic", "--models", str(tmp_path / "m")) as running:
            address = running.event("hub")["address"]
            assert running.stop().code == 0
        assert not address.endswith(f":{DEFAULT_HUB_PORT}")
        assert f"Port {DEFAULT_HUB_PORT} is taken; using a free one." in running.err()
    finally:
        if taken is not None:
            taken.close()


def test_only_a_taken_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(PortUnusableError) as caught:
        listening_socket("127.0.0.1", listener.getsockname()[1])
    assert is_taken(caught.value)
    with pytest.raises(PortUnusableError) as caught:
        listening_socket("203.0.113.1", 0)  # an address for documentation, which is nobody's
    assert not is_taken(caught.value)
    assert not is_taken(PortUnusableError("no cause"))
    assert errno.EADDRINUSE != errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "{missing}"], "missing' cannot be listed: "),
        (["--models", "{file}"], "file' cannot be listed: "),
        (["--models", ""], "names no folder"),
        (["--port", "70000"], "0 to 65535"),
        (["--port", "-1"], "0 to 65535"),
        (["--port", "http"], "0 to 65535"),
        (["--data", "{file}"], "cannot be used"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["--server", "a/b"], "cannot be the id of a server"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_runs(
    home: Home, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    places = {"missing": tmp_path / "missing", "file": tmp_path / "file"}
    ended = home.run("up", *(argument.format(**places) for argument in arguments))
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err and "stopped" not in ended.err


@posix
def test_an_empty_folder_is_watched(home: Home, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with up(home, "--json", "--models", str(tmp_path / "m")) as running:
        running.event("ready")
        write_model(tmp_path / "m/a.safetensors")
        eventually(lambda: "agent attic: running, 1 models" in home.run("status").out, "the model")
        assert running.stop().code == 0


@posix
def test_ctrl_c_of_a_terminal_which_reaches_the_whole_group_stops_it_in_order(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors", bytes(8 << 20))
    command = [*COMMAND, "up", "--port", "0", "--server", "attic", "--models", str(tmp_path / "m")]
    with (home.folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            [*command, "--hash-mib-per-second", "0.1"], env=home.environment(), stdout=subprocess.PIPE, stderr=errors,
            text=True, start_new_session=True,
        )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Hub")
        os.killpg(process.pid, signal.SIGINT)  # in the middle of a read that would take 80 s
        assert process.wait(PATIENCE_SECONDS) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert "Traceback" not in (home.folder / "errors").read_text(encoding="utf-8")
    assert sys.executable == command[0]
