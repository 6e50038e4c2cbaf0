"""The facts of a catalogue as they were read: records by section, and the faults found on the way."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import records as r
from .errors import CatalogueError, Fault
from .reading import text
from .schema import MAY_HAVE_TARGET, NEEDS_TARGET, SECTIONS, TARGET_KEYS

DOCUMENT_SCHEMA = "document"
"""What a catalogue's head says when its records came from a file in the document's schema."""

MAX_FILE_BYTES = 16 << 20
"""No catalogue is near this; a file that is larger is something else."""


@dataclass
class Facts:
    """A catalogue's records, unchecked against each other."""

    name: str = ""
    version: str = ""
    own_schema: bool = True
    """False for a file in the document's schema: it cannot say that a family is explicit, or where facts come from."""
    sections: dict[str, list[Any]] = field(default_factory=lambda: {section: [] for section in SECTIONS})
    faults: list[Fault] = field(default_factory=list)
    layout: list[Any] = field(default_factory=list)
    """How a verbose configuration that the records came from was laid out; see ``expand``."""
    unreadable: dict[str, set[str]] = field(default_factory=dict)
    """Section -> names of records that have faults: who refers to one is not at fault too."""

    def all(self, section: str) -> list[Any]:
        """Return the records of a section in the order they were read."""
        return self.sections[section]

    def add(self, document: Mapping[str, Any], file: str) -> None:
        """Read one file's object; what is wrong with it goes to ``faults``."""
        for section, rows in document.items():
            if section == "catalogue":
                self._read_head(rows, file)
            elif section not in SECTIONS:
                known = ", ".join(["catalogue", *SECTIONS])
                self.faults.append(Fault(file, "", section, f"is not a section of a catalogue (known: {known})"))
            elif not isinstance(rows, list):
                self.faults.append(Fault(file, section, "", "must be a list of records"))
            else:
                for index, row in enumerate(rows):
                    self._read_record(section, index, row, file)

    def _read_head(self, head: Any, file: str) -> None:
        if self.version:
            self.faults.append(Fault(file, "catalogue", "", "stands in another file already"))
            return
        if not isinstance(head, dict):
            self.faults.append(Fault(file, "catalogue", "", "must be an object with name and version"))
            return
        for key in head:
            if key not in {"name", "version", "schema"}:
                known = "name, version, schema"
                self.faults.append(Fault(file, "catalogue", key, f"is not a key of this record (known: {known})"))
        if head.get("schema", DOCUMENT_SCHEMA) != DOCUMENT_SCHEMA:
            self.faults.append(Fault(file, "catalogue", "schema", f"must be {DOCUMENT_SCHEMA!r} where it is there"))
        self.own_schema = "schema" not in head
        try:
            self.name, self.version = text(head.get("name")), text(head.get("version"))
            version_key(self.version)
        except ValueError as error:
            self.faults.append(Fault(file, "catalogue", "name, version", str(error)))

    def _read_record(self, section: str, index: int, row: Any, file: str) -> None:
        spec = SECTIONS[section]
        label = f"{section}[{index}]"
        if not isinstance(row, dict):
            self.faults.append(Fault(file, label, "", "must be an object"))
            return
        name = row.get("name", row.get("key"))
        if isinstance(name, str) and section not in {"inputConstraints", "constraintModifiers"}:
            label += f" {name[:60]!r}"
        else:
            name = None
        before = len(self.faults)
        values: dict[str, Any] = {}
        target_keys = TARGET_KEYS if section in MAY_HAVE_TARGET else ()
        for key, value in row.items():
            if key in target_keys:
                continue
            item = spec.keys.get(key)
            if item is None:
                known = ", ".join([*target_keys, *spec.keys])
                self.faults.append(Fault(file, label, str(key), f"is not a key of this record (known: {known})"))
                continue
            try:
                values[item.attribute] = item.read(value)
            except ValueError as error:
                self.faults.append(Fault(file, label, key, str(error)))
        for key, item in spec.keys.items():
            if item.required and key not in row:
                self.faults.append(Fault(file, label, key, "is missing"))
        if target_keys:
            values["target"] = self._read_target(section, row, file, label)
        if len(self.faults) == before:
            self.sections[section].append(spec.record(**values, origin=r.Origin(file, label)))
        elif name is not None:
            self.unreadable.setdefault(section, set()).add(name)

    def _read_target(self, section: str, row: Mapping[str, Any], file: str, label: str) -> r.Target:
        named = [key for key in TARGET_KEYS if key in row]
        if len(named) > 1 or (not named and section in NEEDS_TARGET):
            problem = "must name exactly one of ecosystem, group, baseModel"
            self.faults.append(Fault(file, label, ", ".join(named) or "ecosystem", problem))
        if len(named) != 1:
            return r.Target()
        try:
            return r.Target(named[0], text(row[named[0]]))
        except ValueError as error:
            self.faults.append(Fault(file, label, named[0], str(error)))
            return r.Target()


def version_key(version: str) -> tuple[int, ...]:
    """Return a catalogue's version as numbers to compare: ``2026.11.21`` is newer than ``2026.8.8``.

    Raises:
        ValueError: it is not made of numbers with dots or hyphens between them.
    """
    try:
        key = tuple(int(part) for part in version.replace("-", ".").split("."))
    except ValueError:
        raise ValueError(f"a version is numbers with dots between them, not {version[:40]!r}") from None
    if any(part < 0 or part > 10**9 for part in key):
        raise ValueError(f"a version has numbers below a thousand million, not {version[:40]!r}")
    return key


def read_json(path: Path) -> Any:
    """Return the JSON of a file.

    Raises:
        CatalogueError: it cannot be read, is too large, or is not JSON.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise CatalogueError([Fault(str(path), "", "", f"has {size_bytes} bytes: no catalogue is that large")])
        content = path.read_bytes()
    except OSError as error:
        raise CatalogueError([Fault(str(path), "", "", f"cannot be read: {error.strerror or error}")]) from error
    return parse_json(content, str(path))


def parse_json(content: bytes, file: str) -> Any:
    """Return the JSON of some bytes; an object that has a key twice is refused.

    Raises:
        CatalogueError: it is not JSON.
    """
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise CatalogueError([Fault(file, "", "", f"is not JSON that can be used: {error}")]) from error


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"an object has the key {key!r} twice")
        result[key] = value
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")
