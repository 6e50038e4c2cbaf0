"""Checks inventory entries as they came from outside and brings them into the form that is stored.

This runs 50,000 times in a first sync: plain checks in a row, no object per field.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..ecosystems.model_types import canonical_type
from ..hub_client.digest import canonical_json, content_digest, entry_digest, path_key
from .errors import FieldError
from .fields import MAX_INTEGER, deeper_than, kept_json
from .hashes import AUTOV2_DIGITS, AUTOV3_DIGITS
from .limits import Limits

_BAD_PATH = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]"  # control characters, halves of a surrogate pair, Windows' separator
    r"|^/|^[A-Za-z]:"  # absolute, here or on Windows
    r"|(?:^|/)\.{1,2}(?:/|$)|//|/$|^$"  # climbing, empty or idle segments
)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_AUTOV2 = re.compile(r"[0-9a-fA-F]{10}").fullmatch
_DIGEST = re.compile(r"[0-9a-fA-F]{16}").fullmatch
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search

VERIFIED = "verified"
CLAIMED = "claimed"
PRESENT = "present"
STALE = "stale"


class Entry(NamedTuple):
    """One file of a server, checked. Hashes are lower case; ``digest`` is over the entry as it was sent."""

    path: str
    path_key: int
    digest: int
    type: str
    size_bytes: int
    mtime_ns: int | None
    sha256: str | None
    autov2: str
    tensor_sha256: str | None
    hash_state: str
    state: str
    ecosystem: str | None
    base_model: str | None
    confidence: float | None
    identification: str | None
    """JSON with ``evidence`` and ``conflicts``."""
    metadata_digest: str | None
    metadata: str | None
    """The metadata object as canonical JSON; None where the entry came without it."""
    claimed_v3: str | None
    """The first 12 digits of the file's own ``sshs_model_hash``."""

    @property
    def name(self) -> str:
        """The file's name without its folder and extension."""
        return name_of_path(self.path)


def name_of_path(path: str) -> str:
    """Return what a model is called by its path: the file's name without its folder and extension."""
    file_name = path.rpartition("/")[2]
    return file_name.rpartition(".")[0] or file_name


def read_entries(values: object, field: str, limits: Limits) -> list[Entry]:
    """Return the entries of a list, in its order.

    Raises:
        FieldError: the first thing wrong in them, with its place below ``field``.
    """
    if not isinstance(values, list):
        raise FieldError(field, "must be a list of entries")
    entries: list[Entry] = []
    paths: set[str] = set()
    try:
        for value in values:
            entry = read_entry(value, limits)
            if entry.path in paths:
                raise FieldError("path", f"{entry.path[:80]!r} stands twice in this body")
            paths.add(entry.path)
            entries.append(entry)
    except FieldError as error:
        raise error.below(f"{field}[{len(entries)}]") from None
    return entries


def read_entry(value: object, limits: Limits) -> Entry:
    """Return one entry.

    Raises:
        FieldError: a field is missing or wrong; its name is relative to the entry.
    """
    if not isinstance(value, dict):
        raise FieldError("", "must be an object")
    path, kind, size_bytes = value.get("path"), value.get("type"), value.get("size")
    if path is None or kind is None or size_bytes is None:
        name = next(name for name in ("path", "type", "size") if value.get(name) is None)
        raise FieldError(name, "this field is required", missing=True)
    if not is_path(path, limits):
        raise FieldError("path", path_rule(limits))
    known_type = canonical_type(kind) if isinstance(kind, str) else None
    if known_type is None:
        raise FieldError("type", "must be a model type such as Checkpoint, LORA or VAE")
    if type(size_bytes) is not int or not 0 <= size_bytes <= MAX_INTEGER:
        raise FieldError("size", "must be a number of bytes, an integer of 0 or more")
    mtime_ns = value.get("mtime_ns")
    if mtime_ns is not None and (type(mtime_ns) is not int or not -MAX_INTEGER <= mtime_ns <= MAX_INTEGER):
        raise FieldError("mtime_ns", "must be an integer of nanoseconds since the epoch")
    sha256, autov2, tensor_sha256 = _hashes(value)
    hash_state, state = value.get("hash_state", CLAIMED), value.get("state", PRESENT)
    if hash_state not in (VERIFIED, CLAIMED):
        raise FieldError("hash_state", "must be verified or claimed")
    if state not in (PRESENT, STALE):
        raise FieldError("state", "must be present or stale")
    confidence = value.get("confidence")
    if confidence is not None and (type(confidence) not in (float, int) or not 0 <= confidence <= 1):
        raise FieldError("confidence", "must be a number from 0 to 1")
    shared = value.get("shared")
    if shared is not None and not isinstance(shared, bool):
        raise FieldError("shared", "must be true or false")
    stated, described, claimed_v3 = _metadata(value, limits)
    return Entry(
        path=path,
        path_key=path_key(path),
        digest=_digest(value if described is None else {**value, "metadata": stated}),
        type=known_type,
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        sha256=sha256,
        autov2=autov2,
        tensor_sha256=tensor_sha256,
        hash_state=hash_state,
        state=state,
        ecosystem=_name(value, "ecosystem", limits),
        base_model=_name(value, "base_model", limits),
        confidence=confidence,
        identification=_identification(value, limits),
        metadata_digest=stated,
        metadata=described,
        claimed_v3=claimed_v3,
    )


