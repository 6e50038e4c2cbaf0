"""What a list of models is narrowed to, as conditions on rows and, where the index knows of it, on documents.

The conditions on rows alone decide; those on documents spare reading rows that the others would drop.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, select

from ...ecosystems.model_types import canonical_type
from .. import effective
from ..ages import OFFLINE, PRESENT, STALE, STATES, Ages
from ..availability import AVAILABLE, DOWNLOADABLE, STATUSES, UNAVAILABLE
from ..entries import CLAIMED, VERIFIED
from ..errors import FieldError
from ..schema import models, placements, search_documents, servers
from . import documents, match
from .match import Match

NEWEST, OLDEST, NAME, SIZE, HELD = "newest", "oldest", "name", "size", "held"
SORTS = (NEWEST, OLDEST, NAME, SIZE, HELD)
DUPLICATES = (documents.TWINS, documents.COPIES)


@dataclass(frozen=True)
class Search:
    """What a list of models is narrowed to; None is "any"."""

    words: str | None = None
    type: str | None = None
    ecosystem: str | None = None
    base_model: str | None = None
    server_id: str | None = None
    """A server that has the model."""
    missing_on: str | None = None
    """A server that does not have the model, while another has it."""
    status: str | None = None
    hash_state: str | None = None
    """How some server that has the model knows its hash."""
    duplicates: str | None = None
    """``twins``: other files have the same tensors; ``copies``: a server has it more than once."""
    min_size_bytes: int | None = None
    max_size_bytes: int | None = None
    min_servers: int | None = None
    """How many servers have the model, at least; as of when it was last indexed."""
    max_servers: int | None = None
    facets: bool = False
    """Whether to count what is found by type, ecosystem, server and status."""
    sort: str = OLDEST
    """``size`` begins with the largest, ``held`` with what most servers have."""
    limit: int = 100
    cursor: str | None = None

    def is_bare(self) -> bool:
        """Say whether it finds all models."""
        plain = Search(facets=self.facets, sort=self.sort, limit=self.limit, cursor=self.cursor)
        return replace(self, words=(self.words or "").strip() or None) == plain


@dataclass
class Narrowed:
    """A search in the terms of the tables."""

    words: Match
    """What the words of the search ask."""
    facts: Match
    """What else a document must say; to be asked only where the index is complete, or ``words`` are asked."""
    rows: list[ColumnElement[bool]]
    """Conditions on ``models``, all of which must be met."""

    def ask(self, index_is_complete: bool) -> Match:
        """Return what to ask of the index, which may be nothing."""
        if not self.words and not index_is_complete:
            return self.words
        return Match((*self.words.clauses, *self.facts.clauses), self.facts.without)


_here = placements.c.model_id == models.c.id
_anywhere = exists().where(_here)
_document = search_documents.alias("document")  # of its own: a list in another order than that of ids joins the table
_held_by = select(_document.c.servers).where(_document.c.model_id == models.c.id).scalar_subquery()


def narrow(connection: Connection, search: Search, ages: Ages, now: float) -> Narrowed:
    """Return a search in the terms of the tables.

    Raises:
        FieldError: a filter is wrong.
    """
    narrowed = Narrowed(match.of_query(search.words or ""), Match(), [])
    _by_kind(narrowed, search)
    _by_place(narrowed, search)
    if search.status is not None:
        _by_status(connection, narrowed, search.status, ages, now)
    for column, least, most in (
        (effective.SIZE, search.min_size_bytes, search.max_size_bytes),
        (_held_by, search.min_servers, search.max_servers),
    ):
        if least is not None:
            narrowed.rows.append(column >= least)
        if most is not None:
            narrowed.rows.append(column <= most)
    return narrowed


def _by_kind(narrowed: Narrowed, search: Search) -> None:
    if search.type is not None:
        kind = canonical_type(search.type)
        if kind is None:
            raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
        narrowed.rows.append(effective.TYPE == kind)  # noqa: SIM300 (a column, not a constant)
        narrowed.facts = narrowed.facts.with_fact(documents.TYPE, kind)
    for column, fact, value in (
        (effective.ECOSYSTEM, documents.ECOSYSTEM, search.ecosystem),
        (effective.BASE_MODEL, documents.BASE_MODEL, search.base_model),
    ):
        if value is not None:
            narrowed.rows.append(func.lower(column) == value.lower())
            narrowed.facts = narrowed.facts.with_fact(fact, value)
    if search.duplicates is not None:
        _choice("duplicates", search.duplicates, DUPLICATES)
        more = {
            documents.TWINS: _document.c.twins > 0,
            documents.COPIES: _document.c.places > _document.c.servers,
        }
        narrowed.rows.append(exists().where(_document.c.model_id == models.c.id, more[search.duplicates]))
        narrowed.facts = narrowed.facts.with_fact(documents.EXTRA, search.duplicates)


def _by_place(narrowed: Narrowed, search: Search) -> None:
    if search.server_id is not None:
        narrowed.rows.append(exists().where(_here, placements.c.server_id == search.server_id))
        narrowed.facts = narrowed.facts.with_fact(documents.SERVER, search.server_id)
    if search.missing_on is not None:
        there = exists().where(_here, placements.c.server_id == search.missing_on)
        narrowed.rows += [_anywhere, not_(there)]
        placed = narrowed.facts.with_fact(documents.EXTRA, documents.PLACED)
        narrowed.facts = placed.without_fact(documents.SERVER, search.missing_on)
    if search.hash_state is not None:
        _choice("hash_state", search.hash_state, (VERIFIED, CLAIMED))
        narrowed.rows.append(exists().where(_here, placements.c.hash_state == search.hash_state))
        narrowed.facts = narrowed.facts.with_fact(documents.HASH_STATE, search.hash_state)


def _by_status(connection: Connection, narrowed: Narrowed, status: str, ages: Ages, now: float) -> None:
    """Narrow to the models for which ``Availability`` answers this status."""
    _choice("status", status, STATUSES)
    seen = _anywhere.where(placements.c.server_id == servers.c.id)
    alive = seen.where(servers.c.last_seen >= now - ages.offline_after_seconds)
    present = seen.where(servers.c.last_seen >= now - ages.stale_after_seconds, placements.c.state == PRESENT)
    sourced = effective.HAS_SOURCES
    conditions = {
        AVAILABLE: present,
        STALE: and_(alive, not_(present)),
        OFFLINE: and_(_anywhere, not_(alive)),
        DOWNLOADABLE: and_(not_(_anywhere), sourced),
        UNAVAILABLE: and_(not_(_anywhere), not_(sourced)),
    }
    narrowed.rows.append(conditions[status])
    placed = documents.UNPLACED if status in {DOWNLOADABLE, UNAVAILABLE} else documents.PLACED
    narrowed.facts = narrowed.facts.with_fact(documents.EXTRA, placed)
    if status in {STALE, OFFLINE}:
        _on_servers_of_state(connection, narrowed, status, lambda seen: ages.state(seen, now))


def _on_servers_of_state(
    connection: Connection, narrowed: Narrowed, status: str, state_of: Callable[[float | None], str]
) -> None:
    """Have documents name a server that makes this status possible; usually there are few or none."""
    rows = connection.execute(select(servers.c.id, servers.c.last_seen))
    by_state: dict[str, list[str]] = {state: [] for state in STATES}
    for row in rows:
        by_state[state_of(row.last_seen)].append(row.id)
    facts = [(documents.SERVER, server_id) for server_id in by_state[status]]
    if status == STALE:
        facts.append((documents.STATE, STALE))
    narrowed.facts = narrowed.facts.with_any(facts)


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise FieldError(name, f"must be one of {', '.join(known)}")
