"""PostgreSQL's own programs for backups: ``pg_dump``, ``pg_restore`` and ``psql``, where they are installed.

A password, and whatever else a connection needs, reaches them in the environment: a command line is for all to read.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from psycopg import pq
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from ..errors import BackupError, RestoreError
from .sqlite_copy import Watch

MAGIC = b"PGDMP"
_REPORT_SECONDS = 1.0
_LOCK_WAIT_SECONDS = 60
_TABLE = re.compile(r"^\d+; \d+ \d+ TABLE (?P<schema>\S+) (?P<name>\S+) ", re.MULTILINE)


@dataclass(frozen=True)
class PostgresTools:
    """The programs for one database; ``schema`` is the one that the hub's tables are in."""

    url: URL
    schema: str

    def dump(self, target: Path, watch: Watch) -> None:
        """Write the schema into the empty file ``target``, in pg_dump's custom format.

        Raises:
            BackupError: pg_dump is not installed, is older than the server, or failed.
        """
        command = [program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", "--no-password"]
        command += [f"--lock-wait-timeout={_LOCK_WAIT_SECONDS}s", f'--schema="{self.schema}"', f"--file={target}"]
        command += self._place()
        process = subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        with _ended(process):
            while True:
                try:
                    _, errors = process.communicate(timeout=_REPORT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    watch(target.stat().st_size, None)
        if process.returncode:
            raise BackupError(self._said("pg_dump", errors))

    def restore(self, dump: Path, drop: Iterable[str]) -> None:
        """Put what the dump holds in the place of the tables ``drop``, in one transaction.

        Raises:
            RestoreError: a program is not installed or failed; the database is as it was.
        """
        script = [program("pg_restore", RestoreError), "--no-owner", "--no-privileges", "--clean", "--if-exists"]
        script += [f"--schema={self.schema}", "--file=-", str(dump)]
        command = [program("psql", RestoreError), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
        with (
            subprocess.Popen(script, env=_plain_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE) as reading,
            subprocess.Popen([*command, *self._place()], env=self._environment(), stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as writing,
            _ended(reading),
            _ended(writing),
        ):  # fmt: skip
            assert reading.stdout is not None and reading.stderr is not None
            assert writing.stdin is not None and writing.stderr is not None
            broken = _pipe(reading.stdout, writing.stdin, [f'"{self.schema}"."{name}"' for name in drop])
            if not broken and reading.wait():
                writing.kill()  # what it was sent so far looks whole to it
                raise RestoreError(self._said("pg_restore", reading.stderr.read().decode(errors="replace")))
            if not broken:
                writing.stdin.write(b"\nCOMMIT;\n")
            _, errors = writing.communicate()
            if writing.returncode or broken:
                raise RestoreError(self._said("psql", errors.decode(errors="replace")))

    def _place(self) -> list[str]:
        """Return the argument that names what no variable of the environment can."""
        names = _variables()
        more = {name: value for name, value in parameters_of(self.url).items() if name not in names}
        more.pop("sslpassword", None)  # the programs ask for it, or the key has none
        return [f"--dbname={make_conninfo('', **more)}"] if more else []

    def _environment(self) -> dict[str, str]:
        names = _variables()
        given = {names[name]: value for name, value in parameters_of(self.url).items() if name in names}
        return {**_plain_environment(), **given}

    def _said(self, name: str, errors: str) -> str:
        """Return what a program said of its failure, for a person."""
        if self.url.password:
            errors = errors.replace(str(self.url.password), "…")
        if "server version mismatch" in errors:
            server, own = [*re.findall(r"version:? (\d+(?:\.\d+)?)", errors), "?", "?"][:2]
            return (
                f"{name} on this machine is of version {own} and cannot read a server of version {server}: "
                f"install PostgreSQL's client programs of version {server.partition('.')[0]} or newer"
            )
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        return f"{name} failed: {' '.join(lines)[:500] or 'it said nothing; is the disk full?'}"


def parameters_of(url: URL) -> dict[str, str]:
    """Return libpq's parameters for a database of SQLAlchemy's notation."""
    dialect: Any = url.get_dialect()()
    _, named = dialect.create_connect_args(url)
    return {name: str(value) for name, value in named.items() if name in _parameters()}


def tables_in(dump: Path, schema: str) -> set[str]:
    """Return the tables that a dump holds in a schema.

    Raises:
        RestoreError: pg_restore is not installed, or the file is none of pg_dump.
    """
    listed = _output([program("pg_restore", RestoreError), "--list", str(dump)])
    return {found["name"] for found in _TABLE.finditer(listed) if found["schema"] == schema}


def revision_in(dump: Path) -> str:
    """Return the migration that a dump is at, having read all of it.

    Raises:
        RestoreError: pg_restore is not installed, or the file is no dump of a hub, or damaged.
    """
    tool = program("pg_restore", RestoreError)
    _output([tool, f"--file={os.devnull}", str(dump)])  # unpacks everything
    rows = _output([tool, "--data-only", "--table=alembic_version", "--file=-", str(dump)])
    found = re.search(r"^COPY \S*alembic_version \(version_num\) FROM stdin;\n(\w+)\n", rows, re.MULTILINE)
    if found is None:
        raise RestoreError(f"{dump} is a backup of a PostgreSQL database, but not one of a Quartermaster hub")
    return found[1]


def program(name: str, error: type[BackupError] | type[RestoreError] = BackupError) -> str:
    """Return the path of a program.

    Raises:
        BackupError, RestoreError (as asked for): it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise error(
            f"{name} is not installed here, or not on the PATH: install PostgreSQL's client programs "
            "(Debian and Ubuntu: apt install postgresql-client), of the server's version or newer"
        )
    return path


def _output(command: list[str]) -> str:
    ended = subprocess.run(
        command, env=_plain_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if ended.returncode:
        said = " ".join(ended.stderr.decode(errors="replace").split())
        raise RestoreError(f"{command[-1]} is no backup that can be read: {said[:300]}")
    return ended.stdout.decode(errors="replace")


@contextmanager
def _ended(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """See to it that a program does not go on when we cannot."""
    try:
        yield
    except BaseException:
        process.kill()
        process.wait()
        raise


def _pipe(source: IO[bytes], target: IO[bytes], drop: list[str]) -> bool:
    """Send a script from one program to another behind what clears the place for it; True: the other went away."""
    try:
        target.write(b"BEGIN;\nSET client_min_messages = warning;\n")
        for name in drop:
            target.write(f"DROP TABLE IF EXISTS {name} CASCADE;\n".encode())
        shutil.copyfileobj(source, target)
        target.flush()
    except BrokenPipeError:
        return True
    return False


def _parameters() -> set[str]:
    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def _variables() -> dict[str, str]:
    """Return the variables of the environment that a libpq parameter can be given in."""
    options = pq.Conninfo.get_defaults()
    return {option.keyword.decode(): option.envvar.decode() for option in options if option.envvar}


def _plain_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
