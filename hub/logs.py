"""What a hub's log looks like: a line per record, as text for a person or as JSON for a program.

Everything logs with the standard library; ``fields`` in a record's ``extra`` are its facts. Every line that is written
while a request is answered has that request's id.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

TEXT = "text"
JSON = "json"
FORMATS = (TEXT, JSON)
FIELDS = "fields"

_Event = MutableMapping[str, Any]


def configure_logging(log_format: str, level: int, stream: TextIO | None = None) -> None:
    """Send this process's log to a stream (stderr) in one of ``FORMATS``, from this level on."""
    handler = logging.StreamHandler(stream) if stream else _Stderr()
    handler.setFormatter(formatter(log_format))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "alembic"):  # which say in more lines what we say in our own words
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr at the time, which whoever embeds a hub may exchange."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # logging's own last resort does the same
        return sys.stderr


def formatter(log_format: str) -> logging.Formatter:
    """Return what makes a line of a record."""
    stdlib = structlog.stdlib
    known: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        stdlib.add_log_level,
        stdlib.add_logger_name,
        stdlib.ExtraAdder(allow=[FIELDS]),
        _unfold,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    remove_meta = stdlib.ProcessorFormatter.remove_processors_meta
    shape = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()] if log_format == JSON else [_text]
    )
    return stdlib.ProcessorFormatter(foreign_pre_chain=known, processors=[remove_meta, *shape])


def _unfold(_logger: object, _name: str, event: _Event) -> _Event:
    event.update(event.pop(FIELDS, None) or {})
    return event


def _text(logger: object, name: str, event: _Event) -> str:
    time, level, where, said = (event.pop(key) for key in ("time", "level", "logger", "event"))
    trace = structlog.processors.format_exc_info(logger, name, dict(event)).get("exception", "")
    event.pop("exc_info", None)
    facts = "".join(f" {key}={value}" for key, value in event.items() if value is not None)
    line = one_line(f"{time} {level.upper()} {where}: {said}{facts}")
    return f"{line}\n{trace}" if trace else line


def one_line(text: str) -> str:
    """Return the text as one line that drives no terminal: names of files and paths of requests stand in it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
