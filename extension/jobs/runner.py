"""The loop that runs the hub's jobs in one agent: claim, do, hand over, again.

A thread of its own. A hub that is away, restarts or refuses is asked again at growing random intervals; so is a web UI
that does not answer. What was made and not handed over goes first after a restart.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...hub_client import Claim, ClaimedJob, HubClient, HubError, RefusedError, StoppedError
from .delivery import Delivery
from .engine import Engine, EngineError
from .faults import HandedBackError
from .hours import ALWAYS, Hours
from .shelf import Shelf
from .worker import NO_ROOM, Worker

log = logging.getLogger(__name__)

CLAIM_SECONDS = 25.0
BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
BUSY_POLL_SECONDS = 2.0
CLOSED_POLL_SECONDS = 5.0
"""How often settings and clock are looked at while no jobs are taken."""
NO_ROOM_SECONDS = 60.0
LEASE_SECONDS = 60.0
"""What is assumed of a lease that an earlier run of this agent was given."""
STOP_SECONDS = 3.0
READY_POLL_SECONDS = 0.2
NO_JOBS: dict[str, Any] = {"takes": False, "hours": "", "now": False}
"""What an agent that runs no jobs tells the hub in place of ``Runner.described``."""
_MOST_PROBLEM = 200


@dataclass(frozen=True)
class Terms:
    """Whether this server takes jobs, and when."""

    takes: bool = True
    hours: Hours = field(default=ALWAYS)

    def open_at(self, at: datetime) -> bool:
        """Tell whether a job may be begun at this local time."""
        return self.takes and self.hours.are_open(at)


@dataclass(frozen=True)
class JobsConfig:
    """What an agent needs to run jobs: what makes its engine, and the terms as they are now (settings may change)."""

    engine: Callable[[], Engine]
    terms: Callable[[], Terms] = Terms
    beat_seconds: float = 5.0
    claim_seconds: float = CLAIM_SECONDS
    busy_seconds: float = 30.0
    poll_seconds: float = BUSY_POLL_SECONDS
    backoff_seconds: float = BACKOFF_SECONDS


@dataclass(frozen=True)
class Doing:
    """What the runner is at, for a person: ``problem`` is why it takes no jobs although it should."""

    state: str = "starting"
    job_id: str | None = None
    title: str = ""
    problem: str | None = None
    done: int = 0


class Runner:
    """Runs jobs for one server."""

    def __init__(
        self,
        config: JobsConfig,
        server_id: str,
        agent_id: str,
        client: HubClient,
        shelf: Shelf,
        make_worker: Callable[[HubClient, Engine, Shelf, Delivery, threading.Event], Worker],
        stop: threading.Event,
        *,
        ready: Callable[[], bool] = lambda: True,
        draw: Callable[[], float] = random.random,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Make it; nothing runs before ``start``.

        Args:
            config: engine and terms.
            server_id: whose jobs.
            agent_id: who asks.
            client: the hub, asked once per call; ``stop`` is its stop event.
            shelf: where results wait.
            make_worker: makes what does a job.
            stop: ends everything.
            ready: nothing is asked for before it holds: the hub does not know this inventory yet.
            draw: jitter between 0 and 1.
            now: the local time.
        """
        self.doing = Doing()
        self._config = config
        self._server_id = server_id
        self._agent_id = agent_id
        self._client = client
        self._shelf = shelf
        self._engine = config.engine()
        self._stop = stop
        self._ready = ready
        self._draw = draw
        self._now = now
        self._failures = 0
        self._said: object = None
        self._worker = make_worker(client, self._engine, shelf, Delivery(client, shelf, stop, draw=draw), stop)
        self._thread = threading.Thread(target=self._run, name="qm-jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End what is being done, hand the job back, and wait for that a few seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            # A run cannot be interrupted before it has begun: so again, until it has ended.
            until = time.monotonic() + STOP_SECONDS
            while self._thread.is_alive() and time.monotonic() < until:
                self._worker.interrupt()
                self._thread.join(0.2)
            self._engine.close()
            self._thread.join(STOP_SECONDS)
        else:
            self._engine.close()
        self._client.close()

    def described(self) -> dict[str, Any]:
        """Return what the hub is told: whether this server takes jobs, at what times, and whether just now."""
        terms, problem = self._config.terms(), self.doing.problem
        now = terms.open_at(self._now()) and problem is None
        told: dict[str, Any] = {"takes": terms.takes, "hours": terms.hours.text, "now": now}
        if terms.takes and problem is not None:
            told["problem"] = problem[:_MOST_PROBLEM]
        return told

    # --- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
            except Exception:
                # One round that failed must not end all later ones.
                log.exception("Asking for jobs failed; it is tried again.")
                self._pause()

    def _round(self) -> None:
        """Hand over what is kept, then ask for a job and do it."""
        if not self._deliver():
            return
        if not self._ready():  # what was kept does not wait for that: its lease runs out
            self._stop.wait(READY_POLL_SECONDS)
            return
        if not self._config.terms().open_at(self._now()):
            self._say("closed")
            self._stop.wait(min(CLOSED_POLL_SECONDS, self._config.poll_seconds))
            return
        try:
            self._end_left_run()
            busy = self._engine.busy()
            loaded = self._engine.loaded_checkpoint() if busy is None else None
        except EngineError as error:
            self._trouble(("web UI", type(error)), str(error))
            return
        if busy is not None:
            self._say("busy")
            self._stop.wait(self._config.poll_seconds)
            return
        job = self._claimed(loaded)
        if job is None or self._stop.is_set():
            return
        self._say("working", job)
        self._do(job)

    def _end_left_run(self) -> None:
        """End what an agent that was killed left running in the web UI: its job is somebody else's by now."""
        task_id = self._shelf.left_run()
        if task_id is not None:
            self._engine.interrupt(task_id)
            self._shelf.note_run(None)

    def _deliver(self) -> bool:
        """Hand over what an earlier run left; False where something is left still."""
        for result in list(self._shelf.results()):
            self._say("delivering")
            if self._stop.is_set() or not self._worker.deliver(result, LEASE_SECONDS):
                return False
        return True

    def _claimed(self, loaded: str | None) -> ClaimedJob | None:
        claim = Claim(self._agent_id, (), loaded, self._engine.runtime, wait_seconds=self._config.claim_seconds)
        self._say("waiting")
        try:
            job = self._client.work.claim(self._server_id, claim)
        except StoppedError:
            return None
        except HubError as error:
            asked = (error.retry_after_seconds or 0.0) if isinstance(error, RefusedError) else 0.0
            self._trouble(("hub", type(error)), str(error), asked)
            return None
        if self._said is not None:
            log.info("Jobs are taken again.")
        self._failures, self._said = 0, None
        return job

    def _do(self, job: ClaimedJob) -> None:
        if not self._config.terms().open_at(self._now()):
            self._worker.hand_back(job, HandedBackError("closed", "this server takes no jobs now"))
            return
        error = self._worker.work(job)
        self.doing = Doing(done=self.doing.done + 1)
        if error is not None and error.code == NO_ROOM:  # the next one would run for nothing just as well
            self._trouble("room", str(error), NO_ROOM_SECONDS)

    def _trouble(self, kind: object, message: str, at_least_seconds: float = 0.0) -> None:
        """Note why no job can be asked for, say it once, and wait."""
        if kind != self._said:
            self._said = kind
            log.warning("No jobs are taken: %s. It is tried again.", message)
        self.doing = Doing("trouble", problem=message, done=self.doing.done)
        self._pause(at_least_seconds)

    def _pause(self, at_least_seconds: float = 0.0) -> None:
        span = min(LONGEST_BACKOFF_SECONDS, self._config.backoff_seconds * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._stop.wait(at_least_seconds + span * self._draw())

    def _say(self, state: str, job: ClaimedJob | None = None) -> None:
        job_id, title = (job.id, job.title) if job is not None else (None, "")
        self.doing = Doing(state, job_id, title, done=self.doing.done)
