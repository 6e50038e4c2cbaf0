"""What Civitai answers about files it knows, read from bytes that anybody may have written.

Source: ``src/pages/api/v1/model-versions/by-hash/index.ts`` and ``[id].ts`` of civitai/civitai. The answer to a list of
hashes is a list with one element per *file* that has one of them, so a version may stand in it twice; an element is
null where the version has no main file; a model that is archived, or whose file is hidden, comes without its files; an
unknown hash is simply absent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from ...ecosystems.model_types import canonical_type
from ..fields import MAX_INTEGER, deeper_than, trigger_words, without_unusable
from ..hashes import is_hex
from .errors import BadAnswerError

MOST_FILES = 50
MOST_IMAGES = 20
DEPTH = 24
NAME_CHARACTERS = 500
URL_CHARACTERS = 2048
DESCRIPTION_CHARACTERS = 4000
_HASH_DIGITS = {"SHA256": (64,), "AutoV1": (8,), "AutoV2": (10,), "AutoV3": (12, 64), "BLAKE3": (64,), "CRC32": (8,)}
_TYPE_OF_FILE = {"VAE": "VAE", "Text Encoder": "TextEncoder", "Negative": "TextualInversion"}
_FILES_OF_THE_TYPE = {"Model", "Pruned Model"}


@dataclass(frozen=True)
class VersionFile:
    """One file of a version; ``hashes`` by the service's names for them, in lower case."""

    name: str | None
    kind: str | None
    size_bytes: int | None
    hashes: dict[str, str]
    download_url: str | None

    @property
    def sha256(self) -> str | None:
        """The file's SHA-256."""
        return self.hashes.get("SHA256")


@dataclass(frozen=True)
class Version:
    """A version of a model on the service. Text is printable and bounded; what is not there is None."""

    id: int
    model_id: int | None
    name: str | None
    model_name: str | None
    model_type: str | None
    base_model: str | None
    words: list[str] | None
    nsfw: bool | None
    downloadable: bool
    description: str | None
    images: list[str]
    files: list[VersionFile]

    def file_of(self, sha256: str) -> VersionFile | None:
        """Return the file with this SHA-256, if the version says that it has one."""
        return next((file for file in self.files if file.sha256 == sha256), None)

    def type_of(self, file: VersionFile | None) -> str | None:
        """Return the model type of one file: a VAE that comes with a checkpoint is a VAE. None: nothing known."""
        if file is None or file.kind is None or file.kind in _FILES_OF_THE_TYPE:
            return self.model_type
        return _TYPE_OF_FILE.get(file.kind)


def read_versions(content: bytes) -> list[Version]:
    """Return the versions in an answer, each once.

    Raises:
        BadAnswerError: it is not such a list; a single field that is not text where it should be counts as that too,
            because then who knows what the rest means.
    """
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        start = content[:60].decode("ascii", "replace")
        raise BadAnswerError(f"the answer is no JSON: it begins {start!r}") from None
    if not isinstance(value, list):
        raise BadAnswerError(f"the answer is no list but {_kind(value)}")
    if deeper_than(value, DEPTH):
        raise BadAnswerError(f"the answer is nested more than {DEPTH} levels deep")
    versions = [_version(item) for item in value if item is not None]
    return list({version.id: version for version in versions}.values())


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _kind(value: object) -> str:
    return {dict: "an object", str: "text", type(None): "null", bool: "a truth value"}.get(type(value), "a number")


def _version(value: object) -> Version:
    if not isinstance(value, dict):
        raise BadAnswerError(f"a version is no object but {_kind(value)}")
    number = _integer(value, "id")
    if number is None:
        raise BadAnswerError("a version has no id")
    model = value.get("model")
    if model is None:
        model = {}
    if not isinstance(model, dict):
        raise BadAnswerError(f"version {number}: model is no object but {_kind(model)}")
    kind = _text(model, "type", NAME_CHARACTERS)
    nsfw = model.get("nsfw")
    return Version(
        id=number,
        model_id=_integer(value, "modelId"),
        name=_text(value, "name", NAME_CHARACTERS),
        model_name=_text(model, "name", NAME_CHARACTERS),
        model_type=None if kind is None else canonical_type(kind),
        base_model=_text(value, "baseModel", NAME_CHARACTERS),
        words=_words(value),
        nsfw=nsfw if isinstance(nsfw, bool) else None,
        downloadable=value.get("usageControl") in (None, "Download"),
        description=_plain(_text(value, "description", 10 * DESCRIPTION_CHARACTERS)),
        images=[url for item in _list(value, "images")[:MOST_IMAGES] if (url := _text(item, "url", URL_CHARACTERS))],
        files=[_file(item) for item in _list(value, "files")[:MOST_FILES]],
    )


def _words(value: Mapping[str, Any]) -> list[str] | None:
    listed = value.get("trainedWords")
    if listed is not None and not isinstance(listed, list):
        raise BadAnswerError(f"trainedWords is no list but {_kind(listed)}")
    return trigger_words([without_unusable(word) for word in listed or [] if isinstance(word, str)])


def _file(value: Mapping[str, Any]) -> VersionFile:
    hashes = value.get("hashes")
    if hashes is not None and not isinstance(hashes, dict):
        raise BadAnswerError(f"a file's hashes are no object but {_kind(hashes)}")
    size = value.get("sizeKB")
    if size is not None and (type(size) not in {int, float} or not 0 <= size * 1024 <= MAX_INTEGER):
        raise BadAnswerError("a file's sizeKB is no size")
    return VersionFile(
        name=_text(value, "name", NAME_CHARACTERS),
        kind=_text(value, "type", NAME_CHARACTERS),
        size_bytes=None if size is None else round(size * 1024),
        hashes={
            name: text.lower()
            for name, digits in _HASH_DIGITS.items()
            if isinstance(text := (hashes or {}).get(name), str) and any(is_hex(text, count) for count in digits)
        },
        download_url=_text(value, "downloadUrl", URL_CHARACTERS),
    )


def _list(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = value.get(name)
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise BadAnswerError(f"{name} is no list of objects")
    return listed


def _integer(value: Mapping[str, Any], name: str) -> int | None:
    number = value.get(name)
    if number is not None and (type(number) is not int or not 0 <= number <= MAX_INTEGER):
        raise BadAnswerError(f"{name} is no number")
    return number


def _text(value: Mapping[str, Any], name: str, limit: int) -> str | None:
    text = value.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadAnswerError(f"{name} is no text but {_kind(text)}")
    return " ".join(without_unusable(text[: limit * 2]).split())[:limit] or None


class _Text(HTMLParser):
    """Keeps the words of a page and none of its markup."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"p", "li", "h1", "h2", "h3", "div"}:
            self.parts.append(" ")


def _plain(markup: str | None) -> str | None:
    if markup is None:
        return None
    reader = _Text()
    reader.feed(markup)
    reader.close()
    return " ".join("".join(reader.parts).split())[:DESCRIPTION_CHARACTERS] or None
