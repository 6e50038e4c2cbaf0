"""What a registration states of a model, checked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..ecosystems.model_types import canonical_type
from ..hub_client.digest import canonical_json, metadata_digest
from . import fields
from .database import Record
from .errors import ConflictError, FieldError
from .hashes import AUTOV2_DIGITS, AUTOV3_DIGITS, is_hex
from .limits import Limits

MOST_URLS = 100

CHANGEABLE = ("name", "type", "base_model", "size", "civitai_id", "civitai_version_id", "download_urls", "metadata")
"""What a registration can be changed in, by the names of the API."""


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
    fields.required(body, "type")
    kind = model_type(body, limits)
    tensor = fields.hexadecimal(body, "tensor_sha256", 64)
    sources = read_sources(body)
    metadata = _metadata(body, limits)
    return {
        "hash_sha256": sha256,
        "hash_autov2": autov2 or (sha256 or "")[:AUTOV2_DIGITS],
        "hash_tensor": tensor,
        "hash_autov3": tensor[:AUTOV3_DIGITS] if tensor else None,
        "registered_type": kind,
        "registered_name": fields.text(body, "name", limits.text_characters),
        "registered_size_bytes": fields.integer(body, "size"),
        "registered_ecosystem": fields.text(body, "ecosystem", limits.text_characters),
        "registered_base_model": fields.text(body, "base_model", limits.text_characters),
        "registered_confidence": fields.number(body, "confidence", 0, 1),
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


def _metadata(body: Mapping[str, Any], limits: Limits) -> dict[str, Any] | None:
    metadata = body.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise FieldError("metadata", "must be an object")
    fields.kept_json(metadata, "metadata", limits.metadata_bytes, limits.json_depth)
    return metadata


def read_sources(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return where a model can be downloaded: Civitai's own address for a version, and every URL given."""
    model, version = _civitai_number(body, "civitai_id"), _civitai_number(body, "civitai_version_id")
    return civitai_sources(model, version) + _urls(body)


def civitai_sources(model: str | None, version: str | None) -> list[dict[str, Any]]:
    """Return the place on Civitai that a model's and a version's number name, if they name one."""
    if model is None and version is None:
        return []
    url = f"https://civitai.com/api/download/models/{version}" if version is not None else None
    return [{"kind": "civitai", "civitai_id": model, "civitai_version_id": version, "url": url}]


def _urls(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    urls = body.get("download_urls")
    if urls is not None and (not isinstance(urls, list) or len(urls) > MOST_URLS):
        raise FieldError("download_urls", f"must be a list of at most {MOST_URLS} URLs")
    named = [(f"download_urls[{number}]", url) for number, url in enumerate(urls or [])]
    if body.get("download_url") is not None:
        named.insert(0, ("download_url", body["download_url"]))
    for name, url in named:
        if not is_web_address(url):
            raise FieldError(name, "must be an http or https URL without a user name or password")
    return [{"kind": "url", "url": url} for _, url in named]


def is_web_address(url: object) -> bool:
    """Say whether a value is an http or https URL of a bearable length that holds no password."""
    if not isinstance(url, str) or len(url) > 2048 or not fields.is_clean(url) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


@dataclass(frozen=True)
class Change:
    """A partial change of what is registered: the columns that it states (None: taken back), and what needs a look.

    ``urls``: the download URLs, None where the change leaves them; ``content``: the metadata's text, None where there
    is none or only its digest is stated.
    """

    columns: dict[str, Any]
    urls: list[dict[str, Any]] | None
    content: str | None


def read_change(body: Mapping[str, Any], limits: Limits, named: Callable[[str], tuple[str, str | None]]) -> Change:
    """Return what a body changes of a registration: null takes a field back, a field that is missing stays.

    ``named`` gives ecosystem and base model of a name (``Catalogues.named``). With ``as_written`` true, ``ecosystem``
    and ``base_model`` are taken as they are: what an undo brings back may be no name of the catalogue. ``metadata`` may
    be the digest of an object that the hub holds.

    Raises:
        FieldError: a field is wrong, or nothing is changed.
    """
    if not any(name in body for name in CHANGEABLE):
        raise FieldError("name", f"change at least one of {', '.join(CHANGEABLE)}", missing=True)
    columns: dict[str, Any] = {}
    if "name" in body:
        columns["registered_name"] = fields.text(body, "name", limits.text_characters)
    if "type" in body:
        columns["registered_type"] = model_type(body, limits)
    if "size" in body:
        columns["registered_size_bytes"] = fields.integer(body, "size")
    if "base_model" in body:
        columns |= _identity(body, limits, named)
    for name in ("civitai_id", "civitai_version_id"):
        if name in body:
            columns[name] = _civitai_number(body, name)
    content = None
    if "metadata" in body:
        metadata = body["metadata"]
        if is_hex(metadata, 16):
            columns["registered_metadata_digest"] = metadata.lower()
        else:
            stated = _metadata(body, limits)
            columns["registered_metadata_digest"] = None if stated is None else metadata_digest(stated)
            content = None if stated is None else canonical_json(stated).decode("ascii")
    return Change(columns, _urls(body) if "download_urls" in body else None, content)


def model_type(body: Mapping[str, Any], limits: Limits) -> str | None:
    """Return the field ``type`` under its one spelling, None where it is absent or null."""
    stated = fields.text(body, "type", limits.text_characters)
    kind = None if stated is None else canonical_type(stated.strip())
    if stated is not None and kind is None:
        raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
    return kind


def _identity(
    body: Mapping[str, Any], limits: Limits, named: Callable[[str], tuple[str, str | None]]
) -> dict[str, Any]:
    name = fields.text(body, "base_model", limits.text_characters)
    if fields.flag(body, "as_written"):
        pair = fields.text(body, "ecosystem", limits.text_characters), name
        confidence = fields.number(body, "confidence", 0, 1)
    else:
        pair = (None, None) if name is None else named(name)
        confidence = None if name is None else 1.0
    return {
        "registered_ecosystem": pair[0],
        "registered_base_model": pair[1],
        "registered_confidence": confidence,
    }


def check_tensor(known: Record, stated: Mapping[str, Any]) -> None:
    """Raise ConflictError where a model is known with another tensor hash than is stated."""
    if known.hash_tensor is not None and stated["hash_tensor"] not in (None, known.hash_tensor):
        raise ConflictError(
            f"tensor_sha256: this model is known with the tensor hash {known.hash_tensor}",
            {"field": "tensor_sha256", "known": known.hash_tensor},
            code="hash_conflict",
        )
