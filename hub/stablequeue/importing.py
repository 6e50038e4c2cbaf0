"""``import-stablequeue``: brings what a StableQueue knows into this hub, whole or not at all, as often as one likes."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from .. import fields
from ..aliases import IMPORT, Aliases, read_alias
from ..availability import rows_by
from ..catalogues import Catalogues
from ..clock import Clock
from ..database import Database, Record
from ..errors import FieldError
from ..known_servers import make_known
from ..limits import Limits
from ..schema import servers
from ..search import documents
from ..server_registry import find_server, server_values
from ..statements import Statement, Statements
from ..trust.audit import note
from . import tables
from .keeping import Keeping
from .report import Report
from .rows import NO_HASH, TheirModel, read_model
from .source import JOBS_FILE, SERVERS_FILE, SourceError, find, snapshot
from .tables import ALIASES, AVAILABILITY, MODELS

PART = 1_000
"""Rows that are put into the database together."""
SERVERS_FILE_BYTES = 4 << 20
_SECRETS = ("auth", "authUser", "authPass", "username", "password")

Progress = Callable[[int, int], None]
"""Is told how many rows of models are done, of how many."""


class _TakenBackError(Exception):
    """Ends the transaction of a dry run."""


class StableQueueImport:
    """Imports for one hub."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: Limits,
        catalogues: Catalogues,
        aliases: Aliases,
        statements: Statements,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._catalogues = catalogues
        self._aliases = aliases
        self._statements = statements

    def run(self, path: Path, *, dry_run: bool = False, progress: Progress = lambda done, total: None) -> Report:
        """Import from a StableQueue's database of models, or from the folder that holds it, in one transaction.

        Raises:
            SourceError: it is not there, is no database of StableQueue's, or cannot be read.
            OverloadedError: the hub's own database was busy for too long.
        """
        models_file = find(path) if path.is_dir() else path
        if models_file is None or not models_file.exists():
            raise SourceError(f"{path} is no folder with StableQueue's mobilesd_models.sqlite, nor that file")
        listed = _read_servers(find(path, SERVERS_FILE))
        reports: list[Report] = []
        with snapshot(models_file) as source:
            tables.check(source, models_file)

            def work(connection: Connection) -> None:
                reports[:] = [Report(dry_run=dry_run, unknown_columns=tables.unknown_columns(source))]
                self._import(connection, source, listed, reports[0], progress)
                if dry_run:
                    raise _TakenBackError
                if reports[0].changed:
                    note(connection, None, "stablequeue_imported", models_file.name, reports[0].shown()["counts"])

            with suppress(_TakenBackError):
                self._database.write(work)
        (report,) = reports
        _look_at_jobs(find(path, JOBS_FILE), report)
        return report

    def _import(
        self, connection: Connection, source: sqlite3.Connection, listed: Any, report: Report, progress: Progress
    ) -> None:
        now = self._clock()
        self._servers(connection, listed, report, now)
        keeping = Keeping(self._database, self._aliases, report, now)
        total, done = tables.count(source, MODELS), 0
        read = self._models(source, report)
        while part := list(islice(read, PART)):
            keeping.keep(connection, [model for model in part if model is not None])
            done += len(part)
            progress(done, total)
        self._names(connection, source, keeping.ids, report, now)
        self._availability(connection, source, keeping.ids, report, now)

    def _models(self, source: sqlite3.Connection, report: Report) -> Iterator[TheirModel | None]:
        for row in tables.rows(source, MODELS):
            number = row.get("id")

            def remark(name: str, problem: str, number: object = number) -> None:
                report.note(MODELS, number, name, problem)

            model = read_model(row, self._named, self._limits, remark)
            if model is None:
                report.leave(MODELS, number, NO_HASH)
            yield model

    def _named(self, name: str) -> tuple[str, str | None] | None:
        subject = self._catalogues.current.find(name)
        if subject is None:
            return None
        return subject.ecosystem.name, subject.base_model.name if subject.base_model else None

    # Names and availability

    def _names(
        self,
        connection: Connection,
        source: sqlite3.Connection,
        ids: Mapping[int | None, int],
        report: Report,
        now: float,
    ) -> None:
        rows = []
        for row in tables.rows(source, ALIASES):
            model_id, alias = ids.get(_row_id(row.get("model_id"))), read_alias(row.get("alias_path"), self._limits)
            if model_id is None:
                report.leave(ALIASES, row.get("id"), "its model was not taken, or is not there")
            elif alias is None:
                report.leave(ALIASES, row.get("id"), "its path cannot be the name of a file")
            else:
                rows.append(alias.row(model_id, IMPORT, now))
        new = self._aliases.keep(connection, rows)
        documents.mark(connection, {row["model_id"] for row in rows} if new else ())
        report.count(ALIASES, "new", new)
        report.count(ALIASES, "unchanged", len(rows) - new)

    def _availability(
        self,
        connection: Connection,
        source: sqlite3.Connection,
        ids: Mapping[int | None, int],
        report: Report,
        now: float,
    ) -> None:
        """Take what StableQueue says of servers as statements by hand, where no agent of ours ever spoke for them."""
        stated: dict[str, list[tuple[object, int]]] = {}
        for row in tables.rows(source, AVAILABILITY):
            model_id, server = ids.get(_row_id(row.get("model_id"))), row.get("server_id")
            try:
                name = fields.server_id(server)
            except FieldError as error:
                report.leave(AVAILABILITY, row.get("id"), error.problem)
                continue
            if model_id is None:
                report.leave(AVAILABILITY, row.get("id"), "its model was not taken, or is not there")
            else:
                stated.setdefault(name, []).append((row.get("id"), model_id))
        for name, pairs in sorted(stated.items()):
            make_known(self._database, connection, name, now)
            server = find_server(connection, name, lock=True)
            if server.last_seen is not None:
                for number, _ in pairs:
                    report.leave(AVAILABILITY, number, f"an agent tells what the server {name!r} has")
                continue
            known = {row.id: row for row in rows_by(connection, "id", {model_id for _, model_id in pairs})}
            new = self._statements.place(connection, server, [Statement(row, None) for row in known.values()], now)
            report.count(AVAILABILITY, "new", new)
            report.count(AVAILABILITY, "unchanged", len(pairs) - new)

    # Servers

    def _servers(self, connection: Connection, listed: Any, report: Report, now: float) -> None:
        if listed is None:
            return
        if not isinstance(listed, list):
            report.leave(SERVERS_FILE, "all", "it is no list of servers")
            return
        for number, stated in enumerate(listed):
            try:
                outcome = self._server(connection, stated, report, now)
            except FieldError as error:
                report.leave(SERVERS_FILE, number, str(error))
            else:
                report.count(SERVERS_FILE, outcome)

    def _server(self, connection: Connection, stated: Any, report: Report, now: float) -> str:
        if not isinstance(stated, dict):
            raise FieldError("server", "must be an object")
        values = server_values({**stated, "alias": fields.required(stated, "alias")})
        if any(stated.get(name) for name in _SECRETS):
            report.note(SERVERS_FILE, values["alias"], "auth", "passwords of web UIs are not taken: agents need none")
        new = make_known(self._database, connection, values["alias"], now)
        row: Record = find_server(connection, values["alias"], lock=True)
        lacking = {name: value for name, value in values.items() if name != "alias" and getattr(row, name) is None}
        if lacking:
            connection.execute(update(servers).where(servers.c.id == row.id).values(**lacking))
        return "new" if new else "updated" if lacking else "unchanged"


def _row_id(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _read_servers(path: Path | None) -> Any:
    """Return what StableQueue's list of servers holds, None where it has none."""
    if path is None:
        return None
    try:
        if path.stat().st_size > SERVERS_FILE_BYTES:
            raise SourceError(f"{path} is too large to be a list of servers; move it away to import without it")
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise SourceError(f"{path} is not JSON; mend it, or move it away to import without it") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _look_at_jobs(path: Path | None, report: Report) -> None:
    """Count what the database of jobs holds; the hub has no jobs yet, so they stay there, as do the keys."""
    if path is None:
        return
    with snapshot(path) as source:
        report.jobs = Counter(tables.jobs_by_status(source))
        report.api_keys = tables.count(source, "api_keys")
