"""The parts of ``/openapi.json`` that FastAPI cannot read off the routes: bodies and errors.

Bodies are not pydantic models because the checks of an inventory run 50,000 times in a first sync (``entries``), and
one way of checking is enough for one hub.
"""

from typing import Any

_HASH64 = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
_AUTOV2 = {"type": "string", "pattern": "^[0-9a-fA-F]{10}$"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-fA-F]{16}$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
_SIZE = {"type": "integer", "minimum": 0}

_ENTRY = {
    "type": "object",
    "required": ["path", "type", "size"],
    "anyOf": [{"required": ["sha256"]}, {"required": ["autov2"]}],
    "properties": {
        "path": {"type": "string", "description": "<root label>/<relative path>, POSIX-style"},
        "type": {"type": "string", "description": "a model type such as Checkpoint, LORA or VAE, in any case"},
        "size": _SIZE,
        "mtime_ns": {"type": "integer"},
        "sha256": _HASH64,
        "autov2": _AUTOV2,
        "tensor_sha256": _HASH64,
        "hash_state": {"enum": ["verified", "claimed"], "default": "claimed"},
        "state": {"enum": ["present", "stale"], "default": "present"},
        "shared": {"type": "boolean", "default": True, "description": "false: never copied to another server"},
        "ecosystem": _TEXT,
        "base_model": _TEXT,
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "evidence": {"type": "array"},
        "conflicts": {"type": "array"},
        "metadata": {"anyOf": [{"type": "object"}, _DIGEST]},
    },
}

_ENTRIES = {"type": "array", "items": _ENTRY}

_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_QUESTION = {
    "checkpoint": {**_NAME, "description": "base model or ecosystem, any name of it in any case"},
    "addon": {**_NAME, "description": "base model or ecosystem of the add-on"},
    "type": {**_NAME, "description": "the add-on's model type, such as LORA"},
    "support": {"enum": ["generation", "training", "auction"], "default": "generation"},
    "runtime": {**_NAME, "description": "ask what this program can load, such as forge"},
}

_TEXT_OR_NULL = {"type": ["string", "null"], "minLength": 1, "maxLength": 500}
_OVERRIDE = {
    "base_model": {"type": ["string", "null"], "description": "base model or ecosystem, any name of it"},
    "type": {"type": ["string", "null"], "description": "a model type such as LORA"},
    "note": {"type": ["string", "null"], "maxLength": 500},
}
_CHANGE = {
    "name": _TEXT_OR_NULL,
    "type": {"type": ["string", "null"], "description": "a model type such as LORA"},
    "base_model": {**_TEXT_OR_NULL, "description": "base model or ecosystem, any name of it in the catalogue"},
    "size": {"type": ["integer", "null"], "minimum": 0},
    "civitai_id": {"type": ["integer", "string", "null"]},
    "civitai_version_id": {"type": ["integer", "string", "null"]},
    "download_urls": {"type": ["array", "null"], "items": {"type": "string"}, "maxItems": 100},
    "metadata": {"type": ["object", "string", "null"], "description": "an object, or the digest of one that is known"},
    "as_written": {"type": "boolean", "default": False, "description": "take base_model and ecosystem as they are"},
    "ecosystem": {**_TEXT_OR_NULL, "description": "with as_written alone"},
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
}


def _bulk(properties: dict[str, Any]) -> dict[str, Any]:
    hash_or_id = {"type": "string", "description": "a hash of 10, 12 or 64 digits, or an id"}
    item = {"type": "object", "required": ["hash"], "properties": {"hash": hash_or_id, **properties}}
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "maxItems": 1000, "items": item},
            "dry_run": {"type": "boolean", "default": False, "description": "say what would be, change nothing"},
            "all_or_nothing": {"type": "boolean", "default": True},
        },
    }


SCHEMAS: dict[str, dict[str, Any]] = {
    "SyncBody": {
        "type": "object",
        "description": "One of four: heartbeat (digest, count), delta, buckets, or the plain full list (models).",
        "properties": {
            "protocol": {"type": "integer"},
            "agent_id": _TEXT,
            "agent": {"type": "object"},
            "leaving": {"type": "boolean"},
            "acknowledged": {"type": "array", "items": {"enum": ["rescan", "full"]}},
            "mode": {"enum": ["heartbeat", "delta", "buckets", "full"]},
            "digest": _DIGEST,
            "count": {"type": "integer", "minimum": 0},
            "bits": {"type": "integer", "minimum": 1, "maximum": 16},
            "base": _DIGEST,
            "upserts": _ENTRIES,
            "removed": {"type": "array", "items": {"type": "string"}},
            "buckets": {"type": "object", "additionalProperties": _ENTRIES},
            "models": _ENTRIES,
        },
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
            "sha256": _HASH64,
            "autov2": _AUTOV2,
            "tensor_sha256": _HASH64,
            "type": {"type": "string"},
            "name": _TEXT,
            "size": _SIZE,
            "ecosystem": _TEXT,
            "base_model": _TEXT,
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "civitai_id": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "civitai_version_id": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "download_url": {"type": "string"},
            "download_urls": {"type": "array", "items": {"type": "string"}},
            "metadata": {"type": "object"},
        },
    },
    "ServerBody": {
        "type": "object",
        "properties": {
            "server_id": {"type": "string", "minLength": 1, "maxLength": 100},
            "alias": {"type": "string", "minLength": 1, "maxLength": 100},
            "apiUrl": {"type": "string"},
            "host": {"type": "string"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "description": {"type": "string"},
        },
    },
    "CompatibilityBody": {
        "type": "object",
        "anyOf": [{"required": ["checkpoint", "addon", "type"]}, {"required": ["questions"]}],
        "properties": {
            **_QUESTION,
            "questions": {
                "type": "array",
                "maxItems": 1000,
                "items": {"type": "object", "required": ["checkpoint", "addon", "type"], "properties": _QUESTION},
            },
        },
    },
    "OverrideBody": {
        "type": "object",
        "anyOf": [{"required": ["base_model"]}, {"required": ["type"]}],
        "properties": _OVERRIDE,
    },
    "OverridesBody": _bulk(_OVERRIDE),
    "ChangeBody": {"type": "object", "minProperties": 1, "properties": _CHANGE},
    "ChangesBody": _bulk(_CHANGE),
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
ERRORS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 422, 426, 503), ERROR)


def body(name: str) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that takes this body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMAS[name]}}}}
