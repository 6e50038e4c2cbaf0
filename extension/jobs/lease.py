"""A claimed job's lease: kept by saying how far the job is, every few seconds, from a thread of its own.

A lease that is lost (the job was cancelled, moved, or given to another server) is told to whoever runs the job, once,
and again and again to the engine until its run has ended. A hub that does not answer means nothing: it is asked again.
"""

import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from ...hub_client import ConflictError, HubClient, HubError, NotFoundError, StoppedError
from ...hub_client.job_work import Progress as Told
from .engine import PREPARING, Engine, EngineError, Preview, Progress

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
"""How often at most; previews come along."""
_BEATS_PER_LEASE = 4
MAX_PREVIEW_BYTES = 256 << 10


class Lease:
    """One job's lease."""

    def __init__(
        self,
        client: HubClient,
        job_id: str,
        token: str,
        lease_seconds: float,
        *,
        beat_seconds: float = BEAT_SECONDS,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Make it; nothing is said before ``start``. ``on_lost`` is called at every beat after it was lost."""
        self.job_id = job_id
        self.token = token
        self.lost = threading.Event()
        self._client = client
        self._beat_seconds = beat_seconds
        self._lease_seconds = lease_seconds
        self._on_lost = on_lost
        self._phase = PREPARING
        self._watched: tuple[Engine, str] | None = None
        self._shown = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="qm-lease", daemon=True)

    def start(self) -> None:
        """Begin to keep it."""
        self._thread.start()

    def stop(self) -> None:
        """Keep it no more; returns once the last beat is over."""
        self._done.set()
        self._thread.join()

    def phase(self, phase: str) -> None:
        """Say what is being done, where no engine is watched."""
        self._phase = phase

    def watch(self, engine: Engine | None, task_id: str = "") -> None:
        """Say from now on how far this engine's run is; None ends that."""
        self._watched = (engine, task_id) if engine is not None else None

    def _keep(self) -> None:
        while True:
            self._beat()
            wait = min(self._beat_seconds, self._lease_seconds / _BEATS_PER_LEASE)
            if self._done.wait(wait):
                return

    def _beat(self) -> None:
        if not self.lost.is_set():
            try:
                self._lease_seconds = self._client.work.progress(self.job_id, self.token, self._told())
            except (ConflictError, NotFoundError) as error:
                if error.code in {"lease_lost", "job_not_found"}:
                    log.info("Job %s is not this server's any more (%s).", self.job_id, error.details.get("state"))
                    self.lost.set()
                else:
                    log.warning("The hub does not take the progress of job %s: %s", self.job_id, error)
            except StoppedError:
                pass
            except HubError as error:
                log.debug("The progress of job %s did not arrive: %s", self.job_id, error)
            except Exception:
                # One beat that failed must not be the last.
                log.exception("The progress of job %s could not be told.", self.job_id)
        if self.lost.is_set():
            self._on_lost()

    def _told(self) -> Told:
        watched = self._watched
        progress = Progress(phase=self._phase)
        if watched is not None:
            try:
                progress = watched[0].progress(watched[1], preview=True)
            except EngineError:
                progress = Progress(phase=self._phase)
        return Told(
            progress=progress.fraction,
            phase=progress.phase,
            step=progress.step,
            steps=progress.steps,
            eta_seconds=progress.eta_seconds,
            preview=self._preview(progress.preview),
        )

    def _preview(self, preview: Preview | None) -> str | None:
        """Return a preview that the hub does not have yet."""
        if preview is None or len(preview.content) > MAX_PREVIEW_BYTES:
            return None
        digest = sha256(preview.content).hexdigest()
        if digest == self._shown:
            return None
        self._shown = digest
        return b64encode(preview.content).decode("ascii")
