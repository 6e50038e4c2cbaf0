"""``/docs`` and ``/openapi.json``: the HTTP surface for a person and for programs, without anything from the internet.

Not public: a browser asks for the key (as user name) and the secret (as password) by HTTP's Basic scheme. No other
route takes that scheme, because a browser sends it along with requests that another site's page makes.
"""

from importlib import resources

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

from ..errors import NotFoundError
from .answers import AsciiJson
from .callers import the_hub
from .described import describe

_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
"""The files of Swagger UI that the package ``fastapi-offline`` brings along and the page needs."""


def _reader(request: Request) -> None:
    headers = request.headers
    authorization = headers.get("authorization")
    scheme = "Bearer" if (authorization or "").lower().startswith("bearer") else "Basic"
    the_hub(request).keys.recognise(headers.get("x-api-key"), headers.get("x-api-secret"), authorization, scheme=scheme)


router = APIRouter(include_in_schema=False, dependencies=[Depends(_reader)])


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """Describe every route."""
    return AsciiJson(describe(request.app))


@router.get("/docs")
def page(request: Request) -> Response:
    """Show the description as a page; its addresses are relative, so that it works behind a proxy's prefix."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title=request.app.title,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # which would send the description to swagger.io
    )


@router.get("/docs/{name}")
def part(name: str) -> Response:
    """Return a file that the page needs."""
    if name not in _MEDIA_TYPES:
        raise NotFoundError("there is no such part of the documentation")
    content = (resources.files("fastapi_offline") / "static" / name).read_bytes()
    return Response(content, media_type=_MEDIA_TYPES[name], headers={"Cache-Control": "private, max-age=86400"})
