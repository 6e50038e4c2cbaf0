"""What the hub knows of models and their agents do not: corrections, registrations, answers of the metadata service.

Two designs were sketched. In the first the hub keeps, for each server, which of its models have news, and the agent
acknowledges them: exact, but a row for every server and model, written also when a server gets a model that was
corrected long ago, which is in the first sync. In the second all news are numbered in one order; the answer of a sync
names the last number, and an agent that knows a lower one asks for what is above it and concerns its server, and once
for every model that is new to it. The second is built: a heartbeat carries one number, nothing is kept per server, and
an agent that lost its notes asks again from 0.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, update

from . import fields
from .ages import iso_time
from .database import Database, Record, among
from .effective import shown_override
from .errors import FieldError
from .keys import Caller
from .limits import Limits
from .provenance import service_words
from .schema import models, news_counter, placements

PAGE = 500

LAST = select(news_counter.c.last).where(news_counter.c.id == 1).scalar_subquery()
"""The number of the last news, to select beside other columns."""

_COLUMNS = (
    models.c.id,
    models.c.hash_sha256,
    models.c.news,
    models.c.override_type,
    models.c.override_ecosystem,
    models.c.override_base_model,
    models.c.override_note,
    models.c.override_by,
    models.c.override_at,
    models.c.registered_type,
    models.c.registered_ecosystem,
    models.c.registered_base_model,
    models.c.registered_by,
    models.c.registered_at,
    models.c.enriched_type,
    models.c.enriched_ecosystem,
    models.c.enriched_base_model,
    models.c.enriched_words,
    models.c.enriched_at,
)


def announce(connection: Connection, model_ids: Collection[int]) -> None:
    """Number what is new of these models, in the write transaction that makes it true.

    The counter is held until the transaction ends, so that numbers become visible in their order: nothing long should
    follow.
    """
    if not model_ids:
        return
    counter = update(news_counter).where(news_counter.c.id == 1)
    connection.execute(counter.values(last=news_counter.c.last + len(model_ids)))
    last = connection.execute(select(LAST)).scalar_one()
    numbered = [
        {"row_id": model_id, "number": last - place} for place, model_id in enumerate(sorted(model_ids, reverse=True))
    ]
    connection.execute(
        update(models).where(models.c.id == bindparam("row_id")).values(news=bindparam("number")), numbered
    )


class News:
    """The news, for agents."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def of(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Return what is known of models, for ``{"after": 41}`` or ``{"hashes": [SHA-256…]}``.

        After a number: the next models that the caller's server has (an agent's key; all models for any other), by
        their numbers; ``news`` is the number to ask from next, ``more`` whether at once. For hashes: those of them of
        which the hub knows anything, and ``news`` is the last number.

        Raises:
            FieldError, TooLargeError: the body makes no sense.
        """
        after, hashes = fields.integer(body, "after"), body.get("hashes")
        if (after is None) == (hashes is None):
            raise FieldError("after", "state either after or hashes", missing=True)
        if hashes is not None:
            hashes = fields.sha256_list(hashes, "hashes", self._limits.batch_hashes)
        query = select(*_COLUMNS).where(models.c.news.is_not(None))
        if after is not None:
            query = query.where(models.c.news > after).order_by(models.c.news).limit(PAGE + 1)
            if caller.server_id is not None:
                here = (placements.c.model_id == models.c.id, placements.c.server_id == caller.server_id)
                query = query.where(exists().where(*here))
        with self._database.read() as connection:
            last = connection.execute(select(LAST)).scalar_one()
            if hashes is not None:
                query = query.where(among(connection, models.c.hash_sha256, set(hashes)))
            rows = connection.execute(query).all()
        page = rows[:PAGE] if after is not None else rows
        more = len(rows) > len(page)
        number = page[-1].news if more else max([last, *(row.news for row in page)])
        told = [_told(row) for row in page if row.hash_sha256 is not None]
        return {"success": True, "news": number, "more": more, "models": told}


def _told(row: Record) -> dict[str, Any]:
    return {
        "sha256": row.hash_sha256,
        "override": shown_override(row),
        "registered": _part(row, "registered", {"by": row.registered_by}),
        "civitai": _part(row, "enriched", {"trigger_words": service_words(row)}),
    }


def _part(row: Record, source: str, more: dict[str, Any]) -> dict[str, Any] | None:
    """Return what one source says that an agent can use; None where it says nothing."""
    at = getattr(row, f"{source}_at")
    if at is None:
        return None
    said = {name: getattr(row, f"{source}_{name}") for name in ("type", "ecosystem", "base_model")}
    return {**said, **more, "at": iso_time(at)}