def is_path(value: object, limits: Limits) -> bool:
    """Say whether a value is a path as an inventory has them; ``path_rule`` says in words what that is."""
    return isinstance(value, str) and not _BAD_PATH.search(value) and len(value.encode()) <= limits.path_bytes


def path_rule(limits: Limits) -> str:
    """Return what a path must be, to follow the field's name."""
    return (
        "must be relative and POSIX-style, without empty, . or .. segments, drive letter, backslash or control "
        f"characters, of at most {limits.path_bytes} bytes"
    )


def _hashes(value: Mapping[str, Any]) -> tuple[str | None, str, str | None]:
    """Return (SHA-256, AutoV2, tensor hash) in lower case."""
    sha256, autov2, tensor_sha256 = value.get("sha256"), value.get("autov2"), value.get("tensor_sha256")
    if sha256 is None and autov2 is None:
        raise FieldError("sha256", "a hash is required: sha256, or autov2 alone", missing=True)
    if sha256 is not None:
        if not isinstance(sha256, str) or not _SHA256(sha256):
            raise FieldError("sha256", "must be 64 hex digits")
        sha256 = sha256.lower()
    if autov2 is not None:
        if not isinstance(autov2, str) or not _AUTOV2(autov2):
            raise FieldError("autov2", "must be 10 hex digits")
        autov2 = autov2.lower()
        if sha256 is not None and not sha256.startswith(autov2):
            raise FieldError("autov2", "must be the first 10 digits of sha256")
    if tensor_sha256 is not None:
        if not isinstance(tensor_sha256, str) or not _SHA256(tensor_sha256):
            raise FieldError("tensor_sha256", "must be 64 hex digits")
        tensor_sha256 = tensor_sha256.lower()
    if autov2 is None:
        assert sha256 is not None
        autov2 = sha256[:AUTOV2_DIGITS]
    return sha256, autov2, tensor_sha256


def _digest(value: Mapping[str, Any]) -> int:
    try:
        return entry_digest(value)
    except RecursionError:
        raise FieldError("", "is nested too deep") from None


def _name(value: Mapping[str, Any], name: str, limits: Limits) -> str | None:
    text = value.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > limits.text_characters or _UNUSABLE(text):
        raise FieldError(name, f"must be text of at most {limits.text_characters} characters, none of them control")
    return text


def _identification(value: Mapping[str, Any], limits: Limits) -> str | None:
    """Return ``evidence`` and ``conflicts`` as the JSON that is stored."""
    kept = []
    for name in ("evidence", "conflicts"):
        listed = value.get(name)
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise FieldError(name, "must be a list")
        if listed:
            kept.append(f'"{name}":{kept_json(listed, name, limits.identification_bytes, limits.json_depth)}')
    return f"{{{','.join(kept)}}}" if kept else None


def _metadata(value: Mapping[str, Any], limits: Limits) -> tuple[str | None, str | None, str | None]:
    """Return (digest, canonical JSON, claimed AutoV3) of an entry's metadata: the last two only of an object."""
    metadata = value.get("metadata")
    if metadata is None:
        return None, None, None
    if isinstance(metadata, str):
        if not _DIGEST(metadata):
            raise FieldError("metadata", "must be an object, or the 16 hex digits of its digest")
        return metadata.lower(), None, None
    if not isinstance(metadata, dict):
        raise FieldError("metadata", "must be an object, or the 16 hex digits of its digest")
    if deeper_than(metadata, limits.json_depth):
        raise FieldError("metadata", f"must not be nested more than {limits.json_depth} levels deep")
    content = canonical_json(metadata)
    if len(content) > limits.metadata_bytes:
        raise FieldError("metadata", f"must not be longer than {limits.metadata_bytes} bytes as JSON")
    return content_digest(content), content.decode("ascii"), claimed_autov3(metadata)


def claimed_autov3(metadata: Mapping[str, Any]) -> str | None:
    """Return the first 12 digits of ``sshs_model_hash``, which trainers write into a LoRA's header.

    It stands in the metadata itself or in one of its objects (a header among other sources).
    """
    for holder in (metadata, *(child for child in metadata.values() if isinstance(child, dict))):
        claim = holder.get("sshs_model_hash")
        if isinstance(claim, str) and re.fullmatch(r"(0x)?[0-9a-fA-F]{12,64}", claim):
            return claim.lower().removeprefix("0x")[:AUTOV3_DIGITS]
    return None
