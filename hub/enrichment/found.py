"""What one version of the service says of one model: the columns that it fills, and what is shown beside them."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...ecosystems.lookups import Lookups
from ..registration import is_web_address
from .versions import Version, VersionFile

PAGE = "https://civitai.com/models"


@dataclass(frozen=True)
class Found:
    """``columns``: the ``enriched_…`` columns of ``models``; ``shown``: the rest, as answers show it.

    ``unknown_base_model`` is a base model that our catalogue does not have: kept as the service writes it.
    """

    columns: dict[str, Any]
    shown: dict[str, Any]
    unknown_base_model: str | None


def found(version: Version, sha256: str, catalogue: Lookups, service_url: str) -> Found:
    """Return what a version says of the file with this SHA-256."""
    file = version.file_of(sha256)
    ecosystem, base_model, unknown = identity(version.base_model, catalogue)
    source = _source(version, file, service_url)
    columns = {
        "enriched_name": _name(version),
        "enriched_type": version.type_of(file),
        "enriched_size_bytes": file.size_bytes if file else None,
        "enriched_ecosystem": ecosystem,
        "enriched_base_model": base_model,
        "enriched_civitai_id": None if version.model_id is None else str(version.model_id),
        "enriched_civitai_version_id": str(version.id),
        "enriched_words": None if version.words is None else json.dumps(version.words),
        "enriched_sources": None if source is None else json.dumps([source]),
    }
    shown = {
        "model": version.model_name,
        "version": version.name,
        "nsfw": version.nsfw,
        "description": version.description,
        "images": [url for url in version.images if is_web_address(url)],
        "hashes": file.hashes if file else {},
        "page": _page(version),
    }
    return Found(columns, shown, unknown)


def identity(name: str | None, catalogue: Lookups) -> tuple[str | None, str | None, str | None]:
    """Return ecosystem and base model of a name of the service's, and the name where the catalogue does not have it.

    Only a whole name or alias counts: "Flux.1 X" is not guessed to be some Flux.1.
    """
    if name is None:
        return None, None, None
    subject = catalogue.find(name)
    if subject is None:
        return None, name, name
    return subject.ecosystem.name, subject.base_model.name if subject.base_model else None, None


def _name(version: Version) -> str | None:
    named = [part for part in (version.model_name, version.name) if part]
    return " ".join(named)[:500] or None


def _page(version: Version) -> str | None:
    return None if version.model_id is None else f"{PAGE}/{version.model_id}?modelVersionId={version.id}"


def _source(version: Version, file: VersionFile | None, service_url: str) -> dict[str, Any] | None:
    """Return where the file can be downloaded; None where it cannot, or where it is not known which of the files it is.

    The service writes its own host into the URL, and does it wrong in this answer ("https://undefined/…"); and a URL
    of another host is nothing that it should send anybody to. So only the path counts.
    """
    if file is None or not version.downloadable or file.download_url is None:
        return None
    parts = urlsplit(file.download_url) if is_web_address(file.download_url) else None
    if parts is None or not parts.path.startswith("/api/download/"):
        return None
    url = f"{service_url}{parts.path}{'?' + parts.query if parts.query else ''}"
    return {
        "kind": "civitai",
        "civitai_id": None if version.model_id is None else str(version.model_id),
        "civitai_version_id": str(version.id),
        "url": url,
        "file": file.name,
        "size": file.size_bytes,
        "by": "civitai",
    }
