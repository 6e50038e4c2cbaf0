"""One row of StableQueue's models, read into what the hub takes of it; what it does not take, with the reason.

Pure: every value is hostile until it was looked at, and SQLite keeps any type in any column.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.model_types import canonical_type
from ...hub_client.digest import canonical_json, metadata_digest
from .. import fields
from ..aliases import Alias, read_alias
from ..errors import FieldError
from ..hashes import AUTOV2_DIGITS, is_hex
from ..limits import Limits
from ..names import file_name_of, fold, read_asked, read_file_name
from ..registration import read_sources
from .tables import Row, TooLong

_NOTHING = frozenset({"", "none", "null", "undefined", "nan"})
"""What StableQueue and its scripts write where there is nothing: ``none`` after a 404 of Civitai's."""

OTHER_TYPE = "Other"
TYPE_OF_THEIRS = {"checkpoint": "Checkpoint", "lora": "LORA"}
_WORDS = 200
_WORD_CHARACTERS = 500

NO_HASH = (
    "it has no SHA-256, so nobody can say which file it is; have StableQueue calculate it and import again, or let an "
    "agent find the file"
)
FIRST_MIB = "is not the head of the row's SHA-256 (StableQueue hashes a file's first MiB): the SHA-256 counts"

Named = Callable[[str], tuple[str, str | None] | None]
"""Ecosystem and base model of a name in the catalogue, None where it has no such name."""
Note = Callable[[str, str], None]
"""Notes a field and why it was not taken."""


@dataclass(frozen=True)
class TheirModel:
    """What the hub takes of a row. ``content`` is the metadata as canonical JSON, ``digest`` its digest."""

    row: object
    sha256: str | None
    autov2: str
    name: str
    type: str
    ecosystem: str | None
    base_model: str | None
    civitai_id: str | None
    civitai_version_id: str | None
    sources: str | None
    digest: str | None
    content: str | None
    aliases: tuple[Alias, ...]


def read_model(row: Row, named: Named, limits: Limits, note: Note) -> TheirModel | None:
    """Return what the hub takes of a row, None where it can take nothing: it has no hash."""
    sha256, autov2 = _hashes(row, note)
    if autov2 is None:
        return None
    aliases = _aliases(row, limits, note)
    ecosystem, base_model = _identity(row, named, limits, note)
    numbers = {name: _number(row, name, note) for name in ("civitai_id", "civitai_version_id")}
    content = _metadata(row, limits, note)
    name = _file_name(row) or _text(row, "name", limits.text_characters, note) or autov2
    stem = read_file_name(name)
    return TheirModel(
        row=row.get("id"),
        sha256=sha256,
        autov2=autov2,
        name=name[: len(name) - len(stem.extension)] if stem is not None and stem.extension else name,
        type=_type(row, limits, note),
        ecosystem=ecosystem,
        base_model=base_model,
        sources=_sources(row, numbers, note),
        digest=None if content is None else metadata_digest(json.loads(content)),
        content=content,
        aliases=aliases,
        **numbers,
    )


def _text(row: Row, name: str, limit: int, note: Note) -> str | None:
    """Return a column's text, None where it has none; what cannot be kept as a name is noted."""
    value = row.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)):
        value = str(value)
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return None
    if isinstance(value, TooLong) or (isinstance(value, str) and len(value) > limit):
        note(name, "is too long")
    elif not isinstance(value, str):
        note(name, "is binary")
    elif not fields.is_clean(value):
        note(name, "has control characters, or bytes that are no text")
    else:
        return value.strip()
    return None


# Hashes


def _hashes(row: Row, note: Note) -> tuple[str | None, str | None]:
    """Return SHA-256 and AutoV2. A short hash counts where it is the head of the SHA-256, or from Forge's own title."""
    sha256 = _hex(row, "hash_sha256", 64, note)
    title = _text(row, "forge_format", 2048, note)
    asked = read_asked(title) if title else None
    from_title = asked.hash.digits if asked and asked.hash and len(asked.hash.digits) == AUTOV2_DIGITS else None
    if sha256 is None:
        return None, from_title
    head = sha256[:AUTOV2_DIGITS]
    for name in ("hash_autov2", "hash"):
        short = _text(row, name, 200, note)
        if short is not None and short.lower() != head:
            note(name, f"{short[:20]} {FIRST_MIB}")
    if from_title not in (None, head):
        note("forge_format", f"its hash {from_title} is not the head of the row's SHA-256: the file was replaced")
    return sha256, head


def _hex(row: Row, name: str, digits: int, note: Note) -> str | None:
    text = _text(row, name, 200, note)
    if text is None:
        return None
    if not is_hex(text, digits):
        note(name, f"{text[:80]} is not {digits} hex digits")
        return None
    return text.lower()


# What it is


