"""What StableQueue's clients read of a model and of a server, beside what ours read.

Source: its ``docs/API.md``, ``docs/EXTENSION_API.md`` and ``docs/DATABASE_SCHEMA.md``. Nothing of ours is replaced: the
``type`` of a model stays ``LORA`` where StableQueue has ``lora``.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

CIVITAI_PAGE = "https://civitai.com/models/"


def with_their_fields(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model of a list, with its ``servers``, and with the fields that StableQueue has for it as well."""
    paths = [server["path"] for server in model["servers"]]
    folder, name = split_path(paths[0]) if paths else (None, None)
    civitai_id = model["civitai_id"]
    return {
        **model,
        "filename": name,
        "local_path": folder,
        "relativePath": folder,
        "hash_autov2": model["autov2"],
        "hash_sha256": model["sha256"],
        "baseModel": model["base_model"],
        "civitai_model_base": model["base_model"],
        "civitai_url": f"{CIVITAI_PAGE}{civitai_id}" if civitai_id else None,
        "has_preview": False,
        "preview_url": None,
    }


def resource(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return an element of their lists of checkpoints and LoRAs."""
    return {**with_their_fields(model), "previewAvailable": False}


def split_path(path: str) -> tuple[str, str]:
    """Return a path's folder and its file name."""
    folder, _, name = path.rpartition("/")
    return folder, name


def their_server(server: Mapping[str, Any]) -> dict[str, Any]:
    """Return a server with the ``host`` and ``port`` of its address, null where it has none."""
    try:
        parts = urlsplit(server["apiUrl"] or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    return {**server, "host": host, "port": port}


def their_servers(servers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the answer of ``GET /api/v2/servers``."""
    return {"success": True, "servers": [their_server(server) for server in servers]}
