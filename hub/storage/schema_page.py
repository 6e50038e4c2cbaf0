"""``docs/DATABASE_SCHEMA.md``, written from the tables themselves: ``python3 dev.py docs`` (see docs/testing.md).

What a table means is the string below it in ``hub/schema``; what a column means is its ``doc``, or is said there with
``explain``.
"""

import ast
import sys
from importlib import resources
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Column, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite

from ..migrating import missing
from ..schema import metadata

PAGE = "DATABASE_SCHEMA.md"
_HEAD = """# The hub's database

Written by `python3 dev.py docs` from `hub/schema`; changes belong there. SQLite by default, PostgreSQL by
`QUARTERMASTER_DATABASE_URL`: the same tables on both, at migration {revision}. Only the hub opens this database; it may
change with each version, under migrations that run when a hub starts ([hub.md](hub.md)).

Times are seconds since the epoch by the hub's clock, unless a column says otherwise. Hashes are lower-case hex. JSON is
ASCII text. Beside these, `alembic_version` holds the migration that the database is at.
"""


def page() -> str:
    """Return the page, in Markdown."""
    newest = missing(None)[-1]
    meanings = _meanings_of_tables()
    parts = [_HEAD.format(revision=newest.revision)]
    parts += [_section(table, meanings.get(name, "")) for name, table in sorted(metadata.tables.items())]
    return "\n".join(parts)


def unexplained() -> list[str]:
    """Return the tables that no string below them explains."""
    meanings = _meanings_of_tables()
    return sorted(name for name in metadata.tables if not meanings.get(name))


def _section(table: Table, meaning: str) -> str:
    lines = [f"## {table.name}", ""]
    if meaning:
        lines += [meaning, ""]
    lines += ["| column | SQLite | PostgreSQL | | meaning |", "|---|---|---|---|---|"]
    lines += [_row(column) for column in table.columns]
    lines += [""]
    keys = [f"- primary key: {_names(table.primary_key.columns)}"]
    keys += sorted(
        f"- unique: {_names(constraint.columns)}"
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    )
    indexes = [_index(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    return "\n".join([*lines, *keys, *indexes, ""])


def _row(column: "Column[object]") -> str:
    types = [column.type.compile(dialect=dialect()) for dialect in (sqlite.dialect, postgresql.dialect)]
    notes = [] if column.nullable else ["not null"]
    for key in sorted(column.foreign_keys, key=lambda key: key.target_fullname):
        notes.append(f"→ `{key.target_fullname}`" + (f", on delete {key.ondelete.lower()}" if key.ondelete else ""))
    cells = [f"`{column.name}`", *types, ", ".join(notes), " ".join((column.doc or "").replace("|", "\\|").split())]
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def _index(index: Index) -> str:
    where = index.dialect_options["postgresql"].get("where")
    unique = ", unique" if index.unique else ""
    only = "" if where is None else f", only where `{where}`"
    listed = ", ".join(f"`{getattr(part, 'name', None) or part}`" for part in index.expressions)
    return f"- index `{index.name}`: {listed}{unique}{only}"


def _names(columns: object) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)  # type: ignore[attr-defined]  # any collection of them


def _meanings_of_tables() -> dict[str, str]:
    """Return the string below each table, as Markdown."""
    found = {}
    for module in resources.files("quartermaster.hub.schema").iterdir():
        if not module.name.endswith(".py"):
            continue
        body = ast.parse(module.read_text(encoding="utf-8")).body
        for statement, below in pairwise(body):
            name = _table_made_in(statement)
            if name and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                paragraphs = str(below.value.value).replace("``", "`").split("\n\n")
                found[name] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return found


def _table_made_in(statement: ast.stmt) -> str | None:
    """Return the name of the table of ``x = Table("name", …)``, None for any other statement."""
    call = statement.value if isinstance(statement, ast.Assign) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Table":
        return None
    first = call.args[0]
    return str(first.value) if isinstance(first, ast.Constant) else None


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8", newline="\n")
