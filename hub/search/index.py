"""Ways to the models that meet a condition on documents: through FTS5 or GIN, or along an order.

SQLite's FTS5 yields models by their ids, as many as are asked for, either way round; PostgreSQL's planner chooses by
its statistics between GIN and a walk. Only for another order on SQLite does this module choose: what is few is sorted,
of what is many the order's own index is walked, because the first page is then near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    column,
    false,
    func,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from ..database import Database
from ..schema import FTS5_TABLE, models, search_documents
from .match import Alternative, Clause, Match, Term, fts5, tsquery

FEW = 2_000

_fts5 = table(FTS5_TABLE, column("rowid"), column(FTS5_TABLE))


@dataclass(frozen=True)
class Way:
    """How a query on ``models`` comes to the ones that are asked for."""

    model_id: ColumnElement[Any]
    """What to order by, where the order is that of the ids."""
    conditions: tuple[ColumnElement[bool], ...]
    by_fts5: bool
    by_documents: bool

    def joined(self, query: Select[Any], *, with_documents: bool = False) -> Select[Any]:
        """Return a query on ``models`` narrowed to those; ``with_documents`` where it reads documents itself."""
        if self.by_fts5:
            query = query.join(_fts5, _fts5.c.rowid == models.c.id)
        if self.by_documents or with_documents:
            query = query.join(search_documents, search_documents.c.model_id == models.c.id)
        return query.where(*self.conditions)

    def also(self, rows: Sequence[ColumnElement[bool]]) -> tuple[ColumnElement[bool], ...]:
        """Return conditions on ``models`` as a query that comes this way asks them.

        Nearly every model that this way leads to meets them. PostgreSQL's planner has no statistics of such expressions
        and takes each to be met by one in two hundred: it then reads all models instead of the first ones. Of a CASE it
        takes a half, and does not begin with what stands in it.
        """
        if self.by_fts5 or not self.by_documents or not rows:
            return tuple(rows)
        return (case((and_(*rows), true()), else_=false()),)


def way(database: Database, connection: Connection, asked: Match, *, in_order: bool) -> Way:
    """Return the way to the models that are asked for; ``in_order`` where that of their ids will do."""
    if not asked:
        return Way(models.c.id, (), by_fts5=False, by_documents=False)
    if not database.is_sqlite:
        meets = search_documents.c.words.bool_op("@@")(cast(tsquery(asked), TSQUERY))
        return Way(search_documents.c.model_id, (meets,), by_fts5=False, by_documents=True)
    meets = _fts5.c[FTS5_TABLE].bool_op("MATCH")(fts5(asked))
    if in_order or _is_few(connection, meets):
        return Way(_fts5.c.rowid, (meets,), by_fts5=True, by_documents=False)
    return Way(models.c.id, (_stands_in_words(asked),), by_fts5=False, by_documents=True)


def _is_few(connection: Connection, meets: ColumnElement[bool]) -> bool:
    found = select(_fts5.c.rowid).where(meets).limit(FEW + 1).subquery()
    return int(connection.scalar(select(func.count()).select_from(found)) or 0) <= FEW


def _stands_in_words(asked: Match) -> ColumnElement[bool]:
    """Return the condition on ``search_documents.words`` as SQLite has them: each between blanks."""

    def term(each: Term) -> ColumnElement[bool]:
        return func.instr(search_documents.c.words, f" {each.word}" + ("" if each.is_prefix else " ")) > 0

    def alternative(terms: Alternative) -> ColumnElement[bool]:
        return and_(*map(term, terms))

    def clause(each: Clause) -> ColumnElement[bool]:
        return or_(*map(alternative, each))

    return and_(*map(clause, asked.clauses), *(~term(each) for each in asked.without))
