"""``/openapi.json``: the routes as FastAPI knows them, and what each answers when it does what was asked.

The answers are written down here and not read off pydantic models: they are plain objects, and a test holds thousands
of them against these shapes. An answer may have more than is said here, never less.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from ..ages import STATES
from ..availability import AMBIGUOUS, STATUSES, UNKNOWN
from ..effective import SOURCES
from ..enrichment.ledger import STATES as STATES_OF_LOOK_UP
from ..events.kinds import KINDS
from ..jobs.image_types import ENDINGS
from . import job_answers
from .shape import (
    COUNT,
    DONE,
    FLAG,
    HASH,
    NUMBER,
    OBJECT,
    STATE,
    TEXT,
    TIME,
    Schema,
    answer,
    listed,
    or_null,
    ref,
    shape,
    together,
)

_STATUS: Schema = {"enum": list(STATUSES)}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
_BUCKETS = shape(bits=COUNT, digests={"type": "object", "additionalProperties": _DIGEST})

_SCOPE: Schema = {"enum": ["agent", "client", "admin"]}
_STATEMENT = shape(value={}, by={"enum": list(SOURCES)}, who=or_null(TEXT), at=or_null(TIME))

COMPONENTS: dict[str, Schema] = {
    **job_answers.COMPONENTS,
    "Key": shape(
        key=TEXT,
        name=TEXT,
        scope=_SCOPE,
        server_id=or_null(TEXT),
        created_at=TIME,
        revoked_at=or_null(TIME),
        by_pairing=FLAG,
        expires_at=or_null(TIME),
        last_used_at=or_null(TIME),
        rotated_at=or_null(TIME),
        previous_until=or_null(TIME),
    ),
    "Session": shape(
        id=TEXT,
        key=or_null(TEXT),
        name=TEXT,
        scope=_SCOPE,
        created_at=TIME,
        last_seen=TIME,
        expires_at=TIME,
        address=TEXT,
        browser=TEXT,
    ),
    "AuditEntry": shape(id=COUNT, at=TIME, by=OBJECT, action=TEXT, subject=or_null(TEXT), details=OBJECT),
    "Model": shape(
        id=COUNT,
        name=TEXT,
        type=TEXT,
        sha256=HASH,
        autov2=HASH,
        autov3=HASH,
        tensor_sha256=HASH,
        size=or_null(COUNT),
        ecosystem=or_null(TEXT),
        base_model=or_null(TEXT),
        confidence=or_null(NUMBER),
        civitai_id=or_null(TEXT),
        civitai_version_id=or_null(TEXT),
        override=or_null(ref("Override")),
    ),
    "Override": shape(
        base_model=or_null(TEXT),
        ecosystem=or_null(TEXT),
        type=or_null(TEXT),
        note=or_null(TEXT),
        by=or_null(TEXT),
        at=TIME,
    ),
    "Holder": shape(
        server_id=TEXT,
        alias=TEXT,
        state=STATE,
        path=TEXT,
        paths=listed(TEXT),
        hash_state={"enum": ["verified", "claimed"]},
        last_seen=or_null(TIME),
    ),
    "Source": shape(kind=TEXT, url=or_null(TEXT)),
    "Whereabouts": shape(status=_STATUS, servers=listed(ref("Holder")), sources=listed(ref("Source"))),
    "Candidate": together(ref("Model"), ref("Whereabouts"), shape(matched_by=TEXT)),
    "Availability": answer(
        status={"enum": [*STATUSES, AMBIGUOUS, UNKNOWN]},
        model=or_null(ref("Model")),
        servers=listed(ref("Holder")),
        sources=listed(ref("Source")),
        candidates=listed(ref("Candidate")),
    ),
    "DescribedModel": together(
        ref("Model"),
        shape(
            evidence=listed({}),
            conflicts=listed({}),
            metadata=OBJECT,
            found=OBJECT,
            registered=FLAG,
            fields=shape(
                name=ref("Field"),
                type=ref("Field"),
                size=ref("Field"),
                ecosystem=ref("Field"),
                base_model=ref("Field"),
                hashes=ref("Field"),
                sources=ref("Field"),
                trigger_words=ref("Field"),
                nsfw=ref("Field"),
            ),
            civitai=or_null(ref("LookUp")),
        ),
    ),
    "Found": shape(
        asked=TEXT,
        success=DONE,
        status={"enum": [*STATUSES, AMBIGUOUS, UNKNOWN]},
        model=or_null(ref("Model")),
        servers=listed(ref("Holder")),
        sources=listed(ref("Source")),
        candidates=listed(together(ref("Model"), shape(matched_by=TEXT))),
        more=FLAG,
    ),
    "Alias": shape(alias=TEXT, source={"enum": ["hand", "import", "own", "seen"]}, by=or_null(TEXT), at=TIME),
    "Resource": together(
        ref("Model"),
        ref("Whereabouts"),
        shape(filename=or_null(TEXT), relativePath=or_null(TEXT), baseModel=or_null(TEXT)),
    ),
    "Statement": _STATEMENT,
    "Field": together(
        shape(value={}, by=or_null({"enum": list(SOURCES)}), who=or_null(TEXT), at=or_null(TIME)),
        shape(others=listed(ref("Statement"))),
    ),
    "LookUp": shape(
        state={"enum": list(STATES_OF_LOOK_UP)},
        asked_at=or_null(TIME),
        next_at=TIME,
        gone_at=or_null(TIME),
        error=or_null(TEXT),
        unknown_base_model=or_null(TEXT),
    ),
    "ItemDone": shape(hash=or_null(TEXT), success=DONE, model=ref("Model")),
    "ItemRefused": shape(hash=or_null(TEXT), success={"const": False}, error=TEXT, message=TEXT, details=OBJECT),
    "Server": shape(
        server_id=TEXT,
        alias=TEXT,
        apiUrl=or_null(TEXT),
        description=or_null(TEXT),
        state=STATE,
        last_seen=or_null(TIME),
        count=COUNT,
        digest=_DIGEST,
        agent=or_null(OBJECT),
        requests=listed(TEXT),
    ),
    "Event": shape(
        cursor=TEXT,
        at=TIME,
        kind={"enum": sorted(KINDS)},
        server_id=or_null(TEXT),
        model=or_null(shape(id=COUNT, name=TEXT, hash=TEXT)),
        data=OBJECT,
    ),
    "Coverage": shape(
        server_id=TEXT,
        alias=TEXT,
        state=STATE,
        models=COUNT,
        size=COUNT,
        types={"type": "object", "additionalProperties": shape(models=COUNT, size=COUNT)},
        lacks=COUNT,
    ),
    "Verdict": shape(
        checkpoint=TEXT,
        addon=TEXT,
        type=TEXT,
        support=TEXT,
        runtime=or_null(TEXT),
        grade={"enum": ["Full", "Partial", "None", "Unknown"]},
        reason=TEXT,
        steps=listed(TEXT),
    ),
}

_NAMED = answer(model=ref("Model"), aliases=listed(ref("Alias")))
_STATED = together(answer(message=TEXT), ref("Whereabouts"))
_MODEL = together(answer(model=ref("DescribedModel")), ref("Whereabouts"))
_CORRECTED = answer(model=ref("Model"), override=or_null(ref("Override")))
_SERVER_CHANGED = answer(message=TEXT, server=ref("Server"))
_SAID = shape(type=or_null(TEXT), ecosystem=or_null(TEXT), base_model=or_null(TEXT), at=TIME)
_UNDO = shape(items=listed(OBJECT))
_CHANGED_MANY = answer(
    dry_run=FLAG,
    done=COUNT,
    failed=COUNT,
    results=listed({"anyOf": [ref("ItemDone"), ref("ItemRefused")]}),
    undo=_UNDO,
)
_LOOK_UPS = answer(
    service=TEXT,
    enabled=FLAG,
    enabled_by={"enum": ["settings", "hand"]},
    counts=shape(asked=COUNT, **dict.fromkeys(STATES_OF_LOOK_UP, COUNT)),
    next_at=or_null(TIME),
    paused_until=or_null(TIME),
    trouble=or_null(TEXT),
    trouble_since=or_null(TIME),
    last_error=or_null(TEXT),
    last_error_at=or_null(TIME),
    last_answer_at=or_null(TIME),
    unknown_base_models=listed(shape(name=TEXT, models=COUNT)),
)
_SYNCED = answer(
    protocol=COUNT,
    server_id=TEXT,
    in_sync=FLAG,
    digest=_DIGEST,
    count=COUNT,
    wanted=listed(TEXT),
    requests=listed(TEXT),
    changed=shape(added=COUNT, updated=COUNT, removed=COUNT),
    catalogue=TEXT,
)
_SYNCED["properties"]["buckets"] = _BUCKETS

_NEW_KEY = answer(key=TEXT, secret=TEXT, name=TEXT, scope=_SCOPE, server_id=or_null(TEXT))

ANSWERS: dict[str, Schema] = {
    **job_answers.ANSWERS,
    "GET /healthz": answer(status=TEXT),
    "GET /readyz": answer(status=TEXT, database=TEXT, migration=TEXT),
    "POST /api/v1/servers/{server_id}/models/sync": _SYNCED,
    "GET /api/v1/models/{hash}/availability": ref("Availability"),
    "POST /api/v1/models/availability": answer(results={"type": "object", "additionalProperties": ref("Availability")}),
    "POST /api/v1/models/register": together(_MODEL, shape(created=FLAG)),
    "GET /api/v1/models": answer(
        count=COUNT,
        models=listed(together(ref("Model"), ref("Whereabouts"))),
        next_cursor=or_null(TEXT),
        indexing=COUNT,
    ),
    "GET /api/v1/fleet/coverage": answer(
        as_of=TIME, models=COUNT, placed=COUNT, single=COUNT, types=listed(TEXT), servers=listed(ref("Coverage"))
    ),
    "GET /api/v1/fleet/duplicates": answer(
        groups=listed(
            shape(tensor_sha256=TEXT, models=listed(together(ref("Model"), ref("Whereabouts")))),
        ),
        next_after=or_null(TEXT),
    ),
    "PUT /api/v1/models": _CHANGED_MANY,
    "POST /api/v1/models/overrides": _CHANGED_MANY,
    "GET /api/v1/models/{hash}": _MODEL,
    "PUT /api/v1/models/{hash}": together(_MODEL, shape(undo=OBJECT)),
    "GET /api/v1/models/{hash}/overrides": _CORRECTED,
    "PUT /api/v1/models/{hash}/overrides": _CORRECTED,
    "DELETE /api/v1/models/{hash}/overrides": _CORRECTED,
    "GET /api/v1/models/find": ref("Found"),
    "POST /api/v1/models/find": answer(results=listed(ref("Found"))),
    "GET /api/v1/models/{hash}/aliases": _NAMED,
    "PUT /api/v1/models/{hash}/aliases": _NAMED,
    "DELETE /api/v1/models/{hash}/aliases": _NAMED,
    "POST /api/v1/models/{hash}/availability": _STATED,
    "DELETE /api/v1/models/{hash}/availability": _STATED,
    "GET /api/v1/checkpoints": listed(ref("Resource")),
    "GET /api/v1/loras": listed(ref("Resource")),
    "GET /api/v1/api-keys": answer(count=COUNT, api_keys=listed(OBJECT)),
    "POST /api/v1/api-keys": answer(message=TEXT, api_key=OBJECT, key=TEXT, secret=TEXT),
    "GET /api/v2/servers": answer(servers=listed(ref("Server"))),
    "GET /status": answer(status=TEXT),
    "GET /api/v1/servers": listed(ref("Server")),
    "POST /api/v1/servers": _SERVER_CHANGED,
    "GET /api/v1/servers/{server_id}": ref("Server"),
    "PUT /api/v1/servers/{server_id}": _SERVER_CHANGED,
    "DELETE /api/v1/servers/{server_id}": answer(message=TEXT),
    "POST /api/v1/servers/{server_id}/requests": answer(requests=listed(TEXT)),
    "GET /api/v1/ecosystems": answer(version=TEXT, digest=TEXT, ecosystems=listed(OBJECT), catalogue=OBJECT),
    "POST /api/v1/compatibility": {
        "anyOf": [together(answer(version=TEXT), ref("Verdict")), answer(version=TEXT, verdicts=listed(ref("Verdict")))]
    },
    "GET /api/v1/events": answer(events=listed(ref("Event")), cursor=TEXT),
    "GET /api/v1/models/{hash}/history": answer(
        model=ref("Model"),
        intervals=listed(shape(server_id=TEXT, path=TEXT, since=TIME, until=or_null(TIME))),
        complete=FLAG,
    ),
    "GET /api/v1/servers/{server_id}/history": answer(
        server_id=TEXT,
        states=listed(shape(state=STATE, since=TIME, until=or_null(TIME))),
        days=listed(shape(day=TEXT, **dict.fromkeys([*STATES, "unknown"], NUMBER))),
    ),
    "GET /api/v1/growth": answer(
        days=listed(shape(day=TEXT, at=TIME, models=COUNT, placements=COUNT, bytes=COUNT, servers=COUNT))
    ),
    "GET /api/v1/keys": answer(keys=listed(ref("Key"))),
    "POST /api/v1/keys": _NEW_KEY,
    "POST /api/v1/keys/{key}/rotate": _NEW_KEY,
    "DELETE /api/v1/keys/{key}": answer(message=TEXT),
    "GET /api/v1/sessions": answer(sessions=listed(ref("Session"))),
    "DELETE /api/v1/sessions/{session_id}": answer(message=TEXT),
    "GET /api/v1/audit": answer(entries=listed(ref("AuditEntry")), next_cursor=or_null(TEXT)),
    "POST /api/v1/models/news": answer(
        news=COUNT,
        more=FLAG,
        models=listed(
            shape(
                sha256=TEXT,
                override=or_null(ref("Override")),
                registered=or_null(_SAID),
                civitai=or_null(_SAID),
            )
        ),
    ),
    "GET /api/v1/enrichment": _LOOK_UPS,
    "POST /api/v1/enrichment": together(_LOOK_UPS, shape(asked_again=COUNT)),
    "POST /api/v1/pair": answer(server_id=TEXT, key=TEXT, secret=TEXT),
}
"""Method and path -> the shape of the answer to what succeeded."""


def describe(app: FastAPI) -> Mapping[str, Any]:
    """Return the description of an application's routes, with the shapes of their answers."""
    described = app.openapi()
    described.setdefault("components", {}).setdefault("schemas", {}).update(COMPONENTS)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            schema = ANSWERS.get(f"{method.upper()} {path}")
            for status, answered in operation["responses"].items():
                if schema is not None and status in {"200", "201", "202"}:
                    types = ENDINGS if schema is job_answers.IMAGE else ["application/json"]
                    answered["content"] = {name: {"schema": schema} for name in types}
    return described
