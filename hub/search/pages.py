"""Lists models page by page, in an order that stands while pages are turned."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal, select, tuple_

from ..ages import Ages
from ..availability import SUMMARY, Availability, summary
from ..clock import Clock
from ..database import Database
from ..errors import FieldError
from ..fields import MAX_INTEGER
from ..schema import models, search_documents
from . import facets, index
from .filters import HELD, NAME, NEWEST, OLDEST, SIZE, SORTS, Narrowed, Search, narrow
from .indexing import Indexing
from .match import Match
from .statistics import Statistics


@dataclass(frozen=True)
class Order:
    """The order of a sort: by these columns, all ascending or all descending; the last one is the id."""

    columns: tuple[ColumnElement[Any], ...]
    descending: bool = False


class Pages:
    """The lists of one hub."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ages: Ages,
        availability: Availability,
        indexing: Indexing,
        statistics: Statistics,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ages = ages
        self._availability = availability
        self._indexing = indexing
        self._statistics = statistics

    def page(self, search: Search) -> dict[str, Any]:
        """Return one page of the models that a search finds, each with where it is.

        ``indexing`` in it counts the models that the index lacks yet, and that may be missing among those found.

        Raises:
            FieldError: a filter or the cursor is wrong.
        """
        if search.sort not in SORTS:
            raise FieldError("sort", f"must be one of {', '.join(SORTS)}")
        after = None if search.cursor is None else read_cursor(search.cursor, search.sort)
        pending = self._indexing.refresh()
        with self._database.read() as connection:
            narrowed = narrow(connection, search, self._ages, self._clock())
            asked = narrowed.ask(index_is_complete=pending == 0)
            query = self._query(connection, narrowed, asked, search.sort, after).limit(search.limit + 1)
            rows = connection.execute(query).all()
            page = rows[: search.limit]
            states = self._availability.of_models(connection, page)
            counts = self._facets(connection, narrowed, asked) if search.facets and not search.is_bare() else None
        more = len(rows) > search.limit
        counted: dict[str, Any] = {}
        if search.facets:
            counted["facets"] = counts or self._statistics.facets()
        return {
            "success": True,
            "count": len(page),
            "models": [{**summary(row), **states[row.id]} for row in page],
            "next_cursor": write_cursor(search.sort, page[-1].sort_key, page[-1].id) if more else None,
            "indexing": pending,
            **counted,
        }

    def _facets(self, connection: Connection, narrowed: Narrowed, asked: Match) -> dict[str, Any]:
        way = index.way(self._database, connection, asked, in_order=True)
        found = way.joined(select(models.c.id)).where(*way.also(narrowed.rows))
        return facets.count(connection, found, self._ages, self._clock())

    def _query(
        self, connection: Connection, narrowed: Narrowed, asked: Match, sort: str, after: tuple[Any, int] | None
    ) -> Select[Any]:
        way = index.way(self._database, connection, asked, in_order=sort in {OLDEST, NEWEST})
        order = _order(sort, way.model_id)
        query = way.joined(
            select(*SUMMARY, order.columns[0].label("sort_key")), with_documents=sort not in {OLDEST, NEWEST}
        )
        query = query.where(*way.also(narrowed.rows))
        if after is not None:
            here, there = tuple_(*order.columns), tuple_(*map(literal, after[-len(order.columns) :]))
            query = query.where(here < there if order.descending else here > there)
        return query.order_by(*(each.desc() if order.descending else each for each in order.columns))


def _order(sort: str, model_id: ColumnElement[Any]) -> Order:
    documents = search_documents.c
    return {
        OLDEST: Order((model_id,)),
        NEWEST: Order((model_id,), descending=True),
        HELD: Order((documents.servers, documents.model_id), descending=True),
        NAME: Order((documents.name_key, documents.model_id)),
        SIZE: Order((documents.size_bytes, documents.model_id), descending=True),
    }[sort]


def write_cursor(sort: str, key: str | int, model_id: int) -> str:
    """Return what a caller sends to have the page after this model."""
    text = json.dumps([sort, key, model_id])
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(text: str, sort: str) -> tuple[str | int, int]:
    """Return (sort key, model id) of a cursor.

    Raises:
        FieldError: it is none, or one of another sort.
    """
    try:
        stated, key, model_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        stated = key = model_id = None
    wanted = str if sort == NAME else int
    numbers = [each for each in (key, model_id) if type(each) is int]
    if stated != sort or type(key) is not wanted or type(model_id) is not int or max(map(abs, numbers)) > MAX_INTEGER:
        raise FieldError("cursor", "must be the next_cursor of an earlier answer to the same search")
    return key, model_id
