"""What all tables have in common.

Times are seconds since the epoch by the hub's clock; JSON is kept as ASCII text, because PostgreSQL's own JSON types
take neither NUL nor a lone surrogate, and file metadata holds both.
"""

from sqlalchemy import BigInteger, Integer, MetaData, Table

metadata = MetaData()

RowId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER


def explain(table: Table, **meanings: str) -> None:
    """Say what columns mean, for ``docs/DATABASE_SCHEMA.md``; the database itself is told nothing of it.

    Raises:
        KeyError: the table has no such column.
    """
    for name, meaning in meanings.items():
        table.columns[name].doc = meaning
