"""Hands results over to the hub: every image, then the word that the job is done, each until it is answered."""

import logging
import random
import threading
import time
from collections.abc import Callable

from ...hub_client import (
    BadAnswerError,
    ConflictError,
    HubClient,
    HubError,
    InvalidRequestError,
    NotFoundError,
    RefusedError,
    ServerFaultError,
    StoppedError,
)
from ...hub_client.connection import Content
from ...hub_client.job_work import MadeImage
from .engine import SAVING
from .lease import Lease
from .shelf import KeptResult, Shelf

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
KEPT_SECONDS = 24 * 3600.0
"""A result that could not be handed over for so long is forgotten: the hub has given the job to another long since."""
_FINAL = frozenset({"lease_lost", "job_not_found", "wrong_model"})
_FAILED_STATUS, _MOST_FAULTS = 500, 12
_MOST_PROBLEMS = 3
"""How often what the hub finds wrong with a result is tried again: an image may have been lost on its way."""


class Delivery:
    """Delivers one agent's results."""

    def __init__(
        self,
        client: HubClient,
        shelf: Shelf,
        stop: threading.Event,
        *,
        draw: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Make it; ``stop`` ends every wait, and leaves what was not delivered on the shelf."""
        self._client = client
        self._shelf = shelf
        self._stop = stop
        self._draw = draw
        self._wall = wall
        self._faults = self._problems = 0

    def deliver(self, result: KeptResult, lease: Lease) -> bool:
        """Hand a result over; True once the hub has it, or has said for good that it does not want it."""
        lease.phase(SAVING)
        failures = 0
        self._faults = self._problems = 0
        while not lease.lost.is_set():
            if self._stop.is_set():
                return False
            wait = self._try(result)
            if wait is None:
                break
            failures += 1
            self._pause(failures, wait)
        self._shelf.drop(result.job_id)
        return True

    def _try(self, result: KeptResult) -> float | None:
        """Hand a result over once; return None where that was the last time, else how long to wait at least."""
        if self._wall() - result.made_at > KEPT_SECONDS:
            log.warning("The result of job %s is given up: nobody took it for a day.", result.job_id)
            return None
        try:
            self._hand_over(result)
        except StoppedError:
            return 0.0
        except HubError as error:
            return self._after(result, error)
        except OSError as error:
            self._refused(result, f"an image that was made could not be read again: {error}")
            return None
        log.info("Job %s is done: %d images.", result.job_id, len(result.images))
        return None

    def _after(self, result: KeptResult, error: HubError) -> float | None:
        """Return what follows from an error, as ``_try`` does."""
        if isinstance(error, BadAnswerError) and error.field == "accepted":
            log.warning("Job %s failed: the hub finds that it was made with other models.", result.job_id)
            return None
        if not isinstance(error, RefusedError):
            log.debug("The result of job %s did not arrive: %s", result.job_id, error)
            return 0.0
        log.warning("The hub does not take the result of job %s: %s", result.job_id, error)
        if error.code in _FINAL:
            return None
        # An outage is nobody's fault; what fails again and again while the hub answers is this result's own.
        self._faults += isinstance(error, ServerFaultError) and error.status == _FAILED_STATUS
        self._problems += isinstance(error, (NotFoundError, ConflictError, InvalidRequestError))
        if self._faults >= _MOST_FAULTS or self._problems >= _MOST_PROBLEMS:
            self._refused(result, str(error))
            return None
        return error.retry_after_seconds or 0.0

    def _hand_over(self, result: KeptResult) -> None:
        work = self._client.work
        for image in result.images:
            content = Content(self._shelf.content(result, image), image.content_type)
            work.upload(result.job_id, result.lease, image.n, content)
        made = [MadeImage(image.n, image.sha256, image.infotext) for image in result.images]
        work.complete(result.job_id, result.lease, made, seconds=result.seconds, loaded=result.loaded)

    def _refused(self, result: KeptResult, why: str) -> None:
        """Say that there is a result that cannot be handed over; where that fails too, the lease runs out."""
        log.warning("The result of job %s cannot be handed over: %s", result.job_id, why)
        try:
            self._client.work.fail(result.job_id, result.lease, "result_refused", why[:1000])
        except HubError as error:
            log.warning("The hub could not be told that job %s failed: %s", result.job_id, error)

    def _pause(self, failures: int, at_least_seconds: float) -> None:
        span = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
        self._stop.wait(at_least_seconds + span * self._draw())
