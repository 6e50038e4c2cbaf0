"""Models whose names are like a name that no model has: what somebody may have meant who mistyped it."""

from collections.abc import Collection
from difflib import SequenceMatcher

from sqlalchemy import Connection, select

from ..database import Database
from ..names import fold
from ..schema import models
from . import documents, index, words
from .match import Match, Term

_MOST = 3
_WORDS = 3
"""Of a name, the longest ones are looked for."""
_BEGINNING = 4
"""Letters of a word that a name must have to be compared; the others may be mistyped."""
_COMPARED = 300
_LIKE = 0.6
"""The share of letters in common from which a name is like another, as ``SequenceMatcher.ratio`` has it."""


def similar_names(database: Database, connection: Connection, name: str, types: Collection[str]) -> list[str]:
    """Return a few names, the most alike first, of models of these types (none: any)."""
    asked = sorted({part for word, parts in words.of_query(name) for part in (word, *parts)}, key=len, reverse=True)
    beginnings = {word[:_BEGINNING] for word in asked[:_WORDS] if len(word) >= _BEGINNING}
    if not beginnings:
        return []
    match = Match((tuple((Term(word, is_prefix=True),) for word in sorted(beginnings)),))
    if types:
        match = match.with_any((documents.TYPE, each) for each in types)
    way = index.way(database, connection, match, in_order=True)
    query = way.joined(select(models.c.name)).order_by(way.model_id.desc()).limit(_COMPARED)
    meant = fold(name)
    alike = {found: SequenceMatcher(None, meant, fold(found)).ratio() for found in connection.scalars(query)}
    return sorted((each for each in alike if alike[each] >= _LIKE), key=lambda each: (-alike[each], each))[:_MOST]
