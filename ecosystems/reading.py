"""Readers of values from a catalogue file: each returns what a value means, or raises ValueError with what is wrong.

They know one value alone; which key has which reader is in ``schema``.
"""

from collections.abc import Callable
from typing import Any

from . import records as r
from .model_types import canonical_type

Reader = Callable[[Any], Any]

SETTING_KEYS: dict[str, tuple[type, ...]] = {
    "checkpointVersionId": (int,),
    "vaeVersionId": (int,),
    "sampler": (str,),
    "steps": (int,),
    "cfg": (int, float),
    "width": (int,),
    "height": (int,),
    "modelLocked": (bool,),
    "engine": (str,),
}


def text(value: Any) -> str:
    """Read a name or a sentence."""
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise ValueError(f"must be a text without blanks around it, not {_shown(value)}")
    if not value.isprintable():
        raise ValueError("holds a control character")
    return value


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_shown(value)}")
    return value


def number(value: Any) -> int | float:
    """Read a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {_shown(value)}")
    return _finite(value)


def one_of(choices: tuple[str, ...]) -> Reader:
    """Return the reader of a text out of these."""

    def read(value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise ValueError(f"must be one of {', '.join(choices)}, not {_shown(value)}")
        return value

    return read


def model_types(value: Any) -> tuple[str, ...]:
    """Read a list of model types, in any case of letters; no type stands in it twice."""
    names = []
    for name in _list(value):
        known = canonical_type(name) if isinstance(name, str) else None
        if known is None:
            raise ValueError(f"{_shown(name)} is not a model type")
        names.append(known)
    _once(names)
    return tuple(names)


def media(value: Any) -> tuple[str, ...]:
    """Read one media type or a list of them."""
    read = one_of(r.MEDIA_TYPES)
    values = tuple(read(item) for item in (_list(value) if isinstance(value, list) else [value]))
    if not values:
        raise ValueError("names no media type")
    return values


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts that are all different."""
    values = [text(item) for item in _list(value)]
    _once(values)
    return tuple(values)


def aliases(value: Any) -> tuple[r.Alias, ...]:
    """Read a list of ``{"name", "source"}``."""
    result = []
    for item in _list(value):
        _keys(item, {"name", "source"}, {"name", "source"})
        result.append(r.Alias(name=text(item["name"]), source=text(item["source"])))
    return tuple(result)


def settings(value: Any) -> dict[str, Any]:
    """Read default settings; every key has its type."""
    _keys(value, set(SETTING_KEYS))
    for key, item in value.items():
        kinds = SETTING_KEYS[key]
        if not isinstance(item, kinds) or (isinstance(item, bool) and bool not in kinds):
            raise ValueError(f"{key} must be {' or '.join(kind.__name__ for kind in kinds)}, not {_shown(item)}")
        if isinstance(item, float):
            _finite(item)
    return dict(value)


def target(value: Any) -> r.Target:
    """Read an object that names one ecosystem, group or base model."""
    _keys(value, {"ecosystem", "group", "baseModel"})
    if len(value) != 1:
        raise ValueError("must name one ecosystem, one group or one base model")
    ((level, name),) = value.items()
    return r.Target(level, text(name))


def conditions(value: Any) -> dict[str, tuple[str, ...]]:
    """Read what a context must have: ``{"tier": ["gold", "silver"]}``."""
    if not isinstance(value, dict) or not value:
        raise ValueError('must be an object such as {"tier": ["gold"]}')
    return {text(key): texts(item) for key, item in value.items()}


def weights(value: Any) -> r.Weights:
    """Read what is known about a base model's files."""
    keys = {"weights", "license", "confidence", "evidence", "source"}
    _keys(value, keys, {"weights", "source"})
    told = {key: None if value.get(key) is None else text(value[key]) for key in ("license", "confidence", "evidence")}
    return r.Weights(
        weights=one_of(r.WEIGHTS)(value["weights"]),
        license=told["license"],
        confidence=told["confidence"],
        evidence=told["evidence"],
        source=text(value["source"]),
    )


def _finite(value: int | float) -> int | float:
    if value in (float("inf"), float("-inf")) or value != value:  # 1e999 is an infinity to Python's reader of JSON
        raise ValueError(f"must be a number that JSON can hold, not {value}")
    return value


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list, not {_shown(value)}")
    return value


def _once(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} stands in it twice")


def _keys(value: Any, known: set[str], required: frozenset[str] | set[str] = frozenset()) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, not {_shown(value)}")
    for key in value:
        if key not in known:
            raise ValueError(f"has the unknown key {key!r} (known: {', '.join(sorted(known))})")
    for key in sorted(required):
        if key not in value:
            raise ValueError(f"lacks the key {key!r}")
