"""The parts of ``/openapi.json`` that FastAPI cannot read off the routes: bodies and errors.

Bodies are not pydantic models because the checks of an inventory run 50,000 times in a first sync (``entries``), and
one way of checking is enough for one hub.
"""

from collections.abc import Iterable
from typing import Any


def _or_null(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties that may be null as well, which is the same as leaving them out."""
    return {name: {"anyOf": [value, {"type": "null"}]} for name, value in properties.items()}


_HASH64 = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
_AUTOV2 = {"type": "string", "pattern": "^[0-9a-fA-F]{10}$"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-fA-F]{16}$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
_SIZE = {"type": "integer", "minimum": 0}

_ENTRY_MAY_SAY = _or_null(
    {
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

_SENDER = _or_null(
    {
        "protocol": {"type": "integer"},
        "agent_id": _TEXT,
        "agent": {"type": "object"},
        "leaving": {"type": "boolean"},
        "acknowledged": {"type": "array", "items": {"enum": ["rescan", "full"]}},
    }
)
_BITS = {"type": "integer", "minimum": 1, "maximum": 16, "default": 8}

_SERVER_ID = {"type": "string", "minLength": 1, "maxLength": 100}
_SERVER = _or_null(
    {
        "alias": _SERVER_ID,
        "apiUrl": {"type": "string"},
        "host": {"type": "string"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "description": {"type": "string"},
    }
)

_JOB_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_LEASE = {"type": "string", "minLength": 1, "maxLength": 40}

_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_QUESTION = {
    "type": "object",
    "required": ["checkpoint", "addon", "type"],
    "properties": {
        "checkpoint": {**_NAME, "description": "base model or ecosystem, any name of it in any case"},
        "addon": {**_NAME, "description": "base model or ecosystem of the add-on"},
        "type": {**_NAME, "description": "the add-on's model type, such as LORA"},
        **_or_null(
            {
                "support": {"enum": ["generation", "training", "auction"], "default": "generation"},
                "runtime": {**_NAME, "description": "ask what this program can load, such as forge"},
            }
        ),
    },
}

_OVERRIDE = _or_null(
    {
        "base_model": {"type": "string", "description": "base model or ecosystem, any name of it"},
        "type": {"type": "string", "description": "a model type such as LORA"},
        "note": {"type": "string", "maxLength": 500},
    }
)
_CHANGE = _or_null(
    {
        "name": _TEXT,
        "type": {"type": "string", "description": "a model type such as LORA"},
        "base_model": {**_TEXT, "description": "base model or ecosystem, any name of it in the catalogue"},
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
        "properties": {"items": {"type": "array", "maxItems": 1000, "items": item}, **_or_null(may_say)},
    }


_JOB: dict[str, Any] = {
    "target_server_alias": {**_SERVER_ID, "description": "a server's id or alias, or any"},
    **_or_null(
        {
            "generation_params": {
                "type": "object",
                "description": "StableQueue's parameters; numbers may be text. Fields of txt2img are taken as well",
                "properties": {
                    "positive_prompt": {"type": "string"},
                    "negative_prompt": {"type": "string"},
                    "checkpoint_name": {"type": ["string", "null"], "description": "a name, path or title"},
                    "model_hash": {"type": ["string", "null"], "description": "of 10, 12 or 64 digits"},
                },
            },
            "payload": {"type": "object", "description": "a web UI's request for txt2img or img2img"},
            "infotext": {"type": "string", "description": "the text that a web UI writes into an image"},
            "generation_info_raw": {"type": "string", "description": "StableQueue's name of infotext"},
            "mode": {"enum": ["txt2img", "img2img"]},
            "app_type": {"type": "string", "description": "the web UI that is asked for: forge, a1111, …"},
            "source_info": {"type": "string", "description": "what sends it, in its own words"},
            "models": {
                "type": "array",
                "maxItems": 2000,
                "description": "hashes of models that the request names",
                "items": {
                    "type": "object",
                    "required": ["role", "name"],
                    "properties": {
                        "role": {"type": "string", "description": "checkpoint, refiner, vae, lora, embedding, …"},
                        "name": {"type": "string", "minLength": 1},
                        "hash": {"type": ["string", "null"]},
                    },
                },
            },
        }
    ),
    "priority": {"description": "from -10 to 10, 0 unless told"},
    "max_attempts": {"description": "how often servers may begin it, 1 to 20, 3 unless told"},
}
"""What a submission may hold beside the fields of a bare request to a web UI; numbers may be text."""


def _named_by(field: str, other: str) -> dict[str, Any]:
    """Return the shape of a question that has its name in one of two fields."""
    narrowed = _or_null({"type": {"type": "string"}, "server": _TEXT})
    name = {"type": "string", "minLength": 1, "maxLength": 2048}
    return {"type": "object", "required": [field], "properties": {field: name, other: {"type": "null"}, **narrowed}}


SCHEMAS: dict[str, dict[str, Any]] = {
    "SyncBody": {
        "description": "One of four; what another one of them has is not looked at.",
        "anyOf": [
            {
                "title": "heartbeat",
                "type": "object",
                "required": ["digest"],
                "properties": {
                    **_SENDER,
                    **_or_null({"mode": {"enum": ["heartbeat"]}}),
                    "digest": _DIGEST,
                    **_or_null({"count": _SIZE, "bits": _BITS}),
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
                    **_or_null({"upserts": _ENTRIES, "removed": {"type": "array", "items": {"type": "string"}}}),
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
                    **_or_null({"bits": _BITS}),
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
                    **_or_null({"mode": {"enum": ["full"]}}),
                    "models": _ENTRIES,
                    **_or_null({"digest": _DIGEST, "count": _SIZE}),
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
            **_or_null(
                {
                    "sha256": _HASH64,
                    "autov2": _AUTOV2,
                    "tensor_sha256": _HASH64,
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
                }
            ),
        },
    },
    "ServerBody": {"type": "object", "properties": {**_SERVER, **_or_null({"server_id": _SERVER_ID})}},
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
                    "hashes": {"type": "array", "items": _HASH64, "maxItems": 1000},
                },
            },
        ],
    },
    "EnrichmentBody": {
        "type": "object",
        "anyOf": [{"required": ["enabled"]}, {"required": ["retry"]}, {"required": ["hashes"]}],
        "properties": _or_null(
            {
                "enabled": {"type": "boolean", "description": "null: as the settings say"},
                "retry": {"enum": ["all", "errors", "not_found"]},
                "hashes": {"type": "array", "items": _HASH64, "maxItems": 1000},
            }
        ),
    },
    "StatementBody": {
        "type": "object",
        "properties": _or_null(
            {"server_id": _SERVER_ID, "path": {"type": "string", "minLength": 1, "maxLength": 2048}}
        ),
    },
    "KeyBody": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 100}},
    },
    "JobBody": {
        "description": "generation_params, payload, infotext, or the fields of a txt2img request as they are.",
        "type": "object",
        "required": ["target_server_alias"],
        "properties": _JOB,
    },
    "BulkJobBody": {
        "type": "object",
        "required": ["target_server_alias", "bulk_quantity"],
        "properties": {
            **_JOB,
            "bulk_quantity": {"description": "how many jobs, 1 to 1000"},
            "seed_variation": {"type": "string", "description": "random (unless told), increment or fixed"},
            "base_seed": {"description": "the first seed; -1: any"},
            "job_delay": {"description": "StableQueue's; nothing follows from it"},
        },
    },
    "PriorityBody": {
        "type": "object",
        "required": ["priority"],
        "properties": {"priority": {"description": "from -10 to 10"}},
    },
    "MoveBody": {
        "type": "object",
        "required": ["target_server_alias"],
        "properties": {"target_server_alias": {**_SERVER_ID, "description": "a server's id or alias, or any"}},
    },
    "NewKeyBody": {
        "type": "object",
        "required": ["name", "scope"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "scope": {"enum": ["agent", "client", "admin"]},
            **_or_null(
                {
                    "server_id": {**_SERVER_ID, "description": "the server of an agent's key; no other key has one"},
                    "expires_at": {"type": "string", "description": "a date, or a date and time, in ISO 8601"},
                }
            ),
        },
    },
    "RotateBody": {
        "type": "object",
        "properties": _or_null({"grace_minutes": {"type": "number", "minimum": 0, "maximum": 10080}}),
    },
    "PairBody": {
        "type": "object",
        "required": ["code"],
        "properties": {"code": {"type": "string", "maxLength": 100, "examples": ["K7QM-3XTP"]}},
    },
    "ClaimBody": {
        "type": "object",
        "required": ["agent_id"],
        "properties": {
            "agent_id": _TEXT,
            **_or_null(
                {
                    "protocol": {"type": "integer", "minimum": 0},
                    "wait_seconds": {"type": "number", "minimum": 0, "maximum": 60},
                    "running": {"type": "array", "maxItems": 100, "items": _JOB_ID},
                    "loaded": _HASH64,
                    "runtime": {"type": "string", "minLength": 1, "maxLength": 20},
                }
            ),
        },
    },
    "ProgressBody": {
        "type": "object",
        "required": ["lease"],
        "properties": {
            "lease": _LEASE,
            **_or_null(
                {
                    "progress": {"type": "number", "minimum": 0, "maximum": 1},
                    "phase": {"enum": ["preparing", "loading", "running", "saving"]},
                    "step": {"type": "integer", "minimum": 0, "maximum": 1000000},
                    "steps": {"type": "integer", "minimum": 0, "maximum": 1000000},
                    "eta_seconds": {"type": "number", "minimum": 0, "maximum": 10000000},
                    "preview": {"type": "string", "description": "JPEG, PNG or WebP in base64, at most 256 KiB"},
                }
            ),
        },
    },
    "CompleteBody": {
        "type": "object",
        "required": ["lease", "images"],
        "properties": {
            "lease": _LEASE,
            "images": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": {
                    "type": "object",
                    "required": ["n", "sha256"],
                    "properties": {
                        "n": {"type": "integer", "minimum": 0, "maximum": 999},
                        "sha256": _HASH64,
                        **_or_null({"infotext": {"type": "string", "maxLength": 100000}}),
                    },
                },
            },
            **_or_null({"seconds": {"type": "number", "minimum": 0, "maximum": 10000000}, "loaded": _HASH64}),
        },
    },
    "FailBody": {
        "type": "object",
        "required": ["lease", "code"],
        "properties": {
            "lease": _LEASE,
            "code": {"type": "string", "pattern": "^[a-z0-9_]{1,60}$"},
            **_or_null(
                {
                    "message": {"type": "string"},
                    "retry": {"type": "boolean", "description": "another server is to try it"},
                    "missing": {"type": "array", "items": _HASH64, "maxItems": 1000},
                }
            ),
        },
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
