"""The rows of ``past_placements``: what a path held, from when till when, once it is gone or holds another model."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, literal, select

from .database import Database
from .schema import past_placements, placements

_COPIED = ("server_id", "path", "model_id", "since")


def keep(connection: Connection, condition: ColumnElement[bool], now: float) -> None:
    """Keep the placements that a condition names, which are about to be deleted."""
    copied = select(*(placements.c[name] for name in _COPIED), literal(now)).where(condition)
    connection.execute(insert(past_placements).from_select([*_COPIED, "until"], copied))


def held(connection: Connection, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return the placements that a condition names, for ``keep_replaced``."""
    query = select(*(placements.c[name] for name in _COPIED)).where(condition)
    return [dict(row._mapping) for row in connection.execute(query)]


def keep_replaced(
    database: Database,
    connection: Connection,
    before: list[dict[str, Any]],
    new: Mapping[str, int],
    refuted: Collection[int],
    now: float,
) -> None:
    """Keep those of the placements ``before`` whose path is about to hold another model.

    Args:
        new: path -> id of the model that it will hold.
        refuted: models that were only claimed to stand there, and never did.
    """
    rows = [
        {**row, "until": now}
        for row in before
        if row["model_id"] not in refuted and new.get(row["path"], row["model_id"]) != row["model_id"]
    ]
    if rows:
        database.execute_many(connection, insert(past_placements), rows)
