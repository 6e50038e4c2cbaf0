"""The parts of ``/openapi.json`` that FastAPI cannot read off the routes: bodies and errors.

Bodies are not pydantic models because the checks of an inventory run 50,000 times in a first sync (``entries``), and
one way of checking is enough for one hub.
"""

from collections.abc import Iterable
from typing import Any

from . import job_bodies
from .shape import HASH64, SERVER_ID, SHORT_TEXT, each_or_null

_AUTOV2 = {"type": "string", "pattern": "^[0-9a-fA-F]{10}$"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-fA-F]{16}$"}
_SIZE = {"type": "integer", "minimum": 0}

_ENTRY_MAY_SAY = each_or_null(
    {
        "mtime_ns": {"type": "integer"},
        "sha256": HASH64,
        "autov2": _AUTOV2,
        "tensor_sha256": HASH64,
        "hash_state": {"enum": ["verified", "claimed"], "default": "claimed"},
        "state": {"enum": ["present", "stale"], "default": "present"},
        "shared": {"type": "boolean", "default": True, "description": "false: never copied to another server"},
        "ecosystem": SHORT_TEXT,
        "base_model": SHORT_TEXT,
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "evidence": {"type": "array"},
        "conflicts": {"type": "array"},
        "metadata": {"anyOf": [{"type": "object"}, _DIGEST]},
    }
)

_ENTRY = {
    "type": "object",
    "required": ["path", "type", "size"],
    "anyOf": [{"required": ["sha256"]}, {"required": ["autov2"]}],
    "properties": {
        "path": {"type": "string", "description": "<root label>/<relative path>, POSIX-style"},
        "type": {"type": "string", "description": "a model type such as Checkpoint, LORA or VAE, in any case"},
        "size": _SIZE,
        **_ENTRY_MAY_SAY,
    },
}

_ENTRIES = {"type": "array", "items": _ENTRY}

_SENDER = each_or_null(
    {
        "protocol": {"type": "integer"},
        "agent_id": SHORT_TEXT,
        "agent": {"type": "object"},
        "leaving": {"type": "boolean"},
        "acknowledged": {"type": "array", "items": {"enum": ["rescan", "full"]}},
    }
)
_BITS = {"type": "integer", "minimum": 1, "maximum": 16, "default": 8}

_SERVER = each_or_null(
    {
        "alias": SERVER_ID,
        "apiUrl": {"type": "string"},
        "host": {"type": "string"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "description": {"type": "string"},
    }
)


_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_QUESTION = {
    "type": "object",
    "required": ["checkpoint", "addon", "type"],
    "properties": {
        "checkpoint": {**_NAME, "description": "base model or ecosystem, any name of it in any case"},
        "addon": {**_NAME, "description": "base model or ecosystem of the add-on"},
        "type": {**_NAME, "description": "the add-on's model type, such as LORA"},
        **each_or_null(
            {
                "support": {"enum": ["generation", "training", "auction"], "default": "generation"},
                "runtime": {**_NAME, "description": "ask what this program can load, such as forge"},
            }
        ),
    },
}

_OVERRIDE = each_or_null(
    {
        "base_model": {"type": "string", "description": "base model or ecosystem, any name of it"},
        "type": {"type": "string", "description": "a model type such as LORA"},
        "note": {"type": "string", "maxLength": 500},
    }
)
_CHANGE = each_or_null(
    {
        "name": SHORT_TEXT,
        "type": {"type": "string", "description": "a model type such as LORA"},
        "base_model": {**SHORT_TEXT, "description": "base model or ecosystem, any name of it in the catalogue"},
        "size": _SIZE,
        "civitai_id": {"type": ["integer", "string"]},
        "civitai_version_id": {"type": ["integer", "string"]},
        "download_urls": {"type": "array", "items": {"type": "string"}, "maxItems": 100},
        "metadata": {"type": ["object", "string"], "description": "an object, or the digest of one that is known"},
        "as_written": {"type": "boolean", "default": False, "description": "take base_model and ecosystem as they are"},
        "ecosystem": {"type": "string", "description": "with as_written alone"},
        "confidence": {"type": "number", "description": "with as_written alone"},
    }
)


def _bulk(properties: dict[str, Any]) -> dict[str, Any]:
    """Return a bulk body; what is wrong with a single item is answered as that item's, so no more is said of it."""
    hash_or_id = {"description": "a hash of 10, 12 or 64 digits, or an id"}
    described = {name: {"description": "as in the body for one model"} for name in properties}
    item = {"type": "object", "properties": {"hash": hash_or_id, **described}}
    may_say = {
        "dry_run": {"type": "boolean", "default": False, "description": "say what would be, change nothing"},
        "all_or_nothing": {"type": "boolean", "default": True},
    }
    return {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "maxItems": 1000, "items": item}, **each_or_null(may_say)},
    }


