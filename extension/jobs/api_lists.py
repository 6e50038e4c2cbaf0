"""What a web UI lists of its models over its API, read with care: whatever is odd is not there."""

import re
from collections.abc import Callable, Collection
from typing import Any

from .api_connection import ApiConnection, NotOfferedError
from .engine import (
    CHECKPOINTS,
    CONTROLNETS,
    EMBEDDINGS,
    HYPERNETWORKS,
    LORAS,
    MODULES,
    OPTIONS,
    UPSCALERS,
    VAES,
    EngineAwayError,
    Listed,
    Names,
    RequestRefusedError,
    RunFailedError,
)

_ROUTES = {
    CHECKPOINTS: ("/sdapi/v1/sd-models", "title", "filename"),
    LORAS: ("/sdapi/v1/loras", "name", "path"),
    HYPERNETWORKS: ("/sdapi/v1/hypernetworks", "name", "path"),
    VAES: ("/sdapi/v1/sd-vae", "model_name", "filename"),
    MODULES: ("/sdapi/v1/sd-modules", "model_name", "filename"),
    UPSCALERS: ("/sdapi/v1/upscalers", "name", "model_path"),
}
_REFRESHES = {
    CHECKPOINTS: "/sdapi/v1/refresh-checkpoints",
    LORAS: "/sdapi/v1/refresh-loras",
    VAES: "/sdapi/v1/refresh-vae",
    MODULES: "/sdapi/v1/refresh-vae",
    EMBEDDINGS: "/sdapi/v1/refresh-embeddings",
}
_NAMES: dict[str, tuple[str, Callable[[dict[str, Any]], list[Any]]]] = {
    EMBEDDINGS: ("/sdapi/v1/embeddings", lambda told: _keys(told.get("loaded")) + _keys(told.get("skipped"))),
    CONTROLNETS: ("/controlnet/model_list", lambda told: _items(told.get("model_list"))),
    OPTIONS: ("/sdapi/v1/options", list),
}
"""Lists of names alone."""
_OF_THE_LORA_EXTENSION = (Listed("sd_lora"), Listed("lora_add_hashes_to_infotext"))
"""Forge lists no settings of extensions; its route of LoRAs and these come from the same one."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 4096


def read_lists(connection: ApiConnection, lists: Collection[str]) -> Names:
    """Return those of these lists that this web UI has, and the one of its checkpoints.

    Raises:
        EngineAwayError: it does not answer.
    """
    found: dict[str, tuple[Listed, ...]] = {}
    for kind, (route, name, path) in _ROUTES.items():
        listed = _ask(connection, route) if kind in lists or kind == CHECKPOINTS else None
        if isinstance(listed, list):
            found[kind] = tuple(each for item in listed if (each := _read(item, name, path)) is not None)
    if CHECKPOINTS not in found:
        raise EngineAwayError(f"what answers at {connection.url} lists no checkpoints: is it a web UI with --api?")
    for kind, (route, names_in) in _NAMES.items():
        told = _ask(connection, route) if kind in lists else None
        if isinstance(told, dict):
            found[kind] = tuple(Listed(name) for name in names_in(told) if isinstance(name, str) and _is_short(name))
    if OPTIONS in found and connection.offers(_ROUTES[LORAS][0]):
        found[OPTIONS] = tuple({each.name: each for each in (*found[OPTIONS], *_OF_THE_LORA_EXTENSION)}.values())
    return found


def refresh_lists(connection: ApiConnection, lists: Collection[str]) -> None:
    """Have these lists made anew, as far as the web UI can.

    Raises:
        EngineAwayError: it does not answer.
    """
    for route in dict.fromkeys(_REFRESHES[kind] for kind in lists if kind in _REFRESHES):
        try:
            connection.post(route)
        except (NotOfferedError, RequestRefusedError, RunFailedError):
            continue


def _ask(connection: ApiConnection, route: str) -> Any:
    try:
        return connection.get(route)
    except (NotOfferedError, RequestRefusedError, RunFailedError):
        return None


def _read(item: Any, name: str, path: str) -> Listed | None:
    told = item.get(name) if isinstance(item, dict) else None
    if not isinstance(told, str) or not _is_short(told):
        return None
    file, sha256 = item.get(path), item.get("sha256")
    return Listed(
        told,
        file if isinstance(file, str) and _is_short(file) else None,
        sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
    )


def _is_short(name: str) -> bool:
    return 0 < len(name) <= _LONGEST


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict) else []


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
