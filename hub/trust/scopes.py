"""Which scope each route needs at least; finer checks (an agent's own server, its own models) are the services'.

A route of the API that is not named here is for administrators, so that one that was forgotten is shut, not open. A
page that is not named may be looked at by every key, and changed through by administrators.
"""

from ..errors import ForbiddenError
from ..keys import ADMIN, AGENT, CLIENT, Caller
from .entrance import SAFE_METHODS

_RANKS = {CLIENT: 0, AGENT: 1, ADMIN: 2}

PUBLIC = frozenset(
    {
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/pair",
        "GET /login",
        "POST /login",
        "GET /static/{name}",
        "GET /favicon.ico",
        "GET /status",
    }
)
"""Routes for whoever can reach the hub."""

LEAST: dict[str, str] = {
    "GET /openapi.json": CLIENT,
    "GET /docs": CLIENT,
    "GET /docs/{name}": CLIENT,
    "POST /logout": CLIENT,
    "POST /api/v1/servers/{server_id}/models/sync": AGENT,
    "GET /api/v1/models": CLIENT,
    "GET /api/v1/models/{hash}": CLIENT,
    "GET /api/v1/models/{hash}/availability": CLIENT,
    "POST /api/v1/models/availability": CLIENT,
    "POST /api/v1/models/register": AGENT,
    "GET /api/v1/models/{hash}/overrides": CLIENT,
    "PUT /api/v1/models/{hash}/overrides": AGENT,
    "DELETE /api/v1/models/{hash}/overrides": AGENT,
    "GET /api/v1/models/find": CLIENT,
    "POST /api/v1/models/find": CLIENT,
    "GET /api/v1/models/{hash}/aliases": CLIENT,
    "PUT /api/v1/models/{hash}/aliases": AGENT,
    "DELETE /api/v1/models/{hash}/aliases": AGENT,
    "GET /api/v1/models/{hash}/history": CLIENT,
    "PUT /api/v1/models": ADMIN,
    "PUT /api/v1/models/{hash}": ADMIN,
    "POST /api/v1/models/overrides": AGENT,
    "GET /api/v1/servers/{server_id}/history": CLIENT,
    "GET /api/v1/growth": CLIENT,
    "GET /api/v1/events": CLIENT,
    "GET /metrics": CLIENT,
    "POST /api/v1/models/news": CLIENT,
    "GET /api/v1/fleet/coverage": CLIENT,
    "GET /api/v1/fleet/duplicates": CLIENT,
    "GET /api/v1/enrichment": CLIENT,
    "POST /api/v1/enrichment": ADMIN,
    "GET /api/v2/servers": CLIENT,
    "GET /api/v1/queue/servers": CLIENT,
    "POST /api/v1/models/{hash}/availability": AGENT,
    "DELETE /api/v1/models/{hash}/availability": AGENT,
    "GET /api/v1/checkpoints": CLIENT,
    "GET /api/v1/loras": CLIENT,
    "GET /api/v1/api-keys": ADMIN,
    "POST /api/v1/api-keys": ADMIN,
    "POST /api/v1/generate": CLIENT,
    "POST /api/v2/generate": CLIENT,
    "POST /api/v2/generate/bulk": CLIENT,
    "POST /api/v2/generate/check": CLIENT,
    "GET /api/v2/jobs": CLIENT,
    "GET /api/v2/jobs/{job_id}/status": CLIENT,
    "POST /api/v2/jobs/{job_id}/cancel": CLIENT,
    "POST /api/v2/jobs/{job_id}/retry": CLIENT,
    "POST /api/v2/jobs/{job_id}/priority": CLIENT,
    "POST /api/v2/jobs/{job_id}/move": CLIENT,
    "GET /api/v1/queue/jobs": CLIENT,
    "GET /api/v1/queue/jobs/{job_id}/status": CLIENT,
    "POST /api/v1/queue/jobs/{job_id}/cancel": CLIENT,
    "DELETE /api/v1/queue/jobs/{job_id}": CLIENT,
    "PUT /api/v1/jobs/{job_id}/images/{n}": AGENT,
    "GET /api/v2/jobs/{job_id}/images": CLIENT,
    "GET /api/v2/jobs/{job_id}/images/{n}": CLIENT,
    "GET /api/v2/jobs/{job_id}/preview": CLIENT,
    "POST /api/v1/servers/{server_id}/jobs/claim": AGENT,
    "POST /api/v1/jobs/{job_id}/progress": AGENT,
    "POST /api/v1/jobs/{job_id}/complete": AGENT,
    "POST /api/v1/jobs/{job_id}/fail": AGENT,
    "POST /theme": CLIENT,
    "POST /servers/{server_id}/requests": AGENT,
    "GET /servers/{server_id}/remove": ADMIN,
    "GET /keys/{key}/revoke": ADMIN,
    "GET /keys/pair": ADMIN,
    "GET /keys/paired": ADMIN,
    "GET /api/v1/servers": CLIENT,
    "POST /api/v1/servers": ADMIN,
    "GET /api/v1/servers/{server_id}": CLIENT,
    "PUT /api/v1/servers/{server_id}": ADMIN,
    "DELETE /api/v1/servers/{server_id}": ADMIN,
    "POST /api/v1/servers/{server_id}/requests": AGENT,
    "GET /api/v1/ecosystems": CLIENT,
    "POST /api/v1/compatibility": CLIENT,
    "GET /api/v1/keys": ADMIN,
    "POST /api/v1/keys": ADMIN,
    "POST /api/v1/keys/{key}/rotate": ADMIN,
    "DELETE /api/v1/keys/{key}": ADMIN,
    "GET /api/v1/sessions": ADMIN,
    "DELETE /api/v1/sessions/{session_id}": ADMIN,
    "GET /api/v1/audit": ADMIN,
}
"""Method and path of a route -> the least scope."""


def least_scope(method: str, path: str) -> str:
    """Return the scope that a route needs; ``path`` as it was declared, with its variables."""
    method = "GET" if method in SAFE_METHODS else method
    default = CLIENT if method == "GET" and not path.startswith("/api/") else ADMIN
    return LEAST.get(f"{method} {path}", default)


def check_scope(caller: Caller, method: str, path: str) -> None:
    """Raise ForbiddenError where a caller's scope is below that of a route."""
    needed = least_scope(method, path)
    if _RANKS[caller.scope] < _RANKS[needed]:
        raise ForbiddenError(f"a key of scope {caller.scope} may not do this; it needs the scope {needed}")
