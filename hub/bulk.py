"""Many changes by hand in one request and one transaction: each item answered, nothing kept halfway.

An answer holds ``undo``, a body that the same route takes: it puts back what these items replaced. Undoing needs no
memory in the hub, survives its restart, and is a change like any other, made by whoever sends it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from . import fields
from .database import Database, Record
from .errors import ConflictError, FieldError, RequestError, TooLargeError
from .registry import Registry

Item = Mapping[str, Any]


class BulkRefusedError(RequestError):
    """An item cannot be done, and all or nothing was asked for: nothing was changed."""

    status = 422
    code = "bulk_refused"


@dataclass(frozen=True)
class Bulk:
    """A body ``{"items": […], "dry_run", "all_or_nothing"}``, checked as a whole."""

    items: list[Item]
    dry_run: bool
    all_or_nothing: bool


@dataclass(frozen=True)
class Done:
    """What one item did: what is shown of it, and the item that undoes it."""

    shown: dict[str, Any]
    undo: dict[str, Any]


class _TakenBackError(Exception):
    """Ends a transaction without keeping it."""


def read_bulk(body: Mapping[str, Any], limit: int) -> Bulk:
    """Return a bulk body; what is wrong with a single item is left to its turn.

    Raises:
        FieldError: it is no list of objects.
        TooLargeError: there are too many items.
    """
    items = fields.required(body, "items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FieldError("items", "must be a list of objects")
    if len(items) > limit:
        raise TooLargeError(
            f"items: {len(items)} in one request; at most {limit} are taken",
            {"field": "items", "limit": limit},
            code="too_many_entries",
        )
    all_or_nothing = body.get("all_or_nothing") is None or fields.flag(body, "all_or_nothing")
    return Bulk(items, fields.flag(body, "dry_run"), all_or_nothing)


def carry_out(
    database: Database, registry: Registry, bulk: Bulk, change: Callable[[Connection, Record, Item], Done]
) -> dict[str, Any]:
    """Do every item of a bulk with ``change(connection, the model's row, item)`` and return the answer.

    ``change`` raises RequestError, before it writes anything, for an item that cannot be done.

    Raises:
        BulkRefusedError: some item cannot be done and ``all_or_nothing`` is true; its details say which.
    """
    outcomes: list[Done | RequestError] = []

    def work(connection: Connection) -> None:
        outcomes[:] = _each(connection, registry, bulk, change)
        failed = any(isinstance(outcome, RequestError) for outcome in outcomes)
        if bulk.dry_run or (failed and bulk.all_or_nothing):
            raise _TakenBackError

    with suppress(_TakenBackError):
        database.write(work)
    results = [_shown(item, outcome) for item, outcome in zip(bulk.items, outcomes, strict=True)]
    failed = [{"item": number, **result} for number, result in enumerate(results) if not result["success"]]
    if failed and bulk.all_or_nothing:
        raise BulkRefusedError(
            f"{len(failed)} of {len(results)} items cannot be done; nothing was changed. Mend them, or send "
            "all_or_nothing: false to do the others",
            {"failed": failed},
        )
    done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    return {
        "success": True,
        "dry_run": bulk.dry_run,
        "done": len(done),
        "failed": len(failed),
        "results": results,
        "undo": {"items": [outcome.undo for outcome in done]},
    }


def _each(
    connection: Connection, registry: Registry, bulk: Bulk, change: Callable[[Connection, Record, Item], Done]
) -> list[Done | RequestError]:
    named = [item.get("hash") for item in bulk.items]
    rows = registry.several(connection, [name if isinstance(name, str) else "" for name in named])
    outcomes: list[Done | RequestError] = []
    seen: set[int] = set()
    for item, row in zip(bulk.items, rows, strict=True):
        if isinstance(row, RequestError):
            outcomes.append(row)
        elif row.id in seen:  # what an undo would bring back would depend on their order
            outcomes.append(ConflictError("this model stands in the request twice", code="duplicate_item"))
        else:
            seen.add(row.id)
            try:
                outcomes.append(change(connection, row, item))
            except RequestError as error:
                outcomes.append(error)
    return outcomes


def _shown(item: Item, outcome: Done | RequestError) -> dict[str, Any]:
    name = item.get("hash")
    told = {"hash": name[:64] if isinstance(name, str) else None}
    if isinstance(outcome, Done):
        return {**told, "success": True, **outcome.shown}
    return {**told, **outcome.body()}


def address_of(row: Record) -> str:
    """Return what names a model in an undo item for sure: its SHA-256, or its id."""
    return row.hash_sha256 or str(row.id)