def _type(row: Row, limits: Limits, note: Note) -> str:
    """Return the model type: Civitai's, which is finer, unless it contradicts the one that StableQueue works with."""
    theirs, civitais = (_text(row, name, limits.text_characters, note) for name in ("type", "civitai_model_type"))
    ours = TYPE_OF_THEIRS.get((theirs or "").lower()) or canonical_type(theirs or "")
    finer = canonical_type(civitais or "")
    if theirs is not None and ours is None:
        note("type", f"{theirs[:80]} is no model type that this hub knows; kept in the metadata")
    if civitais is not None and finer is None:
        note("civitai_model_type", f"{civitais[:80]} is no model type that this hub knows; kept in the metadata")
    if ours is not None and finer is not None and (ours == "Checkpoint") != (finer == "Checkpoint"):
        note("civitai_model_type", f"{finer} contradicts the type {ours}, which counts")
        return ours
    return finer or ours or OTHER_TYPE


def _identity(row: Row, named: Named, limits: Limits, note: Note) -> tuple[str | None, str | None]:
    name = _text(row, "civitai_model_base", limits.text_characters, note)
    if name is None:
        return None, None
    found = named(name)
    if found is None:
        note("civitai_model_base", f"{name[:80]} is no base model that this hub knows; kept as text")
        return None, name
    return found


def _number(row: Row, name: str, note: Note) -> str | None:
    """Return a number of Civitai's; StableQueue has some as ``651553.0``."""
    text = _text(row, name, 200, note)
    if text is None:
        return None
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        note(name, f"{text[:40]} is no number of Civitai's")
        return None
    return digits


def _sources(row: Row, numbers: Mapping[str, str | None], note: Note) -> str | None:
    url = _text(row, "civitai_download_url", 2048, note)
    try:
        sources = read_sources({**numbers, "download_url": url})
    except FieldError as error:
        note("civitai_download_url", error.problem)
        sources = read_sources(numbers)
    kept: list[dict[str, Any]] = []
    for source in sources:  # the URL is nearly always Civitai's own for the version
        if source["url"] is None or source["url"] not in {other["url"] for other in kept}:
            kept.append(source)
    return json.dumps(kept) if kept else None


# Names


def _file_name(row: Row) -> str | None:
    for name in ("filename", "local_path"):
        value = row.get(name)
        if isinstance(value, str) and fields.is_clean(value):
            last = file_name_of(value.strip())
            file = read_file_name(last)
            if file is not None and (file.extension or name == "filename") and len(last) <= _WORD_CHARACTERS:
                return last
    return None


def _aliases(row: Row, limits: Limits, note: Note) -> tuple[Alias, ...]:
    """Return the paths under which StableQueue, and Forge's title, know the model."""
    stated: dict[str, str] = {}
    path = their_path(row.get("local_path"), row.get("filename"))
    if path is not None:
        stated["local_path"] = path
    title = row.get("forge_format")
    if isinstance(title, str):
        stated["forge_format"] = title.rpartition(" [")[0] if title.endswith("]") and " [" in title else title
    name = row.get("name")
    file = read_file_name(name) if isinstance(name, str) else None
    if file is not None and file.extension:
        stated["name"] = str(name)
    found: dict[str, Alias] = {}
    for field, text in stated.items():
        if text.strip().lower() in _NOTHING:
            continue
        alias = read_alias(text, limits)
        if alias is None:
            note(field, "cannot be the name of a file")
        else:
            found.setdefault(alias.text, alias)
    return tuple(found.values())


def their_path(folder: object, name: object) -> str | None:
    """Return a row's path: ``local_path`` is the folder in some versions, the file itself in others."""
    if not isinstance(name, str) or not name:
        return folder if isinstance(folder, str) and folder else None
    if not isinstance(folder, str) or folder in {"", ".", "/"}:
        return name
    if fold(file_name_of(folder)) == fold(name):
        return folder
    separator = "\\" if "\\" in folder and "/" not in folder else "/"
    return folder.rstrip("/\\") + separator + name


# The rest, as it was


def _metadata(row: Row, limits: Limits, note: Note) -> str | None:
    """Return the whole row as metadata: trigger words where others look for them, and the columns as they are."""
    kept: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            continue
        if isinstance(value, (int, float, str)) and str(value).strip().lower() not in _NOTHING:
            kept[name] = value
        elif isinstance(value, bytes):
            note(name, "is too long" if isinstance(value, TooLong) else "is binary")
    words = _trained_words(kept.get("civitai_trained_words"))
    metadata = {**({"trainedWords": words} if words else {}), "stablequeue": kept}
    content = canonical_json(metadata)
    if len(content) > limits.metadata_bytes:
        note("metadata", "is too long as a whole")
        return None
    return content.decode("ascii")


def _trained_words(value: object) -> list[str]:
    """Return trigger words from a JSON array, or from words with commas between them."""
    if not isinstance(value, str):
        return []
    try:
        listed = json.loads(value)
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        listed = value.split(",")
    words = [word.strip()[:_WORD_CHARACTERS] for word in listed if isinstance(word, str) and word.strip()]
    return list(dict.fromkeys(words))[:_WORDS]
