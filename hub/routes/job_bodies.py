"""What the routes of jobs take, see ``openapi``."""

from typing import Any

from .shape import HASH64, SERVER_ID, SHORT_TEXT, each_or_null

_JOB_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_LEASE = {"type": "string", "minLength": 1, "maxLength": 40}

_JOB: dict[str, Any] = {
    "target_server_alias": {**SERVER_ID, "description": "a server's id or alias, or any"},
    **each_or_null(
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

SCHEMAS: dict[str, dict[str, Any]] = {
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
        "properties": {"target_server_alias": {**SERVER_ID, "description": "a server's id or alias, or any"}},
    },
    "ClaimBody": {
        "type": "object",
        "required": ["agent_id"],
        "properties": {
            "agent_id": SHORT_TEXT,
            **each_or_null(
                {
                    "protocol": {"type": "integer", "minimum": 0},
                    "wait_seconds": {"type": "number", "minimum": 0, "maximum": 60},
                    "running": {"type": "array", "maxItems": 100, "items": _JOB_ID},
                    "loaded": HASH64,
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
            **each_or_null(
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
                        "sha256": HASH64,
                        **each_or_null({"infotext": {"type": "string", "maxLength": 100000}}),
                    },
                },
            },
            **each_or_null({"seconds": {"type": "number", "minimum": 0, "maximum": 10000000}, "loaded": HASH64}),
        },
    },
    "FailBody": {
        "type": "object",
        "required": ["lease", "code"],
        "properties": {
            "lease": _LEASE,
            "code": {"type": "string", "pattern": "^[a-z0-9_]{1,60}$"},
            **each_or_null(
                {
                    "message": {"type": "string"},
                    "retry": {"type": "boolean", "description": "another server is to try it"},
                    "missing": {"type": "array", "items": HASH64, "maxItems": 1000},
                }
            ),
        },
    },
}
