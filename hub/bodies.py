"""The four bodies of the sync endpoint, checked: what an agent said, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..hub_client import digest as digests
from . import fields
from .entries import Entry, is_path, path_rule, read_entries
from .errors import DigestMismatchError, FieldError, ProtocolUnsupportedError, TooLargeError
from .limits import Limits

PROTOCOL = 1
REQUESTS = ("rescan", "full")


@dataclass(frozen=True)
class Sender:
    """Who sent a body: every body carries it. ``agent`` is the agent's description of itself, as JSON."""

    agent_id: str | None
    agent: str | None
    leaving: bool
    acknowledged: tuple[str, ...]


@dataclass(frozen=True)
class Heartbeat:
    """ "I am at this state"."""

    digest: int
    count: int | None
    bits: int


@dataclass(frozen=True)
class Delta:
    """From state ``base``, apply this; ``digest`` is the whole inventory's afterwards."""

    base: int
    upserts: list[Entry]
    removed: list[str]
    digest: int


@dataclass(frozen=True)
class Buckets:
    """The buckets with these numbers hold exactly these entries."""

    bits: int
    numbers: frozenset[int]
    entries: list[Entry]


@dataclass(frozen=True)
class FullList:
    """The plain full list."""

    entries: list[Entry]


Body = Heartbeat | Delta | Buckets | FullList


def read_body(value: Mapping[str, Any], limits: Limits) -> tuple[Sender, Body]:
    """Return who sent a sync body, and the body.

    Raises:
        ProtocolUnsupportedError: the sender is more than one protocol version away.
        FieldError: a field is missing or wrong.
        TooLargeError: there are more entries than one body may have.
        DigestMismatchError: the entries do not add up to what the body states of them.
    """
    _check_protocol(value)
    sender = _sender(value, limits)
    mode = fields.choice(value, "mode", ("heartbeat", "delta", "buckets", "full"))
    if mode == "delta":
        return sender, _delta(value, limits)
    if mode == "buckets":
        return sender, _buckets(value, limits)
    if mode == "full" or (mode is None and "models" in value):
        return sender, _full_list(value, limits)
    return sender, Heartbeat(digest=_digest(value, "digest"), count=fields.integer(value, "count"), bits=_bits(value))


def _check_protocol(value: Mapping[str, Any]) -> None:
    protocol = fields.integer(value, "protocol")
    if protocol is not None and abs(protocol - PROTOCOL) > 1:
        raise ProtocolUnsupportedError(
            f"this hub speaks sync protocol {PROTOCOL} and works with one version more or less; the agent speaks "
            f"{protocol}: update the {'hub' if protocol > PROTOCOL else 'agent'}",
            {"hub_protocol": PROTOCOL, "agent_protocol": protocol},
        )


def _sender(value: Mapping[str, Any], limits: Limits) -> Sender:
    agent = value.get("agent")
    if agent is not None and not isinstance(agent, dict):
        raise FieldError("agent", "must be an object")
    acknowledged = value.get("acknowledged")
    acknowledged = [] if acknowledged is None else acknowledged
    if not isinstance(acknowledged, list) or any(item not in REQUESTS for item in acknowledged):
        raise FieldError("acknowledged", f"must be a list of {', '.join(REQUESTS)}")
    return Sender(
        agent_id=fields.text(value, "agent_id", limits.text_characters),
        agent=None if agent is None else fields.kept_json(agent, "agent", limits.agent_bytes, limits.json_depth),
        leaving=fields.flag(value, "leaving"),
        acknowledged=tuple(acknowledged),
    )


def _digest(value: Mapping[str, Any], name: str) -> int:
    text = fields.required(value, name)
    if not isinstance(text, str):
        raise FieldError(name, "must be 16 hex digits")
    try:
        return digests.from_hex(text)
    except ValueError:
        raise FieldError(name, "must be 16 hex digits") from None


def _bits(value: Mapping[str, Any]) -> int:
    bits = fields.integer(value, "bits", 1, digests.MAX_BUCKET_BITS)
    return digests.DEFAULT_BUCKET_BITS if bits is None else bits


