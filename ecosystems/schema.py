"""The schema of a catalogue file: which sections it has, which keys a record has, what each may hold.

A file is one JSON object of sections, each a list of records. The tables below are the schema; reading, writing and
the list of unknown keys all follow them. References between records are checked in ``lint``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from . import records as r
from .reading import (
    Reader,
    aliases,
    conditions,
    flag,
    media,
    model_types,
    number,
    one_of,
    settings,
    target,
    text,
    texts,
    weights,
)

OPERATIONS = ("set", "add", "max", "min")


@dataclass(frozen=True)
class Key:
    """One key of a record: the attribute it becomes and how its value is read (``read`` raises ValueError)."""

    attribute: str
    read: Reader
    required: bool = False


@dataclass(frozen=True)
class Section:
    """One section: its record class and its keys."""

    record: type
    keys: Mapping[str, Key]


_SOURCE = Key("source", text, required=True)
_SUPPORT = Key("support_type", one_of(r.SUPPORT_TYPES), required=True)
_TYPES = Key("model_types", model_types)
TARGET_KEYS = ("ecosystem", "group", "baseModel")
"""Keys of one record that together make its ``target``."""

SECTIONS: dict[str, Section] = {
    "sources": Section(
        r.SourceRecord,
        {
            "key": Key("key", text, required=True),
            "title": Key("title", text, required=True),
            "url": Key("url", text, required=True),
            "commit": Key("commit", text),
            "path": Key("path", text),
            "date": Key("date", text),
            "license": Key("license", text),
        },
    ),
    "runtimes": Section(
        r.RuntimeRecord,
        {
            "name": Key("name", text, required=True),
            "title": Key("title", text),
            "aliases": Key("aliases", aliases),
            "asOf": Key("as_of", text, required=True),
            "modelTypes": Key("model_types", model_types, required=True),
            "anyCheckpoint": Key("any_checkpoint", model_types),
            "source": _SOURCE,
        },
    ),
    "ecosystems": Section(
        r.EcosystemRecord,
        {
            "name": Key("name", text, required=True),
            "parentEcosystem": Key("parent", text),
            "title": Key("title", text),
            "relations": Key("relations", one_of(r.RELATIONS)),
            "reason": Key("reason", text),
            "aliases": Key("aliases", aliases),
            "source": _SOURCE,
        },
    ),
    "ecosystemSupport": Section(
        r.EcosystemSupport,
        {
            "ecosystem": Key("ecosystem", text, required=True),
            "supportType": _SUPPORT,
            "modelTypes": Key("model_types", model_types, required=True),
            "enabled": Key("enabled", flag, required=True),
            "source": _SOURCE,
        },
    ),
    "ecosystemSettings": Section(
        r.EcosystemSettings,
        {
            "ecosystem": Key("ecosystem", text, required=True),
            "defaults": Key("defaults", settings),
            "source": _SOURCE,
        },
    ),
    "crossEcosystemRules": Section(
        r.CrossEcosystemRule,
        {
            "sourceEcosystem": Key("source_ecosystem", text, required=True),
            "targetEcosystem": Key("target_ecosystem", text, required=True),
            "supportType": _SUPPORT,
            "modelTypes": _TYPES,
            "support": Key("support", one_of((r.PARTIAL,)), required=True),
            "runtimes": Key("runtimes", texts),
            "reason": Key("reason", text),
            "source": _SOURCE,
        },
    ),
    "supportOverrides": Section(
        r.SupportOverride,
        {
            "supportType": _SUPPORT,
            "modelTypes": _TYPES,
            "enabled": Key("enabled", flag, required=True),
            "reason": Key("reason", text),
            "source": _SOURCE,
        },
    ),
    "baseModelGroups": Section(
        r.BaseModelGroupRecord,
        {
            "name": Key("name", text, required=True),
            "ecosystem": Key("ecosystem", text, required=True),
            "family": Key("family", text),
            "source": _SOURCE,
        },
    ),
    "baseModels": Section(
        r.BaseModelRecord,
        {
            "name": Key("name", text, required=True),
            "type": Key("media", media, required=True),
            "group": Key("group", text, required=True),
            "hidden": Key("hidden", flag),
            "deprecated": Key("deprecated", flag),
            "canGenerate": Key("can_generate", flag),
            "engine": Key("engine", text),
            "aliases": Key("aliases", aliases),
            "files": Key("files", weights),
            "source": _SOURCE,
        },
    ),
    "exceptions": Section(
        r.PairException,
        {
            "checkpoint": Key("checkpoint", target, required=True),
            "addon": Key("addon", target, required=True),
            "supportType": _SUPPORT,
            "modelTypes": _TYPES,
            "grade": Key("grade", one_of(r.GRADES), required=True),
            "also": Key("also", one_of(r.GRADES)),
            "runtimes": Key("runtimes", texts),
            "reason": Key("reason", text, required=True),
            "source": _SOURCE,
        },
    ),
    "runtimeSupport": Section(
        r.RuntimeSupport,
        {
            "runtime": Key("runtime", text, required=True),
            "modelTypes": Key("model_types", model_types, required=True),
            "confidence": Key("confidence", text),
            "note": Key("note", text),
            "source": _SOURCE,
        },
    ),
    "inputConstraints": Section(
        r.InputConstraint,
        {
            "key": Key("key", text, required=True),
            "value": Key("value", number, required=True),
            "source": _SOURCE,
        },
    ),
    "constraintModifiers": Section(
        r.ConstraintModifier,
        {
            "key": Key("key", text, required=True),
            "when": Key("when", conditions, required=True),
            "operation": Key("operation", one_of(OPERATIONS), required=True),
            "value": Key("value", number, required=True),
            "source": _SOURCE,
        },
    ),
}

NEEDS_TARGET = {"supportOverrides", "runtimeSupport"}
MAY_HAVE_TARGET = {*NEEDS_TARGET, "inputConstraints", "constraintModifiers"}


def to_json(section: str, record: Any) -> dict[str, Any]:
    """Return the JSON object of a record: the inverse of reading; what is at its default is left out."""
    spec = SECTIONS[section]
    result: dict[str, Any] = {}
    if section in MAY_HAVE_TARGET and record.target.level:
        result[record.target.level] = record.target.name
    defaults = {item.name: item.default for item in fields(spec.record)}
    for key, item in spec.keys.items():
        value = getattr(record, item.attribute)
        if item.required or value != defaults[item.attribute]:
            result[key] = _plain(value)
    if section == "baseModels" and len(result["type"]) == 1:
        result["type"] = result["type"][0]
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, r.Target):
        return {value.level: value.name}
    if isinstance(value, (r.Alias, r.Weights)):
        return {
            item.name: getattr(value, item.name)
            for item in fields(value)
            if item.name != "origin" and getattr(value, item.name) is not None
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
