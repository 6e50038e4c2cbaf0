import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from quartermaster.hub.logs import FIELDS, FORMATS, configure_logging, formatter, one_line
from structlog.contextvars import bound_contextvars


@pytest.fixture
def root_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.error", "alembic")}
    # A server that another test ran in this process may have set these.
    passed_on = {name: logging.getLogger(name).propagate for name in others}
    for name in others:
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    yield
    for name, before in passed_on.items():
        logging.getLogger(name).propagate = before
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)


def line(log_format: str, message: str, *arguments: object, **more: object) -> str:
    record = logging.makeLogRecord(
        {"name": "quartermaster.hub.x", "levelno": 20, "levelname": "INFO", "msg": message, "args": arguments, **more}
    )
    return formatter(log_format).format(record)


def test_text_is_a_line_with_time_level_place_and_facts() -> None:
    shown = line("text", "moved %d of %s", 3, "them", **{FIELDS: {"status": 200, "key": None}})
    assert re.fullmatch(r"20\S+T\S+Z INFO quartermaster\.hub\.x: moved 3 of them status=200", shown)


def test_json_has_the_same_as_keys() -> None:
    shown = json.loads(line("json", "moved %d", 3, **{FIELDS: {"status": 200}}))
    assert shown.pop("time").endswith("Z")
    assert shown == {"event": "moved 3", "level": "info", "logger": "quartermaster.hub.x", "status": 200}


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_hostile_name_makes_no_line_of_its_own_and_drives_no_terminal(log_format: str) -> None:
    shown = line(log_format, "saw %s", "a\n2026 INFO x: all is well\x1b[2J\u2028\udc80", **{FIELDS: {"path": "/\r\n"}})
    assert len(shown.splitlines()) == 1 and "\x1b" not in shown
    shown.encode("utf-8")


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_line_written_during_a_request_has_its_id(log_format: str) -> None:
    with bound_contextvars(request_id="abc"):
        assert "abc" in line(log_format, "hello")
    assert "abc" not in line(log_format, "hello")


def test_a_traceback_is_kept(root_restored: None) -> None:
    for log_format in FORMATS:
        stream = io.StringIO()
        configure_logging(log_format, logging.INFO, stream)
        try:
            raise ValueError("the cause")
        except ValueError:
            logging.getLogger("quartermaster.x").exception("it failed")
        assert "it failed" in stream.getvalue() and "ValueError: the cause" in stream.getvalue()
        assert log_format == "text" or json.loads(stream.getvalue())["level"] == "error"


def test_levels_are_kept_and_what_others_repeat_is_left_out(root_restored: None) -> None:
    stream = io.StringIO()
    configure_logging("text", logging.INFO, stream)
    for name in ("quartermaster.x", "uvicorn.error", "alembic.runtime.migration"):
        logging.getLogger(name).debug("small")
        logging.getLogger(name).info("middle")
        logging.getLogger(name).warning("large")
    shown = [each.split(": ")[0].split(" ")[1:] for each in stream.getvalue().splitlines()]
    assert shown == [
        ["INFO", "quartermaster.x"],
        ["WARNING", "quartermaster.x"],
        ["WARNING", "uvicorn.error"],
        ["WARNING", "alembic.runtime.migration"],
    ]


def test_one_line_leaves_what_can_be_read() -> None:
    assert one_line("größe 日本") == "größe 日本"
    assert one_line("a\tb\n") == "a\\tb\\n"
