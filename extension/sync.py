"""The conversation with the hub: heartbeat, delta, buckets; what to say next, and when.

State-based: whatever was lost, repeated or forgotten on either side, comparing digests finds it and sending the
differing buckets mends it. Nothing of it is kept on disk: after a restart the first heartbeat tells where the hub is.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..hub_client import (
    BadAnswerError,
    BaseMismatch,
    BucketDigests,
    Buckets,
    ConflictError,
    Delta,
    Heartbeat,
    HubClient,
    HubError,
    InvalidRequestError,
    ModelEntry,
    RefusedError,
    Sender,
    StoppedError,
    SyncAnswer,
)
from ..hub_client.digest import DEFAULT_BUCKET_BITS, add, to_hex
from .inventory.library import Library
from .ledger import Ledger

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 2.0
"""A change is told to the hub at the latest so long after it; a burst of changes goes in one body."""
QUIET_SECONDS = 0.3
"""A change that stands alone is told after this already."""
HEARTBEAT_SECONDS = 30.0
BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
DESCRIBE_AGAIN_SECONDS = 600.0
"""A hub that was restored from a backup, or emptied, hears after so long who speaks."""
SETTLE_TRIES = 4
"""How often an agent that runs once tries a hub that does not answer."""
SETTLE_ANSWERS = 10
"""How often it compares with a hub that answers, and yet never holds what it was told."""
PART_ENTRIES = 10_000
"""More changes than this go as buckets, in parts of about this many entries. Each part is one transaction of the hub,
which writes most pages of its indexes; this many entries are a body of some MiB, gzipped."""


@dataclass(frozen=True)
class SyncState:
    """What is known of the conversation: wall-clock times in seconds since the epoch, None for never.

    ``error`` is the sentence that says why the hub does not have the inventory now, or None.
    """

    in_sync: bool = False
    last_sync: float | None = None
    hub_digest: str | None = None
    error: str | None = None
    failures: int = 0


class Syncer:
    """Keeps one hub equal to one ledger."""

    def __init__(
        self,
        client: HubClient,
        server_id: str,
        sender: Sender,
        library: Library,
        ledger: Ledger,
        *,
        describe: Callable[[], Mapping[str, Any]] | None = None,
        on_request: Callable[[str], None] = lambda request: None,
        on_catalogue: Callable[[HubClient, str], None] = lambda client, digest: None,
        on_talked: Callable[[HubClient], None] = lambda client: None,
        on_news: Callable[[HubClient, int], None] = lambda client, number: None,
        debounce_seconds: float = DEBOUNCE_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        draw: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a syncer; nothing is sent yet.

        Args:
            client: asks the hub once per call; it is this class that decides when to ask again.
            sender: who speaks.
            describe: what he says of himself now; told when it is news, and again now and then. Without it, what
                the sender has, in every body.
            library: gives the entries of the paths that the ledger names.
            on_request: told of what the hub asks for (``rescan``).
            on_catalogue: told the digest of the hub's catalogue of base models, once a round.
            on_talked: what else is to be told, once the hub has been told the inventory.
            on_news: told the number of the hub's last news of models, once a round where it has any.
            draw: jitter between 0 and 1.
            wall: the wall clock, in seconds since the epoch; it is only shown.
            monotonic: a clock that never jumps, in seconds.
        """
        self.client = client
        self.server_id = server_id
        self.sender = sender
        self.state = SyncState()
        self._describe_self = describe
        self._described: Mapping[str, Any] | None = None
        self._described_at = 0.0
        self._library = library
        self._ledger = ledger
        self._on_request = on_request
        self._on_catalogue = on_catalogue
        self._on_talked = on_talked
        self._on_news = on_news
        self._debounce = debounce_seconds
        self._heartbeat = heartbeat_seconds
        self._draw = draw
        self._wall = wall
        self._monotonic = monotonic
        self._hub_digest: str | None = None
        self._wanted: set[str] = set()
        self._carried_out: set[str] = set()
        self._catalogue: str | None = None
        self._news: int | None = None
        self._part_entries = PART_ENTRIES
        self._wake = threading.Condition()
        self._dirty_since: float | None = None
        self._dirty_last = 0.0
        self._hurry = False
        self._round_at = monotonic()
        self._said: object = None
        self._error: HubError | None = None

    def dirty(self) -> None:
        """Say that the ledger changed."""
        with self._wake:
            now = self._monotonic()
            self._dirty_last = now
            if self._dirty_since is None:
                self._dirty_since = now
                self._wake.notify_all()

    def complete(self) -> bool:
        """Tell whether the hub was last heard to hold just what is published now."""
        return self.state.in_sync and self.state.hub_digest == self._ledger.digest

    def hurry(self) -> None:
        """Ask for a round now."""
        with self._wake:
            self._hurry = True
            self._wake.notify_all()

    def run(self, stop: threading.Event) -> None:
        """Talk to the hub until told to stop; ``hurry`` or ``dirty`` must follow the setting of ``stop``."""
        while self._sleep(stop):
            try:
                self.round()
            except Exception:
                # One round that failed (a value that no JSON can hold, say) must not end all later ones.
                log.exception("Telling the hub failed; it is tried again.")
                self._hub_digest, self._round_at = None, self._monotonic() + LONGEST_BACKOFF_SECONDS

    def due_at(self) -> float:
        """Return the monotonic time of the next round: the heartbeat's, or earlier where there is something to tell."""
        with self._wake:
            if self._hurry:
                return self._monotonic()
            if self._dirty_since is None or self.state.failures:
                return self._round_at
            alone = self._dirty_last + min(QUIET_SECONDS, self._debounce)
            return min(self._round_at, self._dirty_since + self._debounce, alone)

    def round(self) -> float:
        """Bring the hub up to date once, or find out why not; return after how many seconds to come again."""
        with self._wake:
            self._dirty_since, self._hurry = None, False
        wait = self._round()
        self._round_at = self._monotonic() + wait
        return wait

    def _round(self) -> float:
        described = self._introduce()
        try:
            self._talk()
        except StoppedError:
            return 0.0
        except HubError as error:
            return self._failed(error)
        if described is not None:
            self._described, self._described_at = described, self._monotonic()
        if self._said is not None:
            log.warning("The hub at %s answers again.", self.client.address)
        self._error = None
        self.state = SyncState(self._hub_digest == self._ledger.digest, self._wall(), self._hub_digest)
        self._said = None
        return self._heartbeat * (0.9 + 0.2 * self._draw())

    def _introduce(self) -> Mapping[str, Any] | None:
        """Put into the sender what is news of this agent, for this round; return it, or None where nothing is."""
        if self._describe_self is None:
            return None
        description = dict(self._describe_self())
        told = description == self._described and self._monotonic() - self._described_at < DESCRIBE_AGAIN_SECONDS
        self.sender = replace(self.sender, description={} if told else description)
        return None if told else description

    def settle(self, stop: threading.Event, tries: int = SETTLE_TRIES) -> HubError | None:
        """Talk until the hub has everything; return None, or the error that still stood after so many tries."""
        answers = 0
        while not stop.is_set():
            wait = self.round()
            if self.complete():
                return None
            error = self._error
            if error is None:
                answers += 1
                if answers < SETTLE_ANSWERS:
                    continue
                error = BadAnswerError(
                    f"the hub at {self.client.address} takes the inventory, and does not hold it then"
                )
            if not error.transient or self.state.failures >= tries:
                return error
            stop.wait(min(wait, 5.0))
        return StoppedError("stopped before the hub had everything, as asked")

    def leave(self) -> None:
        """Tell the hub that this agent stops in order, so that its server id is free; failing that is no matter."""
        digest, count = self._ledger.state()
        try:
            self.client.heartbeat(self.server_id, Heartbeat(digest, count, leaving=True), self.sender)
        except HubError as error:
            log.debug("The farewell did not arrive: %s", error)

    def _sleep(self, stop: threading.Event) -> bool:
        with self._wake:
            while not stop.is_set():
                wait = self.due_at() - self._monotonic()
                if wait <= 0:
                    return True
                self._wake.wait(wait)
            return False

    def _talk(self) -> None:
        if self._hub_digest is not None and self._ledger.dirty_count() > self._part_entries:
            self._hub_digest = None
        if self._hub_digest is not None and self._ledger.dirty_count():
            self._push_delta()
        else:
            self._compare()
        while self._wanted and self._hub_digest is not None:
            self._describe()
        if self._catalogue is not None:
            self._on_catalogue(self.client, self._catalogue)
        self._on_talked(self.client)
        if self._news is not None:
            self._on_news(self.client, self._news)

    def _compare(self) -> None:
        """Send a heartbeat and mend what differs."""
        self._hub_digest = None
        with self._library.frozen():
            dirty, digest, count = self._ledger.take_dirty()
        done, self._carried_out = self._carried_out, set()
        try:
            body = Heartbeat(digest, count, acknowledged=sorted(done))
            answer = self.client.heartbeat(self.server_id, body, self.sender)
            self._noted(answer)
            if "full" in answer.requests:
                self._mend(BucketDigests(DEFAULT_BUCKET_BITS, {}), answer.digest, describe=True)
                self._carried_out.add("full")
            elif not answer.in_sync:
                hub = answer.buckets or BucketDigests(DEFAULT_BUCKET_BITS, {})
                self._mend(hub, answer.digest, describe=answer.count == 0)
            else:
                self._hub_digest = digest
        except BaseException:
            self._ledger.give_back(dirty)
            self._carried_out |= done
            raise

    def _push_delta(self) -> None:
        with self._library.frozen():
            dirty, digest, _ = self._ledger.take_dirty()
            found = {name: self._entry(name) for name in sorted(dirty)}
        upserts = [entry for entry in found.values() if entry is not None]
        removed = [name for name, entry in found.items() if entry is None]
        base, self._hub_digest = self._hub_digest, None
        assert base is not None
        body = Delta(base, digest, upserts, removed, described=frozenset())
        try:
            self._noted(self.client.push_delta(self.server_id, body, self.sender))
            self._hub_digest = digest
        except ConflictError as error:
            self._ledger.give_back(dirty)
            if error.code != "base_mismatch":
                raise
            log.info("The hub holds another state than it was told; comparing.")
            mismatch = BaseMismatch.from_wire(error.details)
            dirty, _, _ = self._ledger.take_dirty()
            try:
                self._mend(mismatch.buckets, mismatch.digest, describe=mismatch.count == 0)
            except BaseException:
                self._ledger.give_back(dirty)
                raise
        except BaseException:
            self._ledger.give_back(dirty)
            raise

    def _mend(self, hub: BucketDigests, hub_digest: str, *, describe: bool) -> None:
        """Send the buckets that differ, in parts. What changes meanwhile is dirty and follows as a delta.

        ``describe`` sends all metadata along, for a hub that cannot know any of it.
        """
        mine = self._ledger.buckets(hub.bits)
        differing = {prefix for prefix in {*mine, *hub.digests} if mine.get(prefix) != hub.digests.get(prefix)}
        for part, digest in self._parts(self._ledger.in_buckets(differing, hub.bits)):
            body = Buckets(part, hub.bits, to_hex(digest), described=None if describe else frozenset())
            answer = self.client.push_buckets(self.server_id, body, self.sender)
            self._noted(answer)
            hub_digest = answer.digest
        self._hub_digest = hub_digest

    def _parts(self, names: dict[str, list[str]]) -> Iterator[tuple[dict[str, list[ModelEntry]], int]]:
        """Yield some of the buckets with their entries, and the sum of these entries' digests."""
        part: dict[str, list[ModelEntry]] = {}
        count = total = 0
        for prefix in sorted(names):
            with self._library.frozen():  # entries and their digests are of one moment
                entries = [entry for name in sorted(names[prefix]) if (entry := self._entry(name)) is not None]
                digest = self._ledger.sum_of(names[prefix])
            if part and count + len(entries) > self._part_entries:
                yield part, total
                part, count, total = {}, 0, 0
            part[prefix] = entries
            count += len(entries)
            total = add(total, digest)
        if part:
            yield part, total

    def _describe(self) -> None:
        """Send the metadata that the hub asked for: a delta that changes no digest."""
        wanted = frozenset(list(self._wanted)[: self._part_entries])
        self._wanted -= wanted
        entries = {}
        for record in self._library.records():
            if record.facts is not None and record.facts.sha256 in wanted and record.facts.sha256 not in entries:
                entry = record.entry()
                if entry is not None:
                    entries[record.facts.sha256] = entry
        digest = self._hub_digest
        if entries and digest is not None and not self._ledger.dirty_count():
            body = Delta(digest, digest, list(entries.values()), described=wanted)
            self.client.push_delta(self.server_id, body, self.sender)

    def _entry(self, name: str) -> ModelEntry | None:
        record = self._library.find(name)
        return record.entry() if record is not None else None

    def _noted(self, answer: SyncAnswer) -> None:
        self._wanted.update(answer.wanted)
        self._catalogue = answer.catalogue or self._catalogue
        self._news = answer.news
        for request in answer.requests:
            log.info("The hub asks for: %s", request)
            if request != "full":
                self._on_request(request)
                self._carried_out.add(request)

    def _failed(self, error: HubError) -> float:
        """Note a failure, say it once, and return after how many seconds to try again (full jitter)."""
        failures = self.state.failures + 1
        code = error.code if isinstance(error, RefusedError) else None
        if code == "body_too_large" and self._part_entries > 1:
            self._part_entries //= 2
            return 0.0
        if isinstance(error, InvalidRequestError) and code == "digest_mismatch" and failures == 1:
            self.state = replace(self.state, failures=failures)
            return 0.0
        self._error = error
        kind = (type(error), code)
        if kind != self._said:
            self._said = kind
            log.warning("The hub does not have this inventory now: %s. It is tried again.", error)
        self.state = replace(self.state, in_sync=False, error=str(error), failures=failures)
        asked = (error.retry_after_seconds or 0.0) if isinstance(error, RefusedError) else 0.0
        span = min(LONGEST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10))
        return asked + span * self._draw()
