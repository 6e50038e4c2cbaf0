"""What a hub answers when it is asked: who has a model, which models and servers there are.

Each value keeps the object it was read from as ``wire``: what a newer hub adds reaches those who pass it on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import MalformedMessageError
from .fields import Fields

AVAILABLE = "available"
UNKNOWN = "unknown"
"""The status of a hash that no model is known for; the hub answers a single look-up of one with 404."""

STATUSES = (AVAILABLE, "stale", "offline", "downloadable", "unavailable", "ambiguous", UNKNOWN)
"""The only vocabulary of availability, in jobs and pages too (a newer hub may have more)."""

_HASH_DIGITS = {10: "AutoV2", 12: "AutoV3", 64: "SHA-256"}


def model_hash(text: str) -> str:
    """Return the hash in lower case: AutoV2 (10 hex digits), AutoV3 (12) or SHA-256 (64), any case.

    Raises:
        ValueError: it is none of these.
    """
    if len(text) not in _HASH_DIGITS or not all(c in "0123456789abcdefABCDEF" for c in text):
        forms = ", ".join(f"{name} ({digits} hex digits)" for digits, name in _HASH_DIGITS.items())
        raise ValueError(f"{text[:80]!r} is no model hash: give one of {forms}")
    return text.lower()


@dataclass(frozen=True, slots=True)
class ServerPlacement:
    """One server that has a model: its state, where the model is on it (``path``, and all ``paths``), when it was seen.

    ``last_seen`` is the hub's own text (ISO 8601, UTC).
    """

    server_id: str
    state: str
    path: str
    paths: tuple[str, ...]
    hash_state: str | None
    last_seen: str | None

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "ServerPlacement":
        fields = Fields(wire, where)
        path = fields.need("path", str)
        return cls(
            server_id=fields.need("server_id", str),
            state=fields.need("state", str),
            path=path,
            paths=fields.items("paths", str) or (path,),
            hash_state=fields.may("hash_state", str),
            last_seen=fields.may("last_seen", str),
        )


@dataclass(frozen=True, slots=True)
class Availability:
    """The answer for one hash, as it was asked for: a status of ``STATUSES`` and the servers that have the model.

    ``candidates`` are the models that an ambiguous hash may mean; ``sources`` where a model can be got.
    """

    hash: str
    status: str
    model: Mapping[str, Any] | None = None
    servers: tuple[ServerPlacement, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    candidates: tuple[Mapping[str, Any], ...] = ()
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, hash_as_given: str, wire: object, where: str = "") -> "Availability":
        """Read an answer; raises MalformedMessageError where a key is missing or wrong."""
        fields = Fields(wire, where)
        servers = fields.items("servers", dict)
        return cls(
            hash=hash_as_given,
            status=fields.need("status", str),
            model=fields.may("model", dict),
            servers=tuple(
                ServerPlacement.from_wire(server, f"{fields.path('servers')}[{index}]")
                for index, server in enumerate(servers)
            ),
            sources=fields.items("sources", dict),
            candidates=fields.items("candidates", dict),
            wire=fields.wire,
        )


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """One server that the hub knows; ``alias`` is the name that people gave it."""

    server_id: str
    alias: str
    state: str | None = None
    last_seen: str | None = None
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: object, where: str = "") -> "ServerInfo":
        fields = Fields(wire, where)
        alias = fields.need("alias", str)
        return cls(
            server_id=fields.may("server_id", str) or alias,
            alias=alias,
            state=fields.may("state", str),
            last_seen=fields.may("last_seen", str),
            wire=fields.wire,
        )


def read_batch(hashes: Iterable[str], wire: object) -> dict[str, Availability]:
    """Read the answer to a batch of hashes; returns each hash's own.

    Raises:
        MalformedMessageError: one is missing, or wrong.
    """
    results = Fields(Fields(wire).need("results", dict), "results")
    return {text: Availability.from_wire(text, results.need(text, dict), results.path(text)) for text in hashes}


def read_found(names: Sequence[str], wire: object) -> list[Availability]:
    """Read the answer to a batch of names, in their order.

    Raises:
        MalformedMessageError: there are more or fewer answers than names, or one is wrong.
    """
    fields = Fields(wire)
    fields.need("results", list)
    results = fields.items("results", dict)
    if len(results) != len(names):
        raise MalformedMessageError("results", f"has {len(results)} answers to {len(names)} names")
    return [
        Availability.from_wire(name, result, f"results[{number}]")
        for number, (name, result) in enumerate(zip(names, results, strict=True))
    ]
