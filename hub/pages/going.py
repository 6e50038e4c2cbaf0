"""Where a form's sender looks next."""

from starlette.responses import RedirectResponse, Response


def see(path: str) -> Response:
    """Return the answer to a form: go and look there. ``path`` begins with one slash: it is always one of ours."""
    assert path.startswith("/") and not path.startswith("//")
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def local_path(text: str | None, otherwise: str = "/") -> str:
    """Return a path to go back to, where it is one of this hub's pages; a form can be made to say anything."""
    if text and text.startswith("/") and text[1:2] not in {"/", "\\"} and text.isprintable():
        return text
    return otherwise
