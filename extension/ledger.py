"""The ledger: the digest of every published entry, the inventory's own, and what the hub has not been told yet."""

import threading
from collections.abc import Callable, Iterable

from ..hub_client.digest import MODULUS, add, bucket_digests, bucket_prefix, path_key, to_hex


class Ledger:
    """What is published, as digests; entries themselves are made anew whenever they are sent.

    ``put`` and ``drop`` may be called from any thread; they cost the same however large the inventory is.
    """

    def __init__(self, on_dirty: Callable[[], None] = lambda: None) -> None:
        """Make an empty ledger; ``on_dirty`` is called after each change that the hub is to be told."""
        self._lock = threading.Lock()
        self._digests: dict[str, tuple[int, int]] = {}
        self._total = 0
        self._dirty: set[str] = set()
        self._on_dirty = on_dirty

    def put(self, name: str, digest: int) -> None:
        """Publish an entry of this digest under its path, or renew it."""
        with self._lock:
            before = self._digests.get(name)
            if before is not None and before[0] == digest:
                return
            self._digests[name] = (digest, before[1] if before else path_key(name))
            self._total = add(self._total, digest, -(before[0] if before else 0))
            self._dirty.add(name)
        self._on_dirty()

    def drop(self, name: str) -> None:
        """Publish no entry under this path any more."""
        with self._lock:
            before = self._digests.pop(name, None)
            if before is None:
                return
            self._total = (self._total - before[0]) % MODULUS
            self._dirty.add(name)
        self._on_dirty()

    @property
    def digest(self) -> str:
        """The inventory's digest now."""
        with self._lock:
            return to_hex(self._total)

    def state(self) -> tuple[str, int]:
        """Return digest and count, of one moment."""
        with self._lock:
            return to_hex(self._total), len(self._digests)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._digests

    def take_dirty(self) -> tuple[set[str], str, int]:
        """Return the paths changed since the last call, with digest and count of this moment; the set is emptied."""
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            return dirty, to_hex(self._total), len(self._digests)

    def give_back(self, dirty: set[str]) -> None:
        """Return paths that could not be told to the hub after all."""
        with self._lock:
            self._dirty |= dirty

    def dirty_count(self) -> int:
        """Return how many paths the hub has not been told of."""
        with self._lock:
            return len(self._dirty)

    def buckets(self, bits: int) -> dict[str, str]:
        """Return the digest of each bucket that is not empty."""
        with self._lock:
            return bucket_digests(((key, digest) for digest, key in self._digests.values()), bits)

    def sum_of(self, names: Iterable[str]) -> int:
        """Return the sum of the digests of those of these paths that are published."""
        with self._lock:
            return add(*(self._digests[name][0] for name in names if name in self._digests))

    def in_buckets(self, prefixes: set[str], bits: int) -> dict[str, list[str]]:
        """Return the paths in each of these buckets, an empty list for one that is empty here."""
        found: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
        with self._lock:
            for name, (_, key) in self._digests.items():
                prefix = bucket_prefix(key, bits)
                if prefix in found:
                    found[prefix].append(name)
        return found
