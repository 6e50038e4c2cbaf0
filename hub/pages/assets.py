"""``/static/…``: the pages' own files and htmx, from inside the installed packages. Public: the login needs them.

A page names a file with the digest of its content, so a browser may keep it for a year and still has the new one at
once. There is no folder to walk out of: only the names found at import are served.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..errors import NotFoundError

_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_HTMX = {"htmx.js": "static/htmx/htmx.min.js"}
"""Name here -> file of the package ``django-js-lib-htmx``, which is read without importing it (it wants Django). Its
extension for server-sent events is htmx 1's and calls what htmx 2 no longer has: ``live.js`` stands in its place."""


@dataclass(frozen=True)
class Asset:
    """A static file."""

    content: bytes
    media_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Return every static file by its name."""
    own = resources.files(__package__) / "static"
    contents = {item.name: item.read_bytes() for item in own.iterdir() if item.is_file()}
    htmx = resources.files("js_lib_htmx")
    contents.update({name: (htmx / path).read_bytes() for name, path in _HTMX.items()})
    return {name: _asset(name, content) for name, content in contents.items()}


def _asset(name: str, content: bytes) -> Asset:
    return Asset(content, _MEDIA_TYPES[PurePosixPath(name).suffix], hashlib.sha256(content).hexdigest()[:16])


def asset_url(name: str) -> str:
    """Return the address of a static file in its present state."""
    return f"/static/{name}?v={assets()[name].digest}"


router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
def static_file(request: Request, name: str, v: str = "") -> Response:
    """Return one file, or 304 where the browser has it."""
    found = assets().get(name)
    if found is None:
        raise NotFoundError("there is no such file")
    lasting = "public, max-age=31536000, immutable" if v == found.digest else "no-cache"
    headers = {"ETag": f'"{found.digest}"', "Cache-Control": lasting, "X-Content-Type-Options": "nosniff"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.get("/favicon.ico")
def favicon() -> Response:
    """Return the mark, for browsers that ask here without being told to."""
    mark = assets()["mark.svg"]
    return Response(mark.content, media_type=mark.media_type, headers={"Cache-Control": "public, max-age=86400"})
