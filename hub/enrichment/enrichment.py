"""Looks up models on Civitai by their SHA-256, a batch at a time, beside the answering and only where that is wanted.

It is off by default: the hashes of what somebody has leave the house with it. A claimed hash is asked for like a
verified one, after those: what the service says is about these bytes, whoever turns out to have them; a claim that is
refuted takes its model along, and the answer with it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from .. import fields
from ..ages import iso_time
from ..catalogues import Catalogues
from ..clock import Clock
from ..database import Database, among
from ..errors import FieldError
from ..keys import Caller
from ..limits import Limits
from ..schema import enrichments, models
from ..settings import ON, HubSettings
from ..trust.audit import note
from .civitai import BATCH, Civitai
from .errors import AskingStoppedError, BadAnswerError, CannotAskError
from .found import found, identity
from .ledger import ERROR, NOT_FOUND, STATES, WAITING, Claimed, Ledger, Outcome, Spans
from .standing import NAME, Standings
from .versions import Version

LOOKED_ANEW_SECONDS = 3600.0
MOST_UNKNOWN = 50
_log = logging.getLogger(__name__)
_RETRIES: dict[str, ColumnElement[bool]] = {
    "all": enrichments.c.state.in_(STATES),
    "errors": enrichments.c.state == ERROR,
    "not_found": or_(enrichments.c.state == NOT_FOUND, enrichments.c.gone_at.is_not(None)),
}


class Enrichment:
    """The look-ups of one process of a hub; ``work`` is what its job does."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: HubSettings,
        catalogues: Catalogues,
        service: Callable[[threading.Event], Civitai] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits: Limits = settings.limits
        self._by_settings = settings.civitai == ON
        self._pause_seconds = settings.civitai_pause_seconds
        self._catalogues = catalogues
        self._stop = threading.Event()
        made = service or (lambda stop: Civitai(settings.civitai_url, settings.read_civitai_token(), stop))
        self._service = made(self._stop)
        self._standings = Standings(database, clock)
        spans = Spans(
            settings.civitai_refresh_days, settings.civitai_not_found_days, settings.civitai_longest_not_found_days
        )
        self._ledger = Ledger(database, clock, spans)
        self._asked_at: float | None = None
        self._looked_anew_at: float | None = None
        self._read_again = False

    # The job

    def work(self) -> bool:
        """Ask for one batch, if that is wanted and due; return whether there is more to do at once."""
        with self._database.read() as connection:
            standing = self._standings.read(connection)
        wanted = self._by_settings if standing.enabled is None else standing.enabled
        if not wanted or self._stop.is_set():
            return False
        self._look()
        if self._clock() < standing.paused_until:
            return False
        claimed = self._ledger.claim()
        if not claimed:
            return False
        outcome = Outcome()
        try:
            outcome = self._ask(claimed)
        finally:
            self._ledger.settle(claimed, outcome)
        return outcome != Outcome() and not self._stop.is_set()

    def stop(self) -> None:
        """End a request that is under way, soon; no other begins."""
        self._stop.set()

    def close(self) -> None:
        """Close the connections to the service."""
        self._service.close()

    def _look(self) -> None:
        """Note new models; look through all of them now and then; take a newer catalogue into account once."""
        now = self._clock()
        if self._looked_anew_at is None or not 0 <= now - self._looked_anew_at < LOOKED_ANEW_SECONDS:
            self._looked_anew_at = now
            self._ledger.look_anew()
        while self._ledger.enrol() and not self._stop.is_set():
            pass
        if not self._read_again:
            self._read_again = True
            self._database.write(self._read_names_again)

    def _read_names_again(self, connection: Connection) -> None:
        """Give base models that the catalogue did not have, and has now, their place in it."""
        e = enrichments.c
        query = select(e.unknown_base_model).where(e.unknown_base_model.is_not(None)).distinct()
        for name in connection.scalars(query).all():
            ecosystem, base_model, unknown = identity(name, self._catalogues.current)
            if unknown is None:
                which = select(e.model_id).where(e.unknown_base_model == name)
                values = {"enriched_ecosystem": ecosystem, "enriched_base_model": base_model}
                connection.execute(update(models).where(models.c.id.in_(which)).values(**values, to_index=True))
                connection.execute(
                    update(enrichments).where(e.unknown_base_model == name).values(unknown_base_model=None)
                )

    def _ask(self, claimed: Sequence[Claimed]) -> Outcome:
        """Ask for a batch and return what comes of each of its rows."""
        if self._asked_at is not None:
            rest = self._asked_at + self._pause_seconds - time.monotonic()
            if rest > 0 and self._stop.wait(rest):
                return Outcome()
        try:
            versions = self._service.ask([row.sha256 for row in claimed])
            outcome = self._outcome(claimed, versions)
        except AskingStoppedError:
            return Outcome()
        except CannotAskError as error:
            self._standings.failed(error)
            return Outcome()
        except BadAnswerError as error:
            self._standings.failed(error)
            return _isolated(claimed, str(error))
        finally:
            self._asked_at = time.monotonic()
        self._standings.answered()
        return outcome

    def _outcome(self, claimed: Sequence[Claimed], versions: list[Version]) -> Outcome:
        """Return what an answer says of each row.

        A version that names none of the hashes that were asked for is either another model, or one whose files the
        service does not show. Alone, the second is believed and the first is not; until it is alone, nobody knows
        which hash it means, and those that got nothing are asked for in smaller batches.
        """
        outcome = Outcome()
        asked = {row.sha256: row for row in claimed}
        astray: list[Version] = []
        for version in sorted(versions, key=lambda version: version.id):
            named = {file.sha256 for file in version.files if file.sha256 in asked}
            if not named:
                astray.append(version)
            for sha256 in named:  # of several versions with one file, the first that there was
                told = found(version, sha256 or "", self._catalogues.current, self._service.url)
                outcome.found.setdefault(asked[sha256 or ""].model_id, told)
        left = [row for row in claimed if row.model_id not in outcome.found]
        if not left:
            return outcome
        if not astray:
            outcome.not_found.update(row.model_id for row in left)
        elif len(claimed) > 1:
            outcome.smaller.update({row.model_id: max(1, len(left) // 2) for row in left})
        else:
            self._alone(left[0], astray[0], outcome)
        return outcome

    def _alone(self, row: Claimed, version: Version, outcome: Outcome) -> None:
        if any(file.sha256 for file in version.files):
            message = f"version {version.id} came as the answer to another hash"
            _warn(row, message)
            outcome.failed[row.model_id] = message
        else:
            outcome.found[row.model_id] = found(version, row.sha256, self._catalogues.current, self._service.url)

    # What a person sees and does

    def status(self) -> dict[str, Any]:
        """Return how far the look-ups are and how it stands with the service."""
        e = enrichments.c
        with self._database.read() as connection:
            standing = self._standings.read(connection)
            counted = connection.execute(select(e.state, func.count()).group_by(e.state)).all()
            counts = dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in counted}
            known = connection.scalar(select(func.count()).where(models.c.hash_sha256.is_not(None))) or 0
            ranks = [select(func.min(e.next_at)).where(e.rank == rank) for rank in range(3)]
            due = [at for query in ranks if (at := connection.scalar(query)) is not None]
            named = select(e.unknown_base_model, func.count()).where(e.unknown_base_model.is_not(None))
            query = named.group_by(e.unknown_base_model).order_by(func.count().desc(), e.unknown_base_model)
            unknown = connection.execute(query.limit(MOST_UNKNOWN)).all()
        asked = sum(counts.values()) - counts[WAITING]
        paused = standing.paused_until if standing.paused_until > self._clock() else None
        next_at = max([min(due), *([paused] if paused else [])]) if due else None
        return {
            "success": True,
            "service": NAME,
            "enabled": self._by_settings if standing.enabled is None else standing.enabled,
            "enabled_by": "settings" if standing.enabled is None else "hand",
            "counts": {"asked": asked, **counts, "waiting": known - asked},
            "next_at": iso_time(next_at),
            "paused_until": iso_time(paused),
            "trouble": standing.trouble,
            "trouble_since": iso_time(standing.trouble_since),
            "last_error": standing.last_error,
            "last_error_at": iso_time(standing.last_error_at),
            "last_answer_at": iso_time(standing.last_answer_at),
            "unknown_base_models": [{"name": row[0], "models": row[1]} for row in unknown],
        }

    def change(self, body: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Switch the look-ups (``enabled``: true, false, null for the settings' word), or have some made anew.

        ``retry`` is ``all``, ``errors`` or ``not_found``; ``hashes`` are SHA-256 values. These come first then, and a
        pause that the service did not ask for ends.

        Raises:
            ForbiddenError: this is no admin's key.
            FieldError, TooLargeError: the body makes no sense.
        """
        caller.must_administer()
        retry = fields.choice(body, "retry", tuple(_RETRIES))
        hashes = self._hashes(body)
        if "enabled" not in body and retry is None and hashes is None:
            raise FieldError("retry", "state enabled, retry or hashes", missing=True)
        if "enabled" in body:
            fields.flag(body, "enabled")
            self._standings.enable(body["enabled"])
        again = 0
        said = {"enabled": body.get("enabled"), "retry": retry, "hashes": len(hashes or ())}
        self._database.write(lambda connection: note(connection, caller, "enrichment_changed", None, said))
        if retry is not None or hashes is not None:
            again = self._database.write(lambda connection: self._retry(connection, retry, hashes))
        return {**self.status(), "asked_again": again}

    def _hashes(self, body: Mapping[str, Any]) -> list[str] | None:
        hashes = body.get("hashes")
        return None if hashes is None else fields.sha256_list(hashes, "hashes", self._limits.batch_hashes)

    def _retry(self, connection: Connection, retry: str | None, hashes: list[str] | None) -> int:
        self._standings.resume(connection)
        again = 0
        if retry is not None:
            again += self._ledger.ask_again(connection, _RETRIES[retry])
        if hashes:
            which = select(models.c.id).where(among(connection, models.c.hash_sha256, hashes))
            again += self._ledger.ask_again(connection, enrichments.c.model_id.in_(which))
        return again


def _isolated(claimed: Sequence[Claimed], message: str) -> Outcome:
    """Return what becomes of a batch that could not be answered: it is halved, until a single hash is to blame.

    Its first half is asked for before the second, so that a service that answers nobody costs a handful of requests,
    not one for every hash.
    """
    if len(claimed) == 1:
        _warn(claimed[0], message)
        return Outcome(failed={claimed[0].model_id: message})
    if all(row.batch_limit == BATCH for row in claimed):
        _log.warning("a batch of %d models could not be looked up (%s); it is tried in parts", len(claimed), message)
    half = len(claimed) // 2
    return Outcome(smaller={row.model_id: half for row in claimed})


def _warn(row: Claimed, message: str) -> None:
    if row.attempts == 0:
        _log.warning("the model %s… cannot be looked up: %s; tried again later, silently", row.sha256[:10], message)
