"""What a web UI lists of its models over its API, read with care: whatever is odd is not there."""

import re
from collections.abc import Collection
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
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 4096


def read_lists(connection: ApiConnection) -> Names:
    """Return all lists that this web UI has.

    Raises:
        EngineAwayError: it does not answer.
    """
    found: dict[str, tuple[Listed, ...]] = {}
    for kind, (route, name, path) in _ROUTES.items():
        listed = _ask(connection, route)
        if isinstance(listed, list):
            found[kind] = tuple(each for item in listed if (each := _read(item, name, path)) is not None)
    if CHECKPOINTS not in found:
        raise EngineAwayError(f"what answers at {connection.url} lists no checkpoints: is it a web UI with --api?")
    embeddings = _ask(connection, "/sdapi/v1/embeddings")
    if isinstance(embeddings, dict):
        parts = [embeddings.get(part) for part in ("loaded", "skipped")]
        found[EMBEDDINGS] = _named([name for part in parts if isinstance(part, dict) for name in part])
    models = _ask(connection, "/controlnet/model_list")
    if isinstance(models, dict) and isinstance(models.get("model_list"), list):
        found[CONTROLNETS] = _named(models["model_list"])
    options = _ask(connection, "/sdapi/v1/options")
    if isinstance(options, dict):
        found[OPTIONS] = _named(list(options))
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
    if not isinstance(told, str) or not 0 < len(told) <= _LONGEST:
        return None
    file, sha256 = item.get(path), item.get("sha256")
    return Listed(
        told,
        file if isinstance(file, str) and 0 < len(file) <= _LONGEST else None,
        sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
    )


def _named(names: list[Any]) -> tuple[Listed, ...]:
    return tuple(Listed(name) for name in names if isinstance(name, str) and 0 < len(name) <= _LONGEST)
