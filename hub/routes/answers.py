"""What answers look like: ASCII JSON, and errors in one shape."""

import json

from starlette.responses import JSONResponse, Response

from ..errors import RequestError


class AsciiJson(JSONResponse):
    """JSON in ASCII: a file's metadata may hold half a surrogate pair, which UTF-8 cannot write."""

    def render(self, content: object) -> bytes:
        """Return the body."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def error_answer(error: RequestError) -> Response:
    """Return the answer that an error becomes."""
    return AsciiJson(error.body(), status_code=error.status, headers=error.headers)