def _named_by(field: str, other: str) -> dict[str, Any]:
    """Return the shape of a question that has its name in one of two fields."""
    narrowed = each_or_null({"type": {"type": "string"}, "server": SHORT_TEXT})
    name = {"type": "string", "minLength": 1, "maxLength": 2048}
    return {"type": "object", "required": [field], "properties": {field: name, other: {"type": "null"}, **narrowed}}


SCHEMAS: dict[str, dict[str, Any]] = {
    **job_bodies.SCHEMAS,
    "SyncBody": {
        "description": "One of four; what another one of them has is not looked at.",
        "anyOf": [
            {
                "title": "heartbeat",
                "type": "object",
                "required": ["digest"],
                "properties": {
                    **_SENDER,
                    **each_or_null({"mode": {"enum": ["heartbeat"]}}),
                    "digest": _DIGEST,
                    **each_or_null({"count": _SIZE, "bits": _BITS}),
                },
            },
            {
                "title": "delta",
                "type": "object",
                "required": ["mode", "base", "digest"],
                "properties": {
                    **_SENDER,
                    "mode": {"enum": ["delta"]},
                    "base": _DIGEST,
                    **each_or_null({"upserts": _ENTRIES, "removed": {"type": "array", "items": {"type": "string"}}}),
                    "digest": _DIGEST,
                },
            },
            {
                "title": "buckets",
                "type": "object",
                "required": ["mode", "buckets", "digest"],
                "properties": {
                    **_SENDER,
                    "mode": {"enum": ["buckets"]},
                    **each_or_null({"bits": _BITS}),
                    "buckets": {"type": "object", "additionalProperties": _ENTRIES},
                    "digest": _DIGEST,
                },
            },
            {
                "title": "the plain full list",
                "type": "object",
                "required": ["models"],
                "properties": {
                    **_SENDER,
                    **each_or_null({"mode": {"enum": ["full"]}}),
                    "models": _ENTRIES,
                    **each_or_null({"digest": _DIGEST, "count": _SIZE}),
                },
            },
        ],
    },
    "AvailabilityBody": {
        "type": "object",
        "required": ["hashes"],
        "properties": {"hashes": {"type": "array", "items": {"type": "string"}, "maxItems": 1000}},
    },
    "RegisterBody": {
        "type": "object",
        "required": ["type"],
        "anyOf": [{"required": ["sha256"]}, {"required": ["autov2"]}],
        "properties": {
            "type": {"type": "string"},
            **each_or_null(
                {
                    "sha256": HASH64,
                    "autov2": _AUTOV2,
                    "tensor_sha256": HASH64,
                    "name": SHORT_TEXT,
                    "size": _SIZE,
                    "ecosystem": SHORT_TEXT,
                    "base_model": SHORT_TEXT,
                    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                    "civitai_id": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "civitai_version_id": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "download_url": {"type": "string"},
                    "download_urls": {"type": "array", "items": {"type": "string"}},
                    "metadata": {"type": "object"},
                }
            ),
        },
    },
    "ServerBody": {"type": "object", "properties": {**_SERVER, **each_or_null({"server_id": SERVER_ID})}},
    "ServerChangeBody": {"type": "object", "properties": _SERVER},
    "CompatibilityBody": {
        "description": "One question, or many of the same kind.",
        "anyOf": [
            {"title": "question", "not": {"required": ["questions"]}, **_QUESTION},
            {
                "title": "questions",
                "type": "object",
                "required": ["questions"],
                "properties": {"questions": {"type": "array", "maxItems": 1000, "items": _QUESTION}},
            },
        ],
    },
    "OverrideBody": {
        "type": "object",
        "anyOf": [{"required": ["base_model"]}, {"required": ["type"]}],
        "properties": _OVERRIDE,
    },
    "FindBody": {
        "type": "object",
        "required": ["questions"],
        "properties": {
            "questions": {
                "type": "array",
                "maxItems": 1000,
                "items": {
                    "anyOf": [
                        {"type": "string", "minLength": 1, "maxLength": 2048},
                        _named_by("path", "name"),
                        _named_by("name", "path"),
                    ]
                },
            }
        },
    },
    "AliasesBody": {
        "type": "object",
        "required": ["aliases"],
        "properties": {
            "aliases": {
                "type": "array",
                "maxItems": 100,
                "items": {"type": "string", "minLength": 1, "maxLength": 2048},
            }
        },
    },
    "OverridesBody": _bulk(_OVERRIDE),
    "ChangeBody": {"type": "object", "minProperties": 1, "properties": _CHANGE},
    "ChangesBody": _bulk(_CHANGE),
    "NewsBody": {
        "anyOf": [
            {
                "title": "after a number",
                "type": "object",
                "required": ["after"],
                "properties": {"after": _SIZE, "hashes": {"type": "null"}},
            },
            {
                "title": "by hash",
                "type": "object",
                "required": ["hashes"],
                "properties": {
                    "after": {"type": "null"},
                    "hashes": {"type": "array", "items": HASH64, "maxItems": 1000},
                },
            },
        ],
    },
    "EnrichmentBody": {
        "type": "object",
        "anyOf": [{"required": ["enabled"]}, {"required": ["retry"]}, {"required": ["hashes"]}],
        "properties": each_or_null(
            {
                "enabled": {"type": "boolean", "description": "null: as the settings say"},
                "retry": {"enum": ["all", "errors", "not_found"]},
                "hashes": {"type": "array", "items": HASH64, "maxItems": 1000},
            }
        ),
    },
    "StatementBody": {
        "type": "object",
        "properties": each_or_null(
            {"server_id": SERVER_ID, "path": {"type": "string", "minLength": 1, "maxLength": 2048}}
        ),
    },
    "KeyBody": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 100}},
    },
    "NewKeyBody": {
        "type": "object",
        "required": ["name", "scope"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "scope": {"enum": ["agent", "client", "admin"]},
            **each_or_null(
                {
                    "server_id": {**SERVER_ID, "description": "the server of an agent's key; no other key has one"},
                    "expires_at": {"type": "string", "description": "a date, or a date and time, in ISO 8601"},
                }
            ),
        },
    },
    "RotateBody": {
        "type": "object",
        "properties": each_or_null({"grace_minutes": {"type": "number", "minimum": 0, "maximum": 10080}}),
    },
    "PairBody": {
        "type": "object",
        "required": ["code"],
        "properties": {"code": {"type": "string", "maxLength": 100, "examples": ["K7QM-3XTP"]}},
    },
    "RequestBody": {
        "type": "object",
        "required": ["request"],
        "properties": {"request": {"enum": ["rescan", "full"]}},
    },
}

_ERROR_SCHEMA = {
    "type": "object",
    "title": "Error",
    "required": ["success", "error", "message", "details"],
    "properties": {
        "success": {"const": False},
        "error": {"type": "string", "description": "snake_code"},
        "message": {"type": "string"},
        "details": {"type": "object"},
    },
}

ERROR: dict[str, Any] = {
    "description": "Refused; error and message say why.",
    "content": {"application/json": {"schema": _ERROR_SCHEMA}},
}
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 422, 426, 429, 503), ERROR)


def body(name: str) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that takes this body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMAS[name]}}}}


def content_body(media_types: Iterable[str]) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that takes what is no JSON, of one of these types."""
    content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}
    return {"requestBody": {"required": True, "content": content}}


def optional_body(name: str) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that takes this body or none."""
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": SCHEMAS[name]}}}}
