"""What agent and hub say to each other at the sync endpoint; ``docs/protocol.md`` is the contract.

Every body has ``to_wire()``, every answer ``from_wire()``; what is unusable there is a MalformedMessageError that
names the key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .digest import DEFAULT_BUCKET_BITS, MAX_BUCKET_BITS, inventory_digest
from .entry import ModelEntry
from .errors import MalformedMessageError
from .fields import DIGEST_DIGITS, Fields, hex_digits

PROTOCOL = 1
"""The version of the sync protocol that this module speaks."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who speaks: the id that one agent keeps for life, and what it says of itself (shown, never trusted)."""

    agent_id: str
    description: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"agent_id": self.agent_id}
        return {**wire, "agent": dict(self.description)} if self.description else wire


class SyncBody(Protocol):
    """One of the four bodies below."""

    def to_wire(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """ "I am at this state": the inventory's digest and how many entries it has.

    ``bits`` asks for buckets of another width in the answer; ``acknowledged`` are those of the hub's ``requests`` that
    have been carried out; ``leaving`` says that the agent stops in order.
    """

    digest: str
    count: int
    bits: int | None = None
    acknowledged: Sequence[str] = ()
    leaving: bool = False

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"digest": self.digest, "count": self.count}
        if self.bits is not None:
            wire["bits"] = self.bits
        if self.acknowledged:
            wire["acknowledged"] = list(self.acknowledged)
        return {**wire, "leaving": True} if self.leaving else wire


@dataclass(frozen=True, slots=True)
class Delta:
    """ "From state ``base``, apply this": ``digest`` is the whole inventory's afterwards; ``removed`` are paths.

    ``described`` names the SHA-256 values whose metadata travels in full; None for all.
    """

    base: str
    digest: str
    upserts: Sequence[ModelEntry] = ()
    removed: Sequence[str] = ()
    described: frozenset[str] | None = None

    def to_wire(self) -> dict[str, Any]:
        return {
            "mode": "delta",
            "base": self.base,
            "upserts": _entries(self.upserts, self.described),
            "removed": list(self.removed),
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class Buckets:
    """ "These buckets hold exactly this": bucket prefix -> its entries, an empty bucket included.

    ``digest`` covers just the entries sent, and is computed where it is None; ``described`` as in ``Delta``.
    """

    buckets: Mapping[str, Sequence[ModelEntry]]
    bits: int = DEFAULT_BUCKET_BITS
    digest: str | None = None
    described: frozenset[str] | None = None

    def to_wire(self) -> dict[str, Any]:
        buckets = {prefix: _entries(entries, self.described) for prefix, entries in self.buckets.items()}
        return {
            "mode": "buckets",
            "bits": self.bits,
            "buckets": buckets,
            "digest": self.digest or inventory_digest(entry for entries in buckets.values() for entry in entries),
        }


@dataclass(frozen=True, slots=True)
class FullList:
    """The plain full list, as curl sends it; ``digest`` and ``described`` as in ``Buckets``."""

    models: Sequence[ModelEntry]
    digest: str | None = None
    described: frozenset[str] | None = None

    def to_wire(self) -> dict[str, Any]:
        models = _entries(self.models, self.described)
        return {"models": models, "digest": self.digest or inventory_digest(models), "count": len(models)}


@dataclass(frozen=True, slots=True)
class Changes:
    """How many entries a body added, updated and removed at the hub."""

    added: int = 0
    updated: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class BucketDigests:
    """The hub's digests by bucket prefix; buckets that are empty there are absent."""

    bits: int
    digests: Mapping[str, str]

    @classmethod
    def from_wire(cls, wire: object, where: str = "buckets") -> "BucketDigests":
        """Raises MalformedMessageError where it is not what ``docs/protocol.md`` says."""
        fields = Fields(wire, where)
        bits = fields.need("bits", int)
        if not 1 <= bits <= MAX_BUCKET_BITS:
            raise MalformedMessageError(fields.path("bits"), f"must be 1 to {MAX_BUCKET_BITS}")
        digests = fields.need("digests", dict)
        path = fields.path("digests")
        return cls(bits, {key: hex_digits(value, DIGEST_DIGITS, f"{path}.{key}") for key, value in digests.items()})


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """The hub's answer to any of the bodies: ``digest`` and ``count`` are the hub's own, now.

    ``in_sync`` compares with the body's digest; ``wanted`` are SHA-256 values whose metadata the hub wants described;
    ``requests`` may hold ``rescan`` and ``full``, and is repeated until a heartbeat acknowledges them;
    ``buckets`` is there when a heartbeat is not in sync; ``catalogue`` is the digest of the catalogue of base models
    that the hub serves; ``news`` the number of the last news of models (``HubClient.news_after``), None for none.
    """

    in_sync: bool
    digest: str
    count: int
    protocol: int = PROTOCOL
    server_id: str | None = None
    wanted: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    changed: Changes = field(default_factory=Changes)
    buckets: BucketDigests | None = None
    catalogue: str | None = None
    news: int | None = None

    @classmethod
    def from_wire(cls, wire: object) -> "SyncAnswer":
        """Read an answer.

        Raises:
            MalformedMessageError: ``in_sync``, ``digest`` or ``count`` is missing, or a key is of the wrong type.
        """
        fields = Fields(wire)
        changed = Fields(fields.may("changed", dict) or {}, "changed")
        buckets = fields.may("buckets", dict)
        protocol = fields.may("protocol", int)
        return cls(
            in_sync=fields.need("in_sync", bool),
            digest=hex_digits(fields.need("digest", str), DIGEST_DIGITS, fields.path("digest")),
            count=fields.need("count", int),
            protocol=1 if protocol is None else protocol,
            server_id=fields.may("server_id", str),
            wanted=tuple(text.lower() for text in fields.items("wanted", str)),
            requests=fields.items("requests", str),
            changed=Changes(*(changed.may(key, int) or 0 for key in ("added", "updated", "removed"))),
            buckets=None if buckets is None else BucketDigests.from_wire(buckets),
            catalogue=fields.may("catalogue", str),
            news=fields.may("news", int),
        )


@dataclass(frozen=True, slots=True)
class BaseMismatch:
    """The details of a 409 ``base_mismatch``: the state that the hub holds."""

    digest: str
    count: int
    buckets: BucketDigests

    @classmethod
    def from_wire(cls, details: object) -> "BaseMismatch":
        """Raises MalformedMessageError where the details are not what ``docs/protocol.md`` says."""
        fields = Fields(details, "details")
        return cls(
            digest=hex_digits(fields.need("digest", str), DIGEST_DIGITS, fields.path("digest")),
            count=fields.need("count", int),
            buckets=BucketDigests.from_wire(fields.need("buckets", dict), "details.buckets"),
        )


def _entries(entries: Sequence[ModelEntry], described: frozenset[str] | None) -> list[dict[str, Any]]:
    return [entry.to_wire(describe=described is None or entry.sha256 in described) for entry in entries]
