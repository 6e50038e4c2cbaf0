"""Where a form's sender looks next."""

from starlette.responses import RedirectResponse, Response


def see(path: str) -> Response:
    """Return the answer to a form: go and look there. ``path`` begins with one slash: it is always one of ours."""
    assert path.startswith("/") and not path.startswith("//")
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})
