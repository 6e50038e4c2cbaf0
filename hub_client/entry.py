"""One model file as it travels from agent to hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .digest import entry_digest, metadata_digest
from .errors import MalformedMessageError
from .fields import DIGEST_DIGITS, Fields, hex_digits

HashState = Literal["verified", "claimed"]
EntryState = Literal["present", "stale"]

_HASH_DIGITS = {"autov2": 10, "sha256": 64, "tensor_sha256": 64}


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file of an inventory, under one path.

    ``path`` is ``<root label>/<relative path>``, POSIX-style; ``type`` one of Civitai's model types; a hash is
    ``sha256`` or, from a simple client, ``autov2``. ``metadata`` is the object that describes the file, or the 16 hex
    digits of its digest where the hub is thought to know it. A file that is not ``shared`` is never copied to another
    server.
    """

    path: str
    type: str
    size_bytes: int
    sha256: str | None = None
    mtime_ns: int | None = None
    tensor_sha256: str | None = None
    autov2: str | None = None
    hash_state: HashState = "verified"
    state: EntryState = "present"
    ecosystem: str | None = None
    base_model: str | None = None
    confidence: float | None = None
    evidence: Sequence[Any] = ()
    conflicts: Sequence[Any] = ()
    shared: bool = True
    metadata: Mapping[str, Any] | str | None = None

    def to_wire(self, *, describe: bool = True) -> dict[str, Any]:
        """Return the object that travels; with ``describe=False`` a metadata object is replaced by its digest.

        What is None or empty is left out. Both forms have the same digest.
        """
        wire: dict[str, Any] = {"path": self.path, "type": self.type, "size": self.size_bytes}
        for key in ("mtime_ns", "sha256", "tensor_sha256", "autov2"):
            value = getattr(self, key)
            if value is not None:
                wire[key] = value
        wire["hash_state"] = self.hash_state
        wire["state"] = self.state
        for key in ("ecosystem", "base_model", "confidence"):
            value = getattr(self, key)
            if value is not None:
                wire[key] = value
        if not self.shared:
            wire["shared"] = False
        for key in ("evidence", "conflicts"):
            if getattr(self, key):
                wire[key] = list(getattr(self, key))
        if isinstance(self.metadata, Mapping):
            wire["metadata"] = dict(self.metadata) if describe else metadata_digest(self.metadata)
        elif self.metadata is not None:
            wire["metadata"] = self.metadata
        return wire

    def digest(self) -> int:
        """Return the digest of the entry as it travels, an integer below 2**64."""
        return entry_digest(self.to_wire(describe=False))

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "ModelEntry":
        """Read an entry; ``where`` is its path in the message, for errors.

        Checks types and the shape of hashes. Whether a path may be published is the hub's to decide. A hash that
        nobody calls verified is a claim. The digest that counts is that of ``wire``, which may hold more than is read.

        Raises:
            MalformedMessageError: a key is missing or wrong.
        """
        fields = Fields(wire, where)
        verified = _one_of(fields, "hash_state", get_args(HashState)) == "verified"
        stale = _one_of(fields, "state", get_args(EntryState)) == "stale"
        entry = cls(
            path=fields.need("path", str),
            type=fields.need("type", str),
            size_bytes=fields.need("size", int),
            sha256=_hash(fields, "sha256"),
            mtime_ns=fields.may("mtime_ns", int),
            tensor_sha256=_hash(fields, "tensor_sha256"),
            autov2=_hash(fields, "autov2"),
            hash_state="verified" if verified else "claimed",
            state="stale" if stale else "present",
            ecosystem=fields.may("ecosystem", str),
            base_model=fields.may("base_model", str),
            confidence=fields.may("confidence", float),
            evidence=tuple(fields.may("evidence", list) or ()),
            conflicts=tuple(fields.may("conflicts", list) or ()),
            shared=fields.may("shared", bool) is not False,
            metadata=_metadata(fields),
        )
        if entry.sha256 is None and entry.autov2 is None:
            raise MalformedMessageError(fields.path("sha256"), "is missing")
        return entry


def _hash(fields: Fields, key: str) -> str | None:
    value = fields.may(key, str)
    return None if value is None else hex_digits(value, _HASH_DIGITS[key], fields.path(key))


def _one_of(fields: Fields, key: str, values: tuple[str, ...]) -> str | None:
    value = fields.may(key, str)
    if value is not None and value not in values:
        raise MalformedMessageError(fields.path(key), f"must be one of {', '.join(values)}")
    return value


def _metadata(fields: Fields) -> Mapping[str, Any] | str | None:
    value = fields.wire.get("metadata")
    if isinstance(value, str):
        return hex_digits(value, DIGEST_DIGITS, fields.path("metadata"))
    return fields.may("metadata", dict)
