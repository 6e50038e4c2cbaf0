import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from quartermaster._version import VERSION
from quartermaster.cli import main as main_module
from quartermaster.cli.main import COMMANDS, build_parser, main
from quartermaster.extension.lock import is_held
from quartermaster.extension.status_file import lock_path
from quartermaster.tests.cli.processes import COMMAND, PATIENCE_SECONDS, Home
from quartermaster.tests.fakes.model_files import write_model


def test_every_command_is_listed_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    listed = capsys.readouterr().out
    for command in COMMANDS:
        assert f"    {command}" in listed
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: quartermaster {command} ")


def test_every_option_of_every_command_has_a_line_of_help() -> None:
    bare = []
    todo = [("quartermaster", build_parser("*"))]
    while todo:
        name, parser = todo.pop()
        for action in parser._actions:
            if hasattr(action.choices, "items"):
                todo += [(f"{name} {sub}", each) for sub, each in action.choices.items()]
            elif not action.help:
                bare.append(f"{name} {action.dest}")
    assert not [entry for entry in bare if not entry.startswith("quartermaster ecosystems")]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["scan"], ["hash"], ["scan", "a", "b"]])
def test_wrong_use_is_2_and_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: quartermaster" in shown.err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"quartermaster {VERSION}\n")


@pytest.mark.parametrize("place", ["before", "behind"])
def test_verbose_may_stand_before_the_command_or_behind_it(home: Home, tmp_path: Path, place: str) -> None:
    (tmp_path / "m").mkdir()
    agent = ["agent", "--once", "--hub", "http://127.0.0.1:9", "--server", "s", "--models", str(tmp_path / "m")]
    ended = home.run(*(["-vv", *agent] if place == "before" else [*agent, "-vv"]))
    assert ended.code == 3
    assert " DEBUG " in ended.err
    assert home.run("hub", "key", "list", "-v").code == 0


def test_a_package_that_is_missing_is_named_with_what_brings_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str, package: str | None = None) -> None:
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")

    monkeypatch.setattr(main_module.importlib, "import_module", missing)
    assert main(["hub", "key", "list"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "'uvicorn'" in shown.err, "pip install '.[hub]'" in shown.err) == ("", True, True)


def test_commands_that_look_at_files_need_nothing_of_the_hub(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    block = "import sys; sys.modules.update(dict.fromkeys(['fastapi', 'sqlalchemy', 'uvicorn', 'alembic']))\n"
    code = block + "from quartermaster.cli.main import main; sys.exit(main(sys.argv[1:]))"
    for arguments in (["scan", str(tmp_path / "m")], ["hash", str(tmp_path / "m/a.safetensors")], ["status"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=home.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == (1 if arguments == ["status"] else 0), ended.stderr
        assert "not installed" not in ended.stderr


def many_models(folder: Path) -> Path:
    for number in range(2000):
        write_model(folder / f"models/Lora/a-model-whose-name-fills-the-pipe-{number:04}.safetensors")
    return folder


@pytest.mark.skipif(os.name == "nt", reason="no POSIX pipes")
@pytest.mark.parametrize("merged", [False, True])
def test_a_reader_that_goes_away_ends_the_command_in_silence(home: Home, tmp_path: Path, merged: bool) -> None:
    command = [*COMMAND, "scan", str(many_models(tmp_path / "m"))]
    with subprocess.Popen(
        command, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merged else subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read() if process.stderr else b""
        assert process.wait() == 0
    assert errors == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process can send another")
def test_ctrl_c_ends_a_command_that_is_not_done_with_130(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    code = (
        "import sys; from quartermaster.cli import hash_files; from quartermaster.cli.main import main\n"
        "hash_files.hash_file = lambda *a, **k: (print('reading', flush=True), open(sys.argv[1]).read())\n"
        "sys.exit(main(['hash', 'x']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "gate")],
        env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == b""


def test_the_agent_that_answers_a_reader_who_left_stops_in_order(home: Home, tmp_path: Path) -> None:
    write_model(tmp_path / "m/a.safetensors")
    command = [*COMMAND, "up", "--port", "0", "--server", "s", "--models", str(tmp_path / "m")]
    with (
        (tmp_path / "errors").open("wb") as errors,
        subprocess.Popen(command, env=home.environment(), stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Hub ")
        process.stdout.close()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert b"Traceback" not in (tmp_path / "errors").read_bytes()
    assert not is_held(lock_path(home.data, "s"))
