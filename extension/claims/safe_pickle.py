"""Reading the one kind of pickle that a web UI's hash cache holds, and nothing else.

An entry is a flat dict such as ``{"mtime": 1700000000.5, "sha256": "…"}``. A pickle is a program: besides running
what it names (``find_class`` raises here), it can ask for gigabytes by naming a high memo slot, or for centuries by
nesting tuples as a key. So only the instructions that such a dict is made of are let through, in a text of bounded
length.
"""

import io
import pickle
import pickletools
from typing import NoReturn

MAX_PICKLE_BYTES = 1024

_HARMLESS = frozenset({
    "PROTO", "FRAME", "STOP", "EMPTY_DICT", "MARK", "SETITEM", "SETITEMS", "MEMOIZE", "BINPUT", "BINGET",
    "SHORT_BINUNICODE", "BINUNICODE", "BINFLOAT", "BININT", "BININT1", "BININT2", "LONG1", "NONE", "NEWTRUE",
    "NEWFALSE",
})  # fmt: skip
"""Instructions of pickle protocols 2 to 5 that make scalars and a flat dict (names as in ``pickletools``)."""


class ForbiddenPickleError(ValueError):
    """The pickle is not a plain dict of strings and numbers, or not a pickle at all."""


def load_flat_dict(data: bytes) -> dict[object, object]:
    """Return the dict in a pickle without running anything that the pickle asks for.

    Raises:
        ForbiddenPickleError: it holds anything else.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise ForbiddenPickleError(f"a pickle of {len(data)} bytes, more than {MAX_PICKLE_BYTES}")
    try:
        for opcode, _argument, _position in pickletools.genops(data):
            if opcode.name not in _HARMLESS:
                raise ForbiddenPickleError(f"a pickle with the instruction {opcode.name}")
        value = _Unpickler(io.BytesIO(data)).load()
    except ForbiddenPickleError:
        raise
    except (pickle.UnpicklingError, ValueError, TypeError, LookupError, EOFError, OverflowError) as error:
        raise ForbiddenPickleError(f"no pickle: {error}") from None
    if not isinstance(value, dict):
        raise ForbiddenPickleError("a pickle of something else than a dict")
    return value


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise ForbiddenPickleError(f"a pickle that names {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise ForbiddenPickleError("a pickle with a persistent id")
