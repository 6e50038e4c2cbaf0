"""The document's own schema: one file whose records refer to each other by number.

``translate`` puts names in place of the numbers, so that reading, checking and evaluation are the same for both
schemas. Beyond the document a file may hold ``relations`` in an ecosystem, the section ``exceptions`` and the
``layout`` of a verbose configuration (which ``compact`` writes), and the heads ``schema``, ``source``, ``conversion``
and ``report``, which are no facts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import Fault, LegacyError
from .facts import Facts, version_key
from .legacy import read_entry

HEADS = {"schema", "source", "conversion", "report", "layout"}
SECTIONS = (
    "ecosystems",
    "ecosystemSupport",
    "ecosystemSettings",
    "crossEcosystemRules",
    "supportOverrides",
    "baseModelGroups",
    "baseModels",
    "exceptions",
)
REFERENCES = {
    "parentEcosystemId": ("parentEcosystem", "ecosystems"),
    "ecosystemId": ("ecosystem", "ecosystems"),
    "sourceEcosystemId": ("sourceEcosystem", "ecosystems"),
    "targetEcosystemId": ("targetEcosystem", "ecosystems"),
    "groupId": ("group", "baseModelGroups"),
    "baseModelId": ("baseModel", "baseModels"),
}
"""Key that holds a number -> our key that holds a name, and the section it points into."""

NUMBERED = ("ecosystems", "baseModelGroups", "baseModels")


def is_document(raw: Mapping[str, Any]) -> bool:
    """Tell whether a file's object is in the document's schema: it has no head, and no record names its source."""
    rows = [row for rows in raw.values() if isinstance(rows, list) for row in rows]
    return "catalogue" not in raw and not any(isinstance(row, dict) and "source" in row for row in rows)


def read(raw: Mapping[str, Any], file: str) -> Facts:
    """Return the facts of a file in the document's schema; what is wrong with it is in ``faults``."""
    facts = Facts(name=Path(file).stem or file, own_schema=False)
    head = raw.get("source")
    source = head if isinstance(head, dict) else {}
    facts.version = str(source.get("date"))
    try:
        version_key(facts.version)
    except ValueError:
        facts.version = "0"
    facts.add({"sources": [_source(source, facts.name)]}, file)
    translated = {key: value for key, value in raw.items() if key not in HEADS}
    for section in set(translated) - set(SECTIONS):
        known = ", ".join([*SECTIONS, *sorted(HEADS)])
        facts.faults.append(Fault(file, "", section, f"is not a section of the document's schema (known: {known})"))
        del translated[section]
    names = {section: _numbers(raw, section, facts, file) for section in NUMBERED}
    for section, rows in translated.items():
        if isinstance(rows, list):
            translated[section] = [
                _row(section, row, index, names, facts, file) if isinstance(row, dict) else row
                for index, row in enumerate(rows)
            ]
    # A record whose number was faulty is reported once, not a second time for the name it then lacks.
    broken = {(fault.record.partition(" ")[0]) for fault in facts.faults}
    for section, rows in translated.items():
        if isinstance(rows, list):
            for index, row in enumerate(rows):
                if f"{section}[{index}]" in broken and isinstance(row, dict):
                    facts.unreadable.setdefault(section, set()).add(str(row.get("name")))
            translated[section] = [row for i, row in enumerate(rows) if f"{section}[{i}]" not in broken]
    facts.add(translated, file)
    facts.layout = _layout(raw.get("layout", []), facts, file)
    return facts


def _layout(items: Any, facts: Facts, file: str) -> list[Any]:
    if not isinstance(items, list):
        facts.faults.append(Fault(file, "layout", "", "must be a list of groups"))
        return []
    try:
        for index, item in enumerate(items):
            if not isinstance(item, str):
                read_entry(item, f"layout[{index}]")
    except LegacyError as error:
        facts.faults.append(Fault(file, "layout", "", str(error)))
        return []
    return items


def _source(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    repo = source.get("repo")
    row = {"key": "document", "title": repo if isinstance(repo, str) and repo else name}
    row["url"] = f"https://github.com/{repo}" if isinstance(repo, str) and repo else "https://civitai.com"
    for key in ("commit", "path", "date", "license"):
        if isinstance(source.get(key), str) and source[key]:
            row[key] = source[key]
    return row


def _numbers(raw: Mapping[str, Any], section: str, facts: Facts, file: str) -> dict[int, str]:
    names: dict[int, str] = {}
    rows = raw.get(section, [])
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict):
            continue
        label = f"{section}[{index}] {str(row.get('name'))[:60]!r}"
        number = row.get("id")
        if isinstance(number, bool) or not isinstance(number, int):
            facts.faults.append(Fault(file, label, "id", "is missing" if number is None else "must be a whole number"))
        elif number in names:
            facts.faults.append(Fault(file, label, "id", f"{number} is {names[number]!r} already"))
        else:
            names[number] = str(row.get("name"))
    return names


def _row(
    section: str, row: Mapping[str, Any], index: int, names: Mapping[str, Mapping[int, str]], facts: Facts, file: str
) -> dict[str, Any]:
    label = f"{section}[{index}]" + (f" {str(row['name'])[:60]!r}" if "name" in row else "")
    result: dict[str, Any] = {"source": "document"}
    for key, value in row.items():
        if key == "id" and section in NUMBERED:
            continue
        if key not in REFERENCES:
            if key in {"parentEcosystem", "ecosystem", "sourceEcosystem", "targetEcosystem", "group", "baseModel"}:
                facts.faults.append(Fault(file, label, key, f"the document's schema has {key}Id, a number"))
                continue
            result[key] = value
            continue
        ours, pointed = REFERENCES[key]
        if isinstance(value, bool) or not isinstance(value, int):
            facts.faults.append(Fault(file, label, key, "must be a whole number"))
        elif value not in names[pointed]:
            facts.faults.append(Fault(file, label, key, f"no record of {pointed} has the id {value}"))
        else:
            result[ours] = names[pointed][value]
    return result
