"""What a refusal looks like: a page in plain words for a person's browser, JSON for every other caller."""

from fastapi import Request
from starlette.responses import Response

from ..errors import RequestError
from ..routes.answers import error_answer
from .rendering import page

_TITLES = {
    400: "The hub did not understand that",
    401: "Please sign in",
    403: "This key may not do that",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "That contradicts what the hub holds",
    413: "That is too much at once",
    422: "Something in there is not right",
    429: "Too many tries",
    500: "The hub failed",
    503: "The hub cannot reach its database",
}
_NEXT = {
    401: "Sign in with a key, or with the link that the hub printed when it was first started.",
    403: "Sign in with a key of the scope admin, or ask whoever runs this hub.",
    404: "It may have been removed or renamed since the link was made.",
    429: "Wait a minute before you try again.",
    500: "Nothing was changed. What happened stands in the hub's log, under the number above.",
    503: "Your servers keep their models and tell the hub again when it is back. Try again in a few seconds.",
}


def refusal(request: Request, error: RequestError) -> Response:
    """Return the answer that an error becomes for this caller."""
    if error.status < 400 or not is_for_a_person(request):
        return error_answer(error)
    answer = page(
        request,
        None,
        "error.html",
        status=error.status,
        title=_TITLES.get(error.status, "That did not work"),
        message=error.message,
        what_next=_NEXT.get(error.status, "Go back and try again."),
        back=request.url.path if error.status >= 500 and request.method == "GET" else "/",
    )
    answer.headers.update(error.headers)
    return answer


def is_for_a_person(request: Request) -> bool:
    """Say whether a browser asked for a page; htmx and programs ask for something else."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
