"""Paths of values in a request: ``init_images.0``, ``alwayson_scripts.controlnet.args.1.image``."""

from typing import Any

_MOST_STEPS = 50


def put_at(request: dict[str, Any], path: str, value: Any) -> bool:
    """Put a value where a path leads; False where it leads nowhere.

    The name of a script may have dots in it: of the keys that a path could go on with, the longest counts. A key of
    an object may be new, an element of a list may not.
    """
    place: Any = request
    for _ in range(_MOST_STEPS):
        if isinstance(place, dict):
            inner = max((key for key in place if path.startswith(f"{key}.")), key=len, default=None)
            if inner is None:
                if "." in path and path not in place:
                    return False
                place[path] = value
                return True
            place, path = place[inner], path[len(inner) + 1 :]
        elif isinstance(place, list):
            head, dot, path = path.partition(".")
            if not head.isdecimal() or int(head) >= len(place):
                return False
            if not dot:
                place[int(head)] = value
                return True
            place = place[int(head)]
        else:
            return False
    return False
