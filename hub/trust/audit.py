"""The audit log: what was changed, by which key, session or console. It is added to, and ages; nothing changes it."""

import getpass
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, delete, select

from ..ages import iso_time
from ..clock import Clock
from ..database import Database, Record
from ..errors import FieldError
from ..schema import audit

_DAY_SECONDS = 86_400.0
_TEXT = 500
CURSOR_DIGITS = 18


class Actor(Protocol):
    """Who changes something: a ``Caller``."""

    @property
    def key(self) -> str | None:
        """The API key, None for a session that a one-time link opened."""

    @property
    def session_id(self) -> str | None:
        """The session of the web page, None where a program sent the key."""

    @property
    def name(self) -> str:
        """What the key is called."""


def note(
    connection: Connection, actor: Actor | None, action: str, subject: str | None, details: Mapping[str, Any]
) -> None:
    """Write down a change, in the write transaction that makes it.

    Args:
        connection: The transaction.
        actor: Who changes something; None for whoever uses this process: a command, or the hub itself.
        action: What is done, such as ``key_created``.
        subject: The key, server, model, … that it is done to.
        details: What a later reader should know besides; never a secret. Long texts are cut.
    """
    who: dict[str, Any]
    if actor is None:
        who = {"by_kind": "console", "by_name": _user()}
    else:
        kind = "key" if actor.session_id is None else "session"
        who = {"by_kind": kind, "by_key": actor.key, "by_session": actor.session_id, "by_name": actor.name}
    short = {name: value[:_TEXT] if isinstance(value, str) else value for name, value in details.items()}
    row = {"at": time.time(), "action": action, "subject": subject, "details": json.dumps(short, ensure_ascii=True)}
    connection.execute(audit.insert().values(**who, **row))


def _user() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        user = "somebody"
    return f"{user}@{platform.node()}"


@dataclass(frozen=True)
class AuditQuestion:
    """What a list of changes is narrowed to; None is "any". ``cursor`` is an earlier answer's ``next_cursor``."""

    action: str | None = None
    key: str | None = None
    subject: str | None = None
    limit: int = 100
    cursor: str | None = None


class AuditLog:
    """The audit log of one hub."""

    def __init__(self, database: Database, keep_days: float, wall_clock: Clock = time.time) -> None:
        self._database = database
        self._keep_seconds = keep_days * _DAY_SECONDS
        self._clock = wall_clock

    def page(self, question: AuditQuestion) -> dict[str, Any]:
        """Return the changes, the newest first, and the cursor of the next page (null at the end).

        Raises:
            FieldError: the cursor is none.
        """
        wanted = {"action": question.action, "by_key": question.key, "subject": question.subject}
        conditions = [audit.c[name] == value for name, value in wanted.items() if value is not None]
        if question.cursor is not None:
            if not (question.cursor.isascii() and question.cursor.isdigit() and len(question.cursor) <= CURSOR_DIGITS):
                raise FieldError("cursor", "must be the next_cursor of an earlier answer")
            conditions.append(audit.c.id < int(question.cursor))
        query = select(audit).where(*conditions).order_by(audit.c.id.desc()).limit(question.limit + 1)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        shown = rows[: question.limit]
        more = len(rows) > question.limit
        return {
            "success": True,
            "entries": [_shown(row) for row in shown],
            "next_cursor": str(shown[-1].id) if more else None,
        }

    def prune(self) -> bool:
        """Forget what is older than it is to be kept; returns that nothing is left to do."""
        old = delete(audit).where(audit.c.at < self._clock() - self._keep_seconds)
        self._database.write(lambda connection: connection.execute(old))
        return False


def _shown(row: Record) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": iso_time(row.at),
        "by": {"kind": row.by_kind, "key": row.by_key, "session": row.by_session, "name": row.by_name},
        "action": row.action,
        "subject": row.subject,
        "details": json.loads(row.details),
    }
