"""Words to describe what JSON looks like, as JSON Schema has them."""

from typing import Any

from ..ages import STATES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
OBJECT: Schema = {"type": "object"}
TIME: Schema = {"type": "string", "format": "date-time"}
DONE: Schema = {"const": True}
HASH64: Schema = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
STATE: Schema = {"enum": list(STATES)}
SERVER_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 100}
SHORT_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 500}


def ref(name: str) -> Schema:
    """Return the reference to a shape of ``COMPONENTS``."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """Return the shape of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def each_or_null(properties: dict[str, Schema]) -> dict[str, Schema]:
    """Return properties that may be null as well, which is the same as leaving them out."""
    return {name: or_null(value) for name, value in properties.items()}


def listed(schema: Schema) -> Schema:
    """Return the shape of a list."""
    return {"type": "array", "items": schema}


def shape(**properties: Schema) -> Schema:
    """Return the shape of an object that always has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def answer(**properties: Schema) -> Schema:
    """Return the shape of an answer: an object that says ``success``, and these."""
    return shape(success=DONE, **properties)


def together(*shapes: Schema) -> Schema:
    """Return the shape of what has all of these shapes."""
    return {"allOf": list(shapes)}


HASH = or_null({"type": "string", "pattern": "^[0-9a-f]+$"})
