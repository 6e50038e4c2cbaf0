"""``/docs`` and ``/openapi.json``: the HTTP surface for a person and for programs, without anything from the internet.

Not public: a browser that is logged in to the web page sees them; another asks for the key (as user name) and the
secret (as password) by HTTP's Basic scheme. No other route takes that scheme, because a browser sends it along with
requests that another site's page makes.
"""

from html import escape
from importlib import resources

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from ..errors import NotFoundError
from ..trust.headers import POLICY
from .answers import AsciiJson
from .callers import the_hub
from .described import describe

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csrf-token" content="{token}">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon.png">
<title>{title}</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
"""FastAPI's own page has its script inline, which the Content-Security-Policy forbids."""

_START = """"use strict";
const token = document.querySelector("meta[name=csrf-token]").content;
SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
    validatorUrl: null,  // which would send the description to swagger.io
    requestInterceptor: (request) => {
        if (token) {
            request.headers["X-CSRF-Token"] = token;
        }
        return request;
    },
});
"""
"""Starts Swagger UI; what is tried out goes by the session of the browser, if it has one."""

_POLICY = f"{POLICY}; img-src 'self' data:; style-src 'self' 'unsafe-inline'"
"""Swagger UI draws its icons from ``data:`` addresses and sets styles in its markup; scripts stay the hub's own."""

_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
"""The files of Swagger UI that the package ``fastapi-offline`` brings along and the page needs."""


def _reader(request: Request) -> None:
    authorization = request.headers.get("authorization", "")
    the_hub(request).entrance.caller(
        request, scheme="Bearer" if authorization.lower().startswith("bearer") else "Basic"
    )


router = APIRouter(include_in_schema=False, dependencies=[Depends(_reader)])


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """Describe every route."""
    return AsciiJson(describe(request.app))


@router.get("/docs")
def page(request: Request) -> Response:
    """Show the description as a page; its addresses are relative, so that it works behind a proxy's prefix."""
    token = the_hub(request).entrance.csrf_token(request)
    content = _PAGE.format(token=escape(token), title=escape(request.app.title))
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/{name}")
def part(name: str) -> Response:
    """Return a file that the page needs."""
    if name == "start.js":
        return Response(_START, media_type="text/javascript")
    if name not in _MEDIA_TYPES:
        raise NotFoundError("there is no such part of the documentation")
    content = (resources.files("fastapi_offline") / "static" / name).read_bytes()
    return Response(content, media_type=_MEDIA_TYPES[name], headers={"Cache-Control": "private, max-age=86400"})
