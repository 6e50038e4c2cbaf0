"""``HubClient``: what can be asked of a hub, one method per route.

Tests of other rooms give it a hub through the library ``responses``, or a real one: there is no other seam.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import requests

from .._version import VERSION
from .address import DEFAULT_HUB_ADDRESS, read_address
from .answers import UNKNOWN, Availability, ServerInfo, model_hash, read_batch, read_found
from .calls import FAREWELL, Calls
from .connection import Bounds, HubConnection
from .credentials import Credentials
from .errors import BadAnswerError, MalformedMessageError, NotFoundError
from .fields import Fields
from .job_work import JobWork
from .jobs import Jobs
from .messages import PROTOCOL, Buckets, Delta, FullList, Heartbeat, Sender, SyncAnswer, SyncBody
from .news import NewsAnswer
from .override import Override, read_override
from .retry import RetryPolicy
from .segments import segment
from .transport import Timeouts, bounded_session, trusted_authorities

MAX_HASHES_PER_BATCH = 1000
"""The hub's limit for one availability request."""

_MODEL_NOT_FOUND = "model_not_found"


class HubClient(Calls):
    """Asks one hub.

    ``address`` is like ``http://attic:7807``; ``credentials`` may be None for what a hub tells everybody. ``timeouts``
    bound each attempt, ``retry`` the attempts and the pauses between: with the defaults a call ends within eight
    minutes at the very most. Once ``stop`` is set, a call that waits, for an answer or to try again, ends within a
    fraction of a second with a StoppedError (except while it looks up a name or connects). A ``session`` of the
    caller's own is used as it is; only one from ``bounded_session()`` keeps total time and stop event while an answer
    comes in.

    Threads may share a client: no call changes it or its session, and its connections come from urllib3's pool. Every
    method raises a ``HubError`` where it fails. Redirects are not followed: the key would go along.

    ``ca_file`` has the authorities that a hub's certificate is trusted by (see ``trusted_authorities``).

    ``jobs`` submits jobs and looks after them, ``work`` is what an agent does with them.
    Raises:
        AddressError: the address is not one.
        SetupError: the authorities' file cannot be used.
    """

    def __init__(
        self,
        address: str = DEFAULT_HUB_ADDRESS,
        credentials: Credentials | None = None,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        stop: threading.Event | None = None,
        session: requests.Session | None = None,
        ca_file: str | None = None,
        user_agent: str = f"quartermaster/{VERSION}",
    ) -> None:
        hub, authorities = read_address(address), trusted_authorities(ca_file)
        connection = HubConnection(hub, credentials, session or bounded_session(), user_agent, authorities)
        super().__init__(connection, Bounds(timeouts or Timeouts(), retry or RetryPolicy(), stop))
        self.jobs = Jobs(self)
        self.work = JobWork(self)

    def __repr__(self) -> str:
        return f"HubClient({self.address!r})"

    def __enter__(self) -> "HubClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open between calls."""
        self._connection.session.close()

    def heartbeat(self, server_id: str, body: Heartbeat, sender: Sender | None = None) -> SyncAnswer:
        """Say at what state a server is.

        With ``leaving`` it is sent once, briefly, and though the stop event is set: it is what a stopping agent says.
        """
        return self._sync(server_id, body, sender, FAREWELL if body.leaving else None)

    def push_delta(self, server_id: str, body: Delta, sender: Sender | None = None) -> SyncAnswer:
        """Tell what changed. The ``details`` of a ConflictError ``base_mismatch`` are read by ``BaseMismatch``."""
        return self._sync(server_id, body, sender)

    def push_buckets(self, server_id: str, body: Buckets, sender: Sender | None = None) -> SyncAnswer:
        """Tell what exactly is in some buckets."""
        return self._sync(server_id, body, sender)

    def push_full(self, server_id: str, body: FullList, sender: Sender | None = None) -> SyncAnswer:
        """Tell the whole inventory at once."""
        return self._sync(server_id, body, sender)

    def availability(self, hash_as_given: str) -> Availability:
        """Ask which servers have a model; a hash that no model is known for has the status ``unknown``.

        Raises:
            ValueError: it is not a hash (see ``model_hash``).
        """
        try:
            answer = self.call("GET", f"/api/v1/models/{model_hash(hash_as_given)}/availability", repeatable=True)
        except NotFoundError as error:
            if error.code != _MODEL_NOT_FOUND:
                raise
            return Availability(hash_as_given, UNKNOWN, wire={"status": UNKNOWN, "servers": []})
        with self.naming_the_hub():
            return Availability.from_wire(hash_as_given, answer)

    def availabilities(self, hashes: Iterable[str]) -> Iterator[Availability]:
        """Ask the same for many hashes, 1,000 at a time; yields one answer per hash, in the order given.

        Raises:
            ValueError: one of them is not a hash; nothing has been asked then.
        """
        given = tuple(hashes)
        asked = [model_hash(text) for text in given]
        return self._batches(given, asked)

    def _batches(self, given: Sequence[str], asked: Sequence[str]) -> Iterator[Availability]:
        for start in range(0, len(given), MAX_HASHES_PER_BATCH):
            part = slice(start, start + MAX_HASHES_PER_BATCH)
            body = {"hashes": list(asked[part])}
            answer = self.call("POST", "/api/v1/models/availability", body, repeatable=True)
            with self.naming_the_hub():
                found = read_batch(asked[part], answer)
            for as_given, text in zip(given[part], asked[part], strict=True):
                yield replace(found[text], hash=as_given)

    def find(self, names: Iterable[str]) -> Iterator[Availability]:
        """Ask the same by names or paths of files, checkpoint titles or ``<lora:name:1>``, 1,000 at a time, in order.

        ``hash`` of an answer is the name as it was asked for. A hub that finds a name to be none raises at its part.
        """
        given = tuple(names)
        for start in range(0, len(given), MAX_HASHES_PER_BATCH):
            part = given[start : start + MAX_HASHES_PER_BATCH]
            answer = self.call("POST", "/api/v1/models/find", {"questions": list(part)}, repeatable=True)
            with self.naming_the_hub():
                found = read_found(part, answer)
            yield from found

    def register(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """Make a model known, whether or not a server has it, and return the hub's answer.

        Repeating it changes nothing; hashes that contradict what the hub knows are a ConflictError.
        """
        return self._object("POST", "/api/v1/models/register", model)

    def model(self, hash_as_given: str) -> dict[str, Any]:
        """Return the hub's answer about one model.

        Raises:
            ValueError: it is not a hash (see ``model_hash``).
        """
        return self._object("GET", f"/api/v1/models/{model_hash(hash_as_given)}")

    def override_of(self, hash_as_given: str) -> Override | None:
        """Return what was corrected by hand of a model, or None.

        Raises:
            ValueError: it is not a hash (see ``model_hash``).
        """
        return self._overrides("GET", hash_as_given)

    def override(
        self,
        hash_as_given: str,
        *,
        base_model: str | None = None,
        type: str | None = None,  # noqa: A002 (the name in the contract)
        note: str | None = None,
    ) -> Override:
        """Correct a model by hand, in place of an earlier correction: it wins over whatever agents say.

        ``base_model`` is any name or alias of a base model or an ecosystem, ``type`` a model type. A part that is None
        is not corrected; one of the two must be given. A NotFoundError means that the hub does not know the model yet.

        Raises:
            ValueError: it is not a hash (see ``model_hash``).
        """
        made = self._overrides("PUT", hash_as_given, {"base_model": base_model, "type": type, "note": note})
        if made is None:
            raise BadAnswerError(f"the hub at {self.address} took a correction and does not have it", field="override")
        return made

    def clear_override(self, hash_as_given: str) -> None:
        """Take a correction by hand back, if there is one: what was found holds again.

        Raises:
            ValueError: it is not a hash (see ``model_hash``).
        """
        self._overrides("DELETE", hash_as_given)

    def override_many(
        self, items: Sequence[Mapping[str, Any]], *, dry_run: bool = False, all_or_nothing: bool = True
    ) -> dict[str, Any]:
        """Correct up to 1,000 models in one transaction and return the hub's answer, ``results`` and ``undo`` in it.

        An item has ``hash``, ``base_model``, ``type`` and ``note``. Sent once: the answer to a repetition would undo to
        what the first had made. Items that cannot be done are in the ``details`` of an InvalidRequestError with the
        code ``bulk_refused``, as ``failed``.
        """
        body = {"items": list(items), "dry_run": dry_run, "all_or_nothing": all_or_nothing}
        answer = self.call("POST", "/api/v1/models/overrides", body, repeatable=False)
        with self.naming_the_hub():
            fields = Fields(answer)
            fields.need("results", list)
            fields.items("results", dict)
            Fields(fields.need("undo", dict), "undo").need("items", list)
            return dict(fields.wire)

    def _overrides(self, method: str, hash_as_given: str, body: Mapping[str, Any] | None = None) -> Override | None:
        path = f"/api/v1/models/{model_hash(hash_as_given)}/overrides"
        answer = self.call(method, path, body, repeatable=True)
        with self.naming_the_hub():
            return read_override(answer)

    def news_after(self, number: int) -> NewsAnswer:
        """Return what is known here of this key's models and was not at that number, which a sync answered."""
        return self._news({"after": number})

    def news_of(self, hashes: Sequence[str]) -> NewsAnswer:
        """Return what is known here of up to 1,000 models, by their SHA-256; those of which nothing is are absent."""
        return self._news({"hashes": list(hashes)})

    def _news(self, body: Mapping[str, Any]) -> NewsAnswer:
        answer = self.call("POST", "/api/v1/models/news", body, repeatable=True)
        with self.naming_the_hub():
            return NewsAnswer.from_wire(answer)

    def models(self, filters: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the models that the hub knows, page by page as they are asked for.

        ``filters`` are query parameters of ``GET /api/v1/models``: ``q`` (words), ``type``, ``ecosystem``, ``server``,
        ``status``, and ``limit`` (models per page).
        """
        query, seen = dict(filters or {}), set[str]()
        while True:
            answer = self.call("GET", "/api/v1/models", query=query, repeatable=True)
            with self.naming_the_hub():
                fields = Fields(answer)
                fields.need("models", list)
                page, cursor = fields.items("models", dict), fields.may("next_cursor", str)
                if cursor in seen:
                    raise MalformedMessageError("next_cursor", "comes a second time, so the list would never end")
            yield from page
            if cursor is None:
                return
            seen.add(cursor)
            query["cursor"] = cursor

    def servers(self) -> tuple[ServerInfo, ...]:
        """Return the servers that the hub knows."""
        answer = self.call("GET", "/api/v1/servers", repeatable=True)
        with self.naming_the_hub():
            fields = Fields({"servers": answer})
            fields.need("servers", list)
            listed = fields.items("servers", dict)
            return tuple(ServerInfo.from_wire(server, f"servers[{index}]") for index, server in enumerate(listed))

    def compatibility(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask whether models go together, and return the verdict with its steps as the hub gives it."""
        return self._object("POST", "/api/v1/compatibility", question)

    def healthz(self) -> dict[str, Any]:
        """Return what the hub says of itself; needs no key."""
        return self._object("GET", "/healthz")

    def _object(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self.call(method, path, body, repeatable=True)
        with self.naming_the_hub():
            return dict(Fields(answer).wire)

    def _sync(self, server_id: str, body: SyncBody, sender: Sender | None, bounds: Bounds | None = None) -> SyncAnswer:
        wire = {"protocol": PROTOCOL, **(sender.to_wire() if sender else {}), **body.to_wire()}
        path = f"/api/v1/servers/{segment(server_id, 'a server')}/models/sync"
        answer = self.call("POST", path, wire, repeatable=True, bounds=bounds)
        with self.naming_the_hub():
            return SyncAnswer.from_wire(answer)
