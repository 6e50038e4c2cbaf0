"""Cuts names, paths and queries into words: one way for both databases, which store and look up what it yields.

A run of letters and digits is a word; so is each part of it that begins at a change of case or between letters and
digits, with all that follows: ``ponyDiffusionV6XL`` holds ``ponydiffusionv6xl``, ``diffusionv6xl``, ``v6xl``, ``6xl``
and ``xl``. As every word of a query matches as a prefix, ``v6``, ``diffusion`` and ``ponydiff`` all find it, and a
query with one word for what a file's name separates (``xl10`` for ``XL_10``) is tried in parts as well. Case, accents
and compatibility forms do not matter. A symbol that separates nothing (``%``, an emoji) is a word of its own.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

WORD_CHARACTERS = 32
"""Longer words are cut, in documents and queries alike."""
HASH_DIGITS_FROM = 6
"""From so many hex digits on, a word of a query may be the beginning of a hash: ``face`` is not meant as one."""
HASH_DIGITS = 24
"""So many digits of a hash are stored; 96 bits tell any two models apart."""
_PARTS = 16
"""Parts of one run that begin words; more is no name but noise."""

_RUN_OR_SYMBOL = re.compile(r"[^\W_]+|[!$%&*+<>?@^|~]|[^\x00-\x7f]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_PART = re.compile(r"\d+|[A-Z]+(?=[A-Z][^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+")
_HEX = re.compile(r"[0-9a-f]+").fullmatch


def of_text(text: str) -> set[str]:
    """Return the words under which a text is found."""
    found: set[str] = set()
    for run in _runs(text):
        whole = run.casefold()
        found.add(whole[:WORD_CHARACTERS])
        if not (whole[1:] == run[1:] and whole.isalpha()):  # most are in one piece
            for start in _starts(run)[1:]:
                found.add(run[start:].casefold()[:WORD_CHARACTERS])
    return found


@lru_cache(maxsize=20_000)
def of_folder(folder: str) -> frozenset[str]:
    """Return the words of a folder's path, which many files share."""
    return frozenset(of_text(folder))


def of_path(path: str) -> set[str]:
    """Return the words of a file's path, its folders and extension included."""
    folder, _, name = path.rpartition("/")
    return of_text(name) | of_folder(folder)


def of_hash(digits: str) -> str:
    """Return the word that stands for a hash in a document: no text yields it."""
    return f"#{digits[:HASH_DIGITS]}"


@lru_cache(maxsize=20_000)
def of_fact(kind: str, value: str) -> str:
    """Return the word that stands for a fact (its type, a server that has it) in a document: no text yields it."""
    return f"={kind}{blake2b(value.casefold().encode(), digest_size=6).hexdigest()}"


def of_query(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (word, its parts) for each run and symbol of a query, in its order; a word in one piece has no parts."""
    asked = []
    for run in _runs(text):
        starts = [*_starts(run), len(run)]
        parts = [run[start:end].casefold()[:WORD_CHARACTERS] for start, end in pairwise(starts)]
        asked.append((run.casefold()[:WORD_CHARACTERS], tuple(parts) if len(parts) > 1 else ()))
    return asked


def hash_prefix(word: str) -> str | None:
    """Return the word of a document's hash that begins with this word of a query, where it may be one."""
    if len(word) < HASH_DIGITS_FROM or not _HEX(word):
        return None
    return of_hash(word)


def _runs(text: str) -> Iterator[str]:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    for run in _RUN_OR_SYMBOL.findall(text):
        if len(run) > 1 or run.isalnum() or run < "\x80" or unicodedata.category(run).startswith("S"):
            yield run


def _starts(run: str) -> list[int]:
    return [match.start() for match in _PART.finditer(run)][:_PARTS] or [0]
