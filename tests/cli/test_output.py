import logging
import os
import shlex
import sys
from pathlib import Path

import pytest
from quartermaster.cli.output import LogFormatter, command_line, emit, printable, say, tell


def test_a_hostile_name_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"


def test_a_line_stays_a_line() -> None:
    assert printable("a\nb\r\u2028c\td") == "a\\nb\\r\\u2028c\td"


def test_bytes_that_are_no_text_are_shown_as_bytes() -> None:
    assert printable("a\udcff\udc80\ud800") == "a\\xff\\x80\\ud800"


def test_plain_text_stays() -> None:
    assert printable("Größe 3 — ✓") == "Größe 3 — ✓"


def test_answers_go_to_stdout_and_words_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"path": "größe\udcff\n"})
    tell("told\n")
    say("said\x07")
    shown = capsys.readouterr()
    assert shown.out == '{"path": "gr\\u00f6\\u00dfe\\udcff\\n"}\ntold\\n\n'
    assert shown.err == "said\\x07\n"


def test_a_log_line_stays_a_line_and_a_traceback_keeps_its_own() -> None:
    record = logging.makeLogRecord({"msg": "%s is not published", "args": ("a\nb\x1b",), "levelname": "WARNING"})
    formatter = LogFormatter("%(levelname)s: %(message)s")
    assert formatter.format(record) == "WARNING: a\\nb\\x1b is not published"
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.makeLogRecord({"msg": "it failed", "exc_info": sys.exc_info()})
    assert LogFormatter().format(record).splitlines()[0] == "it failed"
    assert LogFormatter().format(record).splitlines()[-1] == "ValueError: why"


@pytest.mark.skipif(os.name == "nt", reason="quotes as a POSIX shell reads them")
def test_a_command_to_type_is_this_program_and_survives_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "it's here" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    odd = "/it's a tëst/key.json"
    assert shlex.split(command_line("status", odd)) == [str(python), "-m", "quartermaster", "status", odd]
    script = python.with_name("quartermaster")
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    assert shlex.split(command_line("status")) == [str(script), "status"]
    monkeypatch.setenv("PATH", str(script.parent))
    assert command_line("status") == "quartermaster status"
