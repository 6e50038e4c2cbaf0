"""What a search asks of the index, and how each database spells it.

A condition is a conjunction of clauses; a clause is met by any of its alternatives, an alternative by all its terms.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from . import words

MAX_CLAUSES = 20
"""Words of a query that count; of more, the longest."""


class Term(NamedTuple):
    """A word of a document, or how one begins."""

    word: str
    is_prefix: bool = False


Alternative = tuple[Term, ...]
Clause = tuple[Alternative, ...]


_NOTHING: Clause = ((Term("="),),)
"""No document has this word."""


@dataclass(frozen=True)
class Match:
    """A condition on documents; without clauses, every document meets it."""

    clauses: tuple[Clause, ...] = ()
    without: tuple[Term, ...] = ()
    """None of these may be there."""

    def with_fact(self, kind: str, value: str) -> "Match":
        """Return the condition that also this fact is there."""
        return self.with_any([(kind, value)])

    def with_any(self, facts: Iterable[tuple[str, str]]) -> "Match":
        """Return the condition that also one of these facts (kind and value) is there; of none, none can be."""
        clause = tuple((Term(words.of_fact(kind, value)),) for kind, value in facts)
        return replace(self, clauses=(*self.clauses, clause or _NOTHING))

    def without_fact(self, kind: str, value: str) -> "Match":
        """Return the condition that also this fact is not there."""
        return replace(self, without=(*self.without, Term(words.of_fact(kind, value))))

    def __bool__(self) -> bool:
        return bool(self.clauses)


def of_query(text: str) -> Match:
    """Return what a query asks: a document must have, for each word, one that begins so; or the hash."""
    asked = dict(words.of_query(text))
    # "a" says nothing beside "anime"
    needed = [word for word in asked if not any(other != word and other.startswith(word) for other in asked)]
    kept = sorted(needed, key=len, reverse=True)[:MAX_CLAUSES]
    return Match(tuple(_clause(word, asked[word]) for word in kept))


def _clause(word: str, parts: tuple[str, ...]) -> Clause:
    alternatives: list[Alternative] = [(Term(word, is_prefix=True),)]
    if parts:
        alternatives.append(tuple(Term(part, is_prefix=True) for part in parts))
    digits = words.hash_prefix(word)
    if digits is not None:
        alternatives.append((Term(digits, is_prefix=True),))
    return tuple(alternatives)


def fts5(match: Match) -> str:
    """Return a condition (with at least one clause) as SQLite's FTS5 reads it."""

    def term(each: Term) -> str:
        return f'"{each.word}"{" *" if each.is_prefix else ""}'

    asked = _join(match, " AND ", " OR ", term)
    return f"({asked}) NOT ({' OR '.join(map(term, match.without))})" if match.without else asked


def tsquery(match: Match) -> str:
    """Return a condition as PostgreSQL reads a ``tsquery``."""

    def term(each: Term) -> str:
        return f"'{each.word}'{':*' if each.is_prefix else ''}"

    asked = _join(match, " & ", " | ", term)
    return " & ".join([asked, *(f"!{term(each)}" for each in match.without)] if asked else [])


def _join(match: Match, all_of: str, any_of: str, term: Callable[[Term], str]) -> str:
    def alternative(terms: Iterable[Term]) -> str:
        return f"({all_of.join(map(term, terms))})"

    return all_of.join(f"({any_of.join(map(alternative, clause))})" for clause in match.clauses)