def _check_count(counts: Mapping[str, int], limits: Limits) -> None:
    """Refuse a body with too many entries, however few bytes they take; ``counts`` has how many each field holds."""
    count = sum(counts.values())
    if count > limits.entries:
        field = max(counts, key=lambda name: counts[name])
        raise TooLargeError(
            f"{field}: {count} entries in one body; at most {limits.entries} are taken. Send the inventory in parts",
            {"field": field, "entries": count, "limit": limits.entries},
            code="too_many_entries",
        )


def _length(listed: object) -> int:
    return len(listed) if isinstance(listed, list) else 0


def _delta(value: Mapping[str, Any], limits: Limits) -> Delta:
    base, digest = _digest(value, "base"), _digest(value, "digest")
    upserts, removed = value.get("upserts"), value.get("removed")
    upserts, removed = [] if upserts is None else upserts, [] if removed is None else removed
    if not isinstance(removed, list):
        raise FieldError("removed", "must be a list of paths")
    _check_count({"upserts": _length(upserts), "removed": len(removed)}, limits)
    entries = read_entries(upserts, "upserts", limits)
    paths = {entry.path for entry in entries}
    for number, path in enumerate(removed):
        # What the hub does not hold need not be removed; what no inventory can hold is a mistake to be told of.
        if not is_path(path, limits):
            raise FieldError(f"removed[{number}]", path_rule(limits))
        if path in paths:
            raise FieldError(f"removed[{number}]", f"{path[:80]!r} stands twice in this body")
        paths.add(path)
    return Delta(base=base, upserts=entries, removed=removed, digest=digest)


def _buckets(value: Mapping[str, Any], limits: Limits) -> Buckets:
    buckets = fields.required(value, "buckets")
    if not isinstance(buckets, dict):
        raise FieldError("buckets", "must be an object of lists of entries")
    bits = _bits(value)
    _check_count({"buckets": sum(map(_length, buckets.values()))}, limits)
    digest = _digest(value, "digest")
    shift = digests.MAX_BUCKET_BITS - bits
    numbers: set[int] = set()
    entries: list[Entry] = []
    for name, listed in buckets.items():
        number = _bucket_number(name, bits)
        numbers.add(number)
        checked = read_entries(listed, f"buckets.{name}", limits)
        for position, entry in enumerate(checked):
            if entry.path_key >> shift != number:
                raise FieldError(f"buckets.{name}[{position}].path", "does not belong in this bucket")
        entries += checked
    _check_sum("digest", entries, digest)
    return Buckets(bits=bits, numbers=frozenset(numbers), entries=entries)


def _bucket_number(name: str, bits: int) -> int:
    width = -(-bits // 4)
    if len(name) != width or not all(c in "0123456789abcdef" for c in name) or int(name, 16) >> bits:
        raise FieldError(f"buckets.{name[:20]!a}", f"a bucket of {bits} bits is named by {width} lower-case hex digits")
    return int(name, 16)


def _full_list(value: Mapping[str, Any], limits: Limits) -> FullList:
    listed = fields.required(value, "models")
    _check_count({"models": _length(listed)}, limits)
    count = fields.integer(value, "count")
    digest = None if value.get("digest") is None else _digest(value, "digest")
    entries = read_entries(listed, "models", limits)
    if count is not None and count != len(entries):
        raise DigestMismatchError(
            f"count: the body states {count} entries and holds {len(entries)}",
            {"field": "count", "count": len(entries)},
        )
    if digest is not None:
        _check_sum("digest", entries, digest)
    return FullList(entries)


def _check_sum(field: str, entries: list[Entry], stated: int) -> None:
    total = digests.add(*(entry.digest for entry in entries))
    if total != stated:
        raise DigestMismatchError(
            f"{field}: the body states {digests.to_hex(stated)}, its entries add up to {digests.to_hex(total)}",
            {"field": field, "digest": digests.to_hex(total)},
        )
