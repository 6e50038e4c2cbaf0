"""The shelf: this server's models as the page shows them, made anew only when the inventory has changed."""

import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..agent import Agent
from ..hub_words import HubWord
from ..inventory.record import Record

STALE, WAITING, PRESENT = "stale", "waiting", "present"


@dataclass(frozen=True)
class Item:
    """One file on the shelf: a record of the library, with what the page asks for."""

    record: Record
    identity: Mapping[str, Any]
    sha256: str | None
    tensor_sha256: str | None
    hash_state: str | None

    @classmethod
    def of(cls, record: Record, word: HubWord | None = None, *, untold: bool = False) -> "Item":
        """Take a record as it is now, with what the hub says; ``untold``: of a person's word here it knows nothing."""
        facts = record.facts
        if facts is None:
            return cls(record, {}, None, None, None)
        identity = record.identity
        if word is not None:
            identity = word.applied(
                identity, person_here=untold or (record.corrected is not None and not word.corrected)
            )
        return cls(record, identity, facts.sha256, facts.tensor_sha256, facts.hash_state)

    @property
    def path(self) -> str:
        """The published path."""
        return self.record.name

    @cached_property
    def name(self) -> str:
        """The file's name without its suffix."""
        return os.path.splitext(self.record.relative.rpartition("/")[2])[0]

    @property
    def type(self) -> str:
        """The model type, as the hub is told it."""
        return self.identity.get("kind") or self.record.kind

    @property
    def ecosystem(self) -> str | None:
        """The ecosystem, or None where it is not known."""
        return self.identity.get("ecosystem")

    @property
    def base_model(self) -> str | None:
        """The base model, or None where it is not known."""
        return self.identity.get("base_model")

    @property
    def subject(self) -> str | None:
        """What a verdict is asked with: the base model, or the ecosystem where that is all that is known."""
        return self.base_model or self.ecosystem

    @property
    def state(self) -> str:
        """``present``, ``stale`` (its folder cannot be looked at) or ``waiting`` (not published yet)."""
        return STALE if self.record.stale else WAITING if self.sha256 is None else PRESENT

    @property
    def corrected(self) -> bool:
        """Whether a person corrected it."""
        return self.record.corrected is not None and self.sha256 is not None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was found on the way: title, trigger words, rank…"""
        return self.identity.get("metadata") or {}

    @cached_property
    def states(self) -> frozenset[str]:
        """All words of the state filter that hold."""
        words = {self.state, self.hash_state or WAITING}
        words |= {"corrected"} if self.corrected else set()
        words |= {"conflict"} if self.identity.get("conflicts") else set()
        words |= {"unknown"} if self.sha256 is not None and self.ecosystem is None else set()
        return frozenset(words)

    @cached_property
    def haystack(self) -> str:
        """What a search looks through."""
        words = self.metadata.get("trigger_words") or []
        parts = [self.path, self.metadata.get("title"), self.base_model, self.ecosystem, self.sha256, *words]
        parts += [self.tensor_sha256] if self.tensor_sha256 else []
        return "\n".join(str(part) for part in parts if part).lower()

    def row(self, copies: int) -> dict[str, Any]:
        """Return what a list shows of it; ``copies`` is how many files here are the same model."""
        found, metadata = self.record.found, self.metadata
        return {
            "path": self.path,
            "file": self.record.path,
            "name": self.name,
            "title": metadata.get("title"),
            "type": self.type,
            "size": found.size,
            "mtime": found.mtime_ns / 1e9,
            "sha256": self.sha256,
            "autov2": self.sha256[:10] if self.sha256 else None,
            "autov3": self.tensor_sha256[:12] if self.tensor_sha256 else None,
            "hash_state": self.hash_state,
            "state": self.state,
            "waiting": (self.record.waiting or "it is being read") if self.state == WAITING else None,
            "ecosystem": self.ecosystem,
            "base_model": self.base_model,
            "confidence": self.identity.get("confidence") if self.ecosystem else None,
            "conflicts": len(self.identity.get("conflicts") or ()),
            "corrected": self.corrected,
            "trigger_words": metadata.get("trigger_words") or [],
            "preview": preview_file(self.record.path) is not None,
            "shared": self.record.shared,
            "copies": copies,
        }


PREVIEW_SUFFIXES = (".preview.png", ".preview.jpg", ".preview.jpeg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp")
"""As A1111 and Forge look for them (``find_preview`` in ``modules/ui_extra_networks.py``), without what moves."""


def preview_file(path: str) -> str | None:
    """Return the preview image beside a model, or None."""
    stem = os.path.splitext(path)[0]
    return next((stem + suffix for suffix in PREVIEW_SUFFIXES if os.path.isfile(stem + suffix)), None)


@dataclass(frozen=True)
class Stock:
    """All items of one moment."""

    revision: str
    items: tuple[Item, ...]

    @cached_property
    def by_path(self) -> dict[str, Item]:
        """Published path -> item."""
        return {item.path: item for item in self.items}

    @cached_property
    def by_file(self) -> dict[str, Item]:
        """Absolute path -> item."""
        return {os.path.normcase(item.record.path): item for item in self.items}

    @cached_property
    def copies(self) -> Counter[str]:
        """SHA-256 -> how many files here have it."""
        return Counter(item.sha256 for item in self.items if item.sha256)

    @cached_property
    def weights(self) -> dict[str, set[str]]:
        """Tensor hash -> SHA-256 values of the files here that hold these weights."""
        found: dict[str, set[str]] = {}
        for item in self.items:
            if item.tensor_sha256 and item.sha256:
                found.setdefault(item.tensor_sha256, set()).add(item.sha256)
        return found

    def of_sha256(self, sha256: str) -> list[Item]:
        """Return the files here that are this model."""
        return [item for item in self.items if item.sha256 == sha256]

    def rows(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """Return what a list shows of some items."""
        return [item.row(self.copies[item.sha256] if item.sha256 else 1) for item in items]


class Shelf:
    """Gives the stock as it is now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stock = Stock("", ())

    def stock(self, agent: Agent | None) -> Stock:
        """Return all items; those of the last look where nothing has changed since."""
        if agent is None:
            return Stock("", ())
        with agent.library.frozen():
            records = agent.library.records()
            waiting = [(r.name, r.waiting) for r in records if r.facts is None]
            digest, count = agent.ledger.state()
            revision = f"{digest}-{count}-{len(records)}-{hash(json.dumps(waiting)) & 0xFFFFFFFF:08x}"
            words = agent.hub_words
            if words is not None and words.revision:
                revision += f"-{words.revision}"
            with self._lock:
                if self._stock.revision != revision:
                    self._stock = Stock(revision, tuple(_items(agent, records)))
                return self._stock


def _items(agent: Agent, records: Iterable[Record]) -> Iterator[Item]:
    words = agent.hub_words
    untold = agent.corrections.untold_hashes(agent.syncer.client.address) if agent.syncer is not None else frozenset()
    for record in records:
        sha256 = record.facts.sha256 if record.facts is not None else None
        word = words.get(sha256) if words is not None and sha256 is not None else None
        yield Item.of(record, word, untold=sha256 in untold)
