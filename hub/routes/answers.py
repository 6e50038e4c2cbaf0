"""What answers look like: ASCII JSON, and errors in one shape."""

from starlette.responses import JSONResponse, Response

from ..errors import RequestError
from ..written import to_json


class AsciiJson(JSONResponse):
    """JSON in ASCII, see ``written``."""

    def render(self, content: object) -> bytes:
        """Return the body."""
        return to_json(content).encode("ascii")


def written(body: str) -> Response:
    """Return the answer whose body is JSON in ASCII already."""
    return Response(body.encode("ascii"), media_type=AsciiJson.media_type)


def error_answer(error: RequestError) -> Response:
    """Return the answer that an error becomes."""
    return AsciiJson(error.body(), status_code=error.status, headers=error.headers)
