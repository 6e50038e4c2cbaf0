"""One claimed job, from its models to its result: find, translate, prove, run, compare, put away, hand over."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence

from ...hub_client import ClaimedJob, HubClient, HubError
from ..inventory.control import HashControl
from ..inventory.errors import HashingCancelledError
from ..inventory.library import Library
from .comparing import wrong_models
from .delivery import Delivery
from .engine import (
    Engine,
    EngineAwayError,
    EngineError,
    EngineStuckError,
    NoRoomError,
    Request,
    RequestRefusedError,
    Result,
)
from .faults import AbandonedError, HandedBackError, JobError, JobFailedError, LeaseLostError
from .finding import File, Finder, Held
from .lease import BEAT_SECONDS, Lease
from .shelf import KeptResult, Shelf
from .translation import NotListedError, Translated, lists_for, translate

log = logging.getLogger(__name__)

BUSY_SECONDS = 30.0
"""So long a claimed job waits for a person who began to generate meanwhile; then another server may have it."""
LOOK_SECONDS = 0.5
NO_ROOM = "no_room"
_MOST_MESSAGE = 1000


class Worker:
    """Does jobs, one at a time, in the thread that calls it."""

    def __init__(
        self,
        client: HubClient,
        engine: Engine,
        library: Library,
        rescan: Callable[[], None],
        shelf: Shelf,
        delivery: Delivery,
        stop: threading.Event,
        *,
        beat_seconds: float = BEAT_SECONDS,
        busy_seconds: float = BUSY_SECONDS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Make it.

        Args:
            client: the hub.
            engine: runs the jobs.
            library: this server's models; ``rescan`` has its folders looked at again.
            shelf: keeps results until ``delivery`` has handed them over.
            stop: ends whatever is being done; the job is handed back.
            beat_seconds: how often the lease is kept.
            busy_seconds: how long a person is waited for.
            wall: the wall clock.
        """
        self._client = client
        self._engine = engine
        self._finder = Finder(library)
        self._rescan = rescan
        self._shelf = shelf
        self._delivery = delivery
        self._stop = stop
        self._beat_seconds = beat_seconds
        self._busy_seconds = busy_seconds
        self._wall = wall
        self._task: str | None = None
        self._reading = HashControl()
        self._chosen: list[File] = []

    def interrupt(self) -> None:
        """End what is being done for the job early; from any thread."""
        self._reading.cancel()
        task = self._task
        if task is not None:
            try:
                self._engine.interrupt(task)
            except EngineError as error:
                log.debug("The run could not be interrupted: %s", error)

    def work(self, job: ClaimedJob) -> JobError | None:
        """Do a job; whatever comes of it, the hub is told. Return why it is not done, None where it is."""
        log.info("Job %s: %s", job.id, job.title[:80] or job.mode)
        self._reading, self._chosen = HashControl(), []
        lease = self._lease(job.id, job.lease, job.lease_seconds)
        lease.start()
        try:
            result = self._result(job, lease)
            if not self._delivery.deliver(result, lease):
                log.info("The result of job %s is kept; it is handed over as soon as the hub answers.", job.id)
            return None
        except LeaseLostError as error:
            log.info("Job %s is forgotten: it is not this server's any more.", job.id)
            return error
        except AbandonedError as error:
            log.warning("Job %s is left to run out: %s", job.id, error)
            return error
        except JobFailedError as error:
            return self._give_up(job, lease, self._excused(error))
        except JobError as error:
            return self._give_up(job, lease, error)
        except Exception as error:
            log.exception("Job %s could not be done.", job.id)
            why = f"the agent failed ({type(error).__name__}); its log says more"
            return self._give_up(job, lease, JobFailedError("agent_failed", why))
        finally:
            lease.stop()

    def _excused(self, error: JobFailedError) -> JobError:
        """Return what a failure comes to: where a model went while the job ran, the job is not at fault."""
        if self._finder.still(self._chosen):
            return error
        self._rescan()
        return HandedBackError("model_gone", f"a model went or was replaced while the job ran: {error}")

    def hand_back(self, job: ClaimedJob, reason: HandedBackError) -> None:
        """Hand a job back before anything was done for it."""
        self._give_up(job, self._lease(job.id, job.lease, job.lease_seconds), reason)

    def deliver(self, result: KeptResult, lease_seconds: float) -> bool:
        """Hand over a result that was kept; True once it is off the shelf."""
        lease = self._lease(result.job_id, result.lease, lease_seconds)
        lease.start()
        try:
            return self._delivery.deliver(result, lease)
        finally:
            lease.stop()

    def _lease(self, job_id: str, token: str, lease_seconds: float) -> Lease:
        return Lease(
            self._client,
            job_id,
            token,
            lease_seconds,
            beat_seconds=self._beat_seconds,
            on_lost=self.interrupt,
        )

    # --- the steps

    def _result(self, job: ClaimedJob, lease: Lease) -> KeptResult:
        translated = self._prepared(job, lease)
        files = [file for _, file in translated.chosen]
        began = time.monotonic()
        request = Request(job.mode, translated.body, f"qm-{uuid.uuid4().hex}")
        self._shelf.note_run(request.task_id)
        result = self._run(request, lease)
        seconds = time.monotonic() - began
        self._look(lease)
        if result.interrupted:
            raise JobFailedError("interrupted", "the run was interrupted in the web UI")
        if not result.images:
            raise JobFailedError("no_images", "the web UI made no images")
        wrong = wrong_models(result.images, translated.chosen, translated.body)
        if wrong:
            raise JobFailedError("wrong_model", "; ".join(wrong))
        if not self._finder.still(files):
            self._rescan()
            raise HandedBackError("model_gone", "a model was replaced while the job ran: it may have run with another")
        checkpoint = next((file.sha256 for held, file in translated.chosen if _is_main(held)), None)
        try:
            return self._shelf.put(
                job.id, job.lease, result.images, seconds=seconds, loaded=checkpoint, made_at=self._wall()
            )
        except OSError as error:
            raise HandedBackError(NO_ROOM, f"the images could not be kept: {error.strerror or error}") from None

    def _prepared(self, job: ClaimedJob, lease: Lease) -> Translated:
        try:
            held = self._finder.find(job.requirements)
            translated = self._translated(job, held)
            self._chosen = [file for _, file in translated.chosen]
            self._finder.prove(self._chosen, self._reading)
            self._wait_for_person(lease)
            return translated
        except HashingCancelledError:
            self._look(lease)
            raise HandedBackError("stopping", "the agent stops") from None
        except HandedBackError as error:
            if error.missing:
                self._rescan()
            raise
        except EngineError as error:
            raise HandedBackError("web_ui_away", str(error)) from None

    def _translated(self, job: ClaimedJob, held: Sequence[Held]) -> Translated:
        lists = lists_for(job)
        try:
            return translate(job, held, self._engine.names(lists))
        except NotListedError as error:
            self._engine.refresh(error.lists)
        try:
            return translate(job, held, self._engine.names(lists))
        except NotListedError as error:
            raise error.handed_back() from None

    def _wait_for_person(self, lease: Lease) -> None:
        """Let whoever generates by hand go first, for a while."""
        until = time.monotonic() + self._busy_seconds
        while True:
            self._look(lease)
            reason = self._engine.busy()
            if reason is None:
                return
            if time.monotonic() >= until:
                raise HandedBackError("busy", reason)
            self._stop.wait(LOOK_SECONDS)

    def _run(self, request: Request, lease: Lease) -> Result:
        self._task = request.task_id
        lease.watch(self._engine, request.task_id)
        try:
            self._look(lease)
            return self._engine.run(request)
        except RequestRefusedError as error:
            raise JobFailedError("request_refused", str(error)) from None
        except NoRoomError as error:
            raise HandedBackError(NO_ROOM, str(error)) from None
        except (EngineAwayError, EngineStuckError) as error:
            self._look(lease)
            raise AbandonedError(str(error)) from None
        except EngineError as error:
            self._look(lease)
            raise JobFailedError("generation_failed", str(error)) from None
        finally:
            self._task = None
            lease.watch(None)
            self._shelf.note_run(None)

    def _look(self, lease: Lease) -> None:
        """Go on only while the job is ours and nobody stops us."""
        if lease.lost.is_set():
            raise LeaseLostError
        if self._stop.is_set():
            raise HandedBackError("stopping", "the agent stops")

    def _give_up(self, job: ClaimedJob, lease: Lease, error: JobError) -> JobError:
        """Tell the hub why a job is not done; where that does not arrive, the lease runs out and says as much."""
        if lease.lost.is_set():
            return error
        back = isinstance(error, HandedBackError)
        missing = error.missing if isinstance(error, HandedBackError) else ()
        log.log(logging.INFO if back else logging.WARNING, "Job %s: %s (%s).", job.id, error, error.code)
        try:
            self._client.work.fail(
                job.id,
                job.lease,
                error.code,
                str(error)[:_MOST_MESSAGE],
                retry=back,
                missing=missing,
                farewell=self._stop.is_set(),
            )
        except HubError as unheard:
            log.info("The hub could not be told of job %s: %s", job.id, unheard)
        return error


def _is_main(held: Held) -> bool:
    return held.need.source == "sd_model_checkpoint"
