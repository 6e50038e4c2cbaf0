"""The fields of a form that a page sent, read within limits."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.formparsers import MultiPartException

from ..errors import FieldError, TooLargeError

_MAX_BYTES = 1 << 16
_MAX_FIELDS = 50


async def _read(request: Request) -> dict[str, str]:
    stated = request.headers.get("content-length", "")
    if not stated.isdigit() or int(stated) > _MAX_BYTES:
        raise TooLargeError(f"a form must state its length, and may have {_MAX_BYTES} bytes")
    try:
        form = await request.form(max_files=0, max_fields=_MAX_FIELDS, max_part_size=_MAX_BYTES)
    except MultiPartException as error:
        raise FieldError("form", error.message) from error
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


Form = Annotated[dict[str, str], Depends(_read)]
"""Field -> value, without the blanks around it; of several with one name the last."""
