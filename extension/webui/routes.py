"""The JSON routes below ``/quartermaster``: translate, ask a view, answer. The page and other extensions use them.

Handlers have the plain form of Starlette, which is the same in fastapi 0.94 and 0.104, and run aside of the web UI's
event loop, because a view may wait for a disk or a hub.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from ...hub_client import HubError, RefusedError
from .guard import MAX_BODY_BYTES, check
from .host import Host
from .question import File, Question, Route, RouteError, View

log = logging.getLogger(__name__)

PREFIX = "/quartermaster"


def add_routes(app: Any, host: Host, routes: tuple[Route, ...]) -> None:
    """Add the routes to the web UI's app; each Reload UI makes a new one."""
    for path in dict.fromkeys(route.path for route in routes):
        views = {route.method: route.view for route in routes if route.path == path}
        app.add_route(f"{PREFIX}/{path}", _endpoint(app, host, views), methods=[*views], include_in_schema=False)


def _endpoint(app: Any, host: Host, views: dict[str, View]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            check(host, app, request)
            question = await _question(request)
            found = await run_in_threadpool(views["GET" if request.method == "HEAD" else request.method], question)
        except RouteError as error:
            return _json(error.status, _failure(error.code, error.message, error.details))
        except HubError as error:
            code = error.code if isinstance(error, RefusedError) and error.code else "hub_unavailable"
            return _json(502, _failure(code, str(error)))
        except Exception:
            # What went wrong is for the console: an answer with internals is a gift to whoever asks for it.
            log.exception("Quartermaster could not answer %s.", request.url.path)
            return _json(500, _failure("internal_error", "something went wrong; the web UI's console says what"))
        if isinstance(found, File):
            headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=60"}
            return Response(found.content, media_type=found.media_type, headers=headers)
        return _json(200, {"success": True, **found})

    return answer


async def _question(request: Request) -> Question:
    query = dict(request.query_params)
    lists = {name: request.query_params.getlist(name) for name in query}
    if request.method in {"GET", "HEAD"}:
        return Question(query, lists, {})
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Neither of the two can be sent by another site's form, so this guards as well as the Origin does.
    if not (kind == "application/json" or kind.startswith("image/")):
        raise RouteError(415, "unsupported_media_type", "send a JSON object, or an image where the route takes one")
    content = await _body(request)
    if kind.startswith("image/"):
        return Question(query, lists, {}, content)
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise RouteError(400, "invalid_json", "the body is not a JSON object")
    return Question(query, lists, body)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RouteError(413, "body_too_large", f"the body is larger than {MAX_BODY_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _failure(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"success": False, "error": code, "message": message, "details": details or {}}


def _json(status: int, value: dict[str, Any]) -> Response:
    return Response(json.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
