"""Puts a hub together: ``create_app(settings)`` opens the database, migrates it and returns the web application."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._version import VERSION
from .background import running
from .clock import Clock
from .cors import OtherOrigins
from .errors import FieldError, RequestError
from .observing import Observed
from .pages import PAGE_ROUTERS
from .pages.refusals import refusal
from .proxies import TrustedProxies, read_proxies
from .reading import DrainedBodies
from .request_facts import request_id_of
from .routes import ALL_ROUTERS
from .routes.answers import AsciiJson
from .services import Hub
from .settings import HubSettings
from .trust.headers import SecurityHeaders

_log = logging.getLogger(__name__)
_ROUTERS = (*PAGE_ROUTERS, *ALL_ROUTERS)


def create_app(settings: HubSettings, clock: Clock | None = None) -> FastAPI:
    """Return the web application of one hub, its database open and migrated.

    Raises:
        DatabaseUnusableError: the database cannot be used.
    """
    hub = Hub(settings, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        hub.broadcaster.open()
        try:
            async with running(hub.jobs):
                yield
        finally:
            hub.broadcaster.close()
        hub.close()

    app = FastAPI(
        title="Quartermaster hub",
        version=VERSION,
        summary="Which server has which model.",
        lifespan=lifespan,
        default_response_class=AsciiJson,
        redirect_slashes=False,
        openapi_url=None,  # ours need a key, see routes/documentation.py
    )
    app.state.hub = hub
    for router in _ROUTERS:
        app.include_router(router)
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _invalid_parameter)
    app.add_middleware(RequestIds)
    app.add_middleware(OtherOrigins, origins=settings.origins)
    app.add_middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds)
    app.add_middleware(Observed, metrics=hub.metrics, stopping=hub.stopping)
    app.add_middleware(DrainedBodies)
    app.add_middleware(TrustedProxies, proxies=read_proxies(settings.trusted_proxies))  # before whoever reads addresses
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return refusal(request, error)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))  # starlette names those of the first route alone
    refused = RequestError(
        f"{request.method} {request.scope['path']}: {error.detail}",  # its url is built from any Host header
        code=codes.get(error.status_code, "bad_request"),
        headers=headers,
    )
    refused.status = error.status_code
    return refusal(request, refused)


def _methods_of(request: Request) -> set[str]:
    """Return what may be done to the path of a request: by the routes that name it, else by those with a variable."""
    found: dict[int, set[str]] = {}
    for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
        for route in (route for router in _ROUTERS for route in router.routes):
            match, child = route.matches({**request.scope, "method": method, "path_params": {}})
            if match is Match.FULL:
                found.setdefault(len(child.get("path_params", {})), set()).add(method)
                break
    return found[min(found)] if found else set()


async def _invalid_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    refused = FieldError(name, str(first["msg"]), missing=first["type"] == "missing")
    return refusal(request, refused)


class RequestIds:
    """Gives every request an id, answers it in ``X-Request-Id``, and turns what went wrong inside into a 500.

    The 500 tells nothing but that id; the log has the same id beside what happened.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            _log.exception("request %s failed: %s %s", request_id, scope["method"], json.dumps(scope["path"]))
            if started:
                raise
            refused = RequestError(
                f"the hub failed to answer this request; its log has the details under {request_id}",
                {"request_id": request_id},
                code="internal_error",
            )
            refused.status = 500
            await refusal(Request(scope), refused)(scope, receive, send_with_id)
