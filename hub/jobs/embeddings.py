"""Which words of a prompt are embeddings: those that are names of embeddings that this hub knows.

Nothing in a prompt marks an embedding. A web UI takes every word that is the name of one it has, and so do we.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from sqlalchemy import Connection, select

from ...ecosystems.infotext import Resource
from ...ecosystems.infotext.prompts import embeddings
from ...ecosystems.infotext.resource import EMBEDDING
from ..database import among
from ..effective import TYPE
from ..names import fold, name_key, read_file_name
from ..schema import model_aliases, models
from .requirements import Wanted

_LONGEST_WORDS = 4
"""Words in one embedding's name; hardly one has two."""
_ENOUGH_KEYS = 10_000
"""A prompt with so many words is not looked through for longer rows of them."""
_TAG = re.compile(r"<[^<>]*>")
_PIECE = re.compile(r"[^,\n\t|<>{}\[\]():]+")
_AT_ENDS = " .;!?\"'"


def named(connection: Connection, texts: Mapping[str, str], hints: Iterable[Resource]) -> list[Wanted]:
    """Return the embeddings that texts name, each once; ``texts`` by the field of the request that has them.

    ``hints`` name embeddings that may not be known here, some with their hashes.
    """
    stated: dict[str, Resource] = {fold(each.stem): each for each in hints if each.role == EMBEDDING and each.name}
    names = _known(connection, texts.values()) | set(stated)
    found: dict[str, Wanted] = {}
    for source, text in texts.items():
        for each in embeddings(_TAG.sub(" ", text), names, source):
            hint = stated.get(each.name)
            hashes = hint.searchable_hashes if hint is not None else ()
            found.setdefault(each.name, Wanted(EMBEDDING, each.name, hashes, source))
    return list(found.values())


def _known(connection: Connection, texts: Collection[str]) -> set[str]:
    """Return those names of embeddings that can be in the texts: one probe of an index for each row of words."""
    keys: set[str] = set()
    for length in range(1, _LONGEST_WORDS + 1):
        if len(keys) < _ENOUGH_KEYS:
            keys.update(key for text in texts for key in _keys(text, length))
    if not keys:
        return set()
    query = (
        select(model_aliases.c.alias_path)
        .join(models, models.c.id == model_aliases.c.model_id)
        .where(among(connection, model_aliases.c.name_key, keys), TYPE == "TextualInversion")
    )
    files = map(read_file_name, connection.scalars(query))
    return {file.stem for file in files if file is not None}


def _keys(text: str, length: int) -> Iterator[str]:
    """Yield the keys of all rows of so many words."""
    for piece in _PIECE.findall(_TAG.sub("\n", text)):
        words = fold(piece).split()
        for start in range(len(words) - length + 1):
            file = read_file_name(" ".join(words[start : start + length]).strip(_AT_ENDS))
            if file is not None:
                yield name_key(file)
