"""Reads catalogues: the one that is shipped, a folder of ours, or one file in our schema or the document's."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import document_schema
from .catalogue import Catalogue
from .errors import CatalogueError, Fault
from .facts import DOCUMENT_SCHEMA, MAX_FILE_BYTES, Facts, parse_json, read_json
from .lint import lint
from .schema import SECTIONS, to_json

DATA = Path(__file__).resolve().parent / "data"
DEFAULT = DATA / "quartermaster"
"""The catalogue of the real world."""
DOCUMENT = DATA / "document"
"""The examples of the document, as a small catalogue."""


@lru_cache(maxsize=2)
def load_default() -> Catalogue:
    """Return the catalogue that is shipped; it is read once per process.

    Raises:
        CatalogueError: the installation is damaged.
    """
    return load(DEFAULT)


def load(path: Path) -> Catalogue:
    """Return the catalogue of a folder of ours, or of one file in our schema or the document's.

    Raises:
        CatalogueError: it is not there, cannot be read, or has faults; each names file, record and field.
    """
    return Catalogue(read_facts(path))


def check(path: Path) -> list[Fault]:
    """Return all faults of a catalogue, warnings too; an empty list for a good one.

    Of one file of a folder of ours, its own faults are returned; the folder is read for what it refers to.
    """
    try:
        if path.is_file() and _is_part(read_json(path)):
            return [fault for fault in lint(read_facts(path.parent)) if fault.file in {path.name, str(path.parent)}]
        return lint(read_facts(path))
    except CatalogueError as error:
        return list(error.faults)


def read_facts(path: Path) -> Facts:
    """Return the records of a folder or file; most of what is wrong with them is in ``faults``.

    Files of a folder are read in the order of their names, in sub-folders too.

    Raises:
        CatalogueError: there is nothing to read.
    """
    if path.is_file():
        return _one_file(read_json(path), str(path.name))
    if not path.is_dir():
        raise CatalogueError([Fault(str(path), "", "", "no such file or folder")])
    files = sorted(path.rglob("*.json"), key=lambda file: file.relative_to(path).as_posix())
    if not files:
        raise CatalogueError([Fault(str(path), "", "", "the folder holds no .json file")])
    facts = Facts()
    for file in files:
        name = file.relative_to(path).as_posix()
        try:
            raw = read_json(file)
        except CatalogueError as error:
            facts.faults += error.faults
            continue
        if isinstance(raw, dict):
            facts.add(raw, name)
        else:
            facts.faults.append(Fault(name, "", "", "must be an object of sections"))
    if not facts.version and not facts.faults:
        facts.faults.append(Fault(str(path), "catalogue", "version", "no file has the catalogue's name and version"))
    return facts


def _is_part(raw: Any) -> bool:
    return isinstance(raw, dict) and "catalogue" not in raw and not document_schema.is_document(raw)


def _one_file(raw: Any, name: str) -> Facts:
    if not isinstance(raw, dict):
        raise CatalogueError([Fault(name, "", "", "must be an object of sections")])
    if document_schema.is_document(raw):
        return document_schema.read(raw, name)
    if _is_part(raw):
        problem = "is missing: this is one file of a catalogue; give the folder that it lies in"
        raise CatalogueError([Fault(name, "", "catalogue", problem)])
    facts = Facts()
    facts.add(raw, name)
    return facts


def document_of(catalogue: Catalogue) -> dict[str, Any]:
    """Return a whole catalogue as one JSON object in our schema; ``from_document`` reads it back."""
    head = {"name": catalogue.name, "version": catalogue.version}
    if not catalogue.facts.own_schema:
        head["schema"] = DOCUMENT_SCHEMA
    document: dict[str, Any] = {"catalogue": head}
    for section in SECTIONS:
        rows = catalogue.facts.all(section)
        if rows:
            document[section] = [to_json(section, row) for row in rows]
    return document


def from_document(document: Mapping[str, Any], name: str = "catalogue") -> Catalogue:
    """Return the catalogue of a JSON object in our schema; ``name`` is what messages call it.

    Raises:
        CatalogueError: it has faults.
    """
    return Catalogue(_one_file(dict(document), name))


def from_bytes(content: bytes, name: str = "catalogue") -> Catalogue:
    """Return the catalogue that some bytes of JSON hold.

    Raises:
        CatalogueError: they are no JSON, or it has faults.
    """
    if len(content) > MAX_FILE_BYTES:
        raise CatalogueError([Fault(name, "", "", f"has {len(content)} bytes: no catalogue is that large")])
    return Catalogue(_one_file(parse_json(content, name), name))


def to_bytes(catalogue: Catalogue) -> bytes:
    """Return a whole catalogue as canonical JSON: sorted keys, compact, ASCII."""
    return json.dumps(document_of(catalogue), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def digest(catalogue: Catalogue) -> str:
    """Return the SHA-256 of a catalogue's content as 64 hex digits."""
    return hashlib.sha256(to_bytes(catalogue)).hexdigest()
