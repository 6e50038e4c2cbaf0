"""What a registration states of a model, checked."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..ecosystems.model_types import canonical_type
from ..hub_client.digest import canonical_json, metadata_digest
from . import fields
from .database import Record
from .errors import ConflictError, FieldError
from .hashes import AUTOV2_DIGITS, AUTOV3_DIGITS
from .limits import Limits


def read_registration(body: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Return the columns that a registration states, None for what it does not, and the metadata's ``content``.

    Raises:
        FieldError: a field is missing or wrong.
        ConflictError: its hashes contradict each other.
    """
    sha256, autov2 = fields.hexadecimal(body, "sha256", 64), fields.hexadecimal(body, "autov2", AUTOV2_DIGITS)
    if sha256 is None and autov2 is None:
        raise FieldError("sha256", "a hash is required: sha256, or autov2 alone", missing=True)
    if sha256 is not None and autov2 not in (None, sha256[:AUTOV2_DIGITS]):
        raise ConflictError(
            f"autov2 {autov2} is not the head of sha256 {sha256}", {"field": "autov2"}, code="hash_conflict"
        )
    kind = canonical_type(fields.text(body, "type", limits.text_characters) or "")
    if kind is None:
        fields.required(body, "type")
        raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
    tensor = fields.hexadecimal(body, "tensor_sha256", 64)
    sources = _sources(body)
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise FieldError("metadata", "must be an object")
    if metadata is not None:
        fields.kept_json(metadata, "metadata", limits.metadata_bytes, limits.json_depth)
    return {
        "hash_sha256": sha256,
        "hash_autov2": autov2 or (sha256 or "")[:AUTOV2_DIGITS],
        "hash_tensor": tensor,
        "hash_autov3": tensor[:AUTOV3_DIGITS] if tensor else None,
        "type": kind,
        "name": fields.text(body, "name", limits.text_characters),
        "size_bytes": fields.integer(body, "size"),
        "ecosystem": fields.text(body, "ecosystem", limits.text_characters),
        "base_model": fields.text(body, "base_model", limits.text_characters),
        "confidence": fields.number(body, "confidence", 0, 1),
        "civitai_id": _civitai_number(body, "civitai_id"),
        "civitai_version_id": _civitai_number(body, "civitai_version_id"),
        "sources": json.dumps(sources) if sources else None,
        "registered_metadata_digest": None if metadata is None else metadata_digest(metadata),
        "content": None if metadata is None else canonical_json(metadata).decode("ascii"),
    }


def _civitai_number(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise FieldError(name, "must be a number of Civitai's")
    return text


def _sources(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return where a model can be downloaded: Civitai's own address for a version, and every URL given."""
    listed: list[dict[str, Any]] = []
    model, version = _civitai_number(body, "civitai_id"), _civitai_number(body, "civitai_version_id")
    if model is not None or version is not None:
        url = f"https://civitai.com/api/download/models/{version}" if version is not None else None
        listed.append({"kind": "civitai", "civitai_id": model, "civitai_version_id": version, "url": url})
    urls = body.get("download_urls")
    if urls is not None and not isinstance(urls, list):
        raise FieldError("download_urls", "must be a list of URLs")
    named = [(f"download_urls[{number}]", url) for number, url in enumerate(urls or [])]
    if body.get("download_url") is not None:
        named.insert(0, ("download_url", body["download_url"]))
    for name, url in named:
        if not _is_web_address(url):
            raise FieldError(name, "must be an http or https URL without a user name or password")
        listed.append({"kind": "url", "url": url})
    return listed


def _is_web_address(url: object) -> bool:
    if not isinstance(url, str) or len(url) > 2048 or not fields.is_clean(url) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def check_tensor(known: Record, stated: Mapping[str, Any]) -> None:
    """Raise ConflictError where a model is known with another tensor hash than is stated."""
    if known.hash_tensor is not None and stated["hash_tensor"] not in (None, known.hash_tensor):
        raise ConflictError(
            f"tensor_sha256: this model is known with the tensor hash {known.hash_tensor}",
            {"field": "tensor_sha256", "known": known.hash_tensor},
            code="hash_conflict",
        )
