"""JSON in ASCII as answers have it: of any value, and of many objects with the same names by a template.

An answer to a thousand hashes has four thousand objects; to make dicts and to encode them takes as long again as to
fill in a template for each.
"""

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

__all__ = ["array", "quoted", "scalar", "template", "to_json"]

to_json = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
"""Return any value as JSON. A file's metadata may hold half a surrogate pair, which UTF-8 cannot write: so ASCII."""


def scalar(value: Any) -> str:
    """Return a value of a column as JSON."""
    if value is None:
        return "null"
    kind = type(value)
    return quoted(value) if kind is str else repr(value) if kind is int else to_json(value)


def array(written: Iterable[str]) -> str:
    """Return values that are JSON already as a list."""
    return f"[{','.join(written)}]"


def template(names: Iterable[str]) -> str:
    """Return what becomes an object with these names by ``template % values``, each of them JSON already."""
    return "{" + ",".join(f"{quoted(name)}:%s" for name in names) + "}"
