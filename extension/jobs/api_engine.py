"""The engine over a web UI's ``--api`` address.

Source: A1111 1.10 and Forge, ``modules/api/api.py``, ``modules/progress.py``, ``modules/shared_state.py``. A run is one
POST that is answered when it is done; meanwhile ``/sdapi/v1/progress`` tells of whatever runs at all, and
``/internal/progress`` (not with ``--nowebui``) whether that is ours. What a person started in the page has a job named
``task(…)``, what came over the API one named ``scripts_…``.
"""

import threading
import time
from collections.abc import Collection
from typing import Any

from ...hub_client import Timeouts
from .answers import decoded, ended_early, result_of
from .api_connection import ApiConnection, NotOfferedError
from .api_lists import read_lists, refresh_lists
from .engine import (
    LISTS,
    LOADING,
    PREPARING,
    RUNNING,
    EngineAwayError,
    EngineError,
    EngineStuckError,
    Names,
    Preview,
    Progress,
    Request,
    RequestRefusedError,
    Result,
    RunFailedError,
)
from .pictures import content_type_of

LOOK_SECONDS = 2.0
"""How often a run is looked at while its answer is waited for."""
CLOSED_SECONDS = 0.2
AWAY_SECONDS = 60.0
"""A web UI that did not answer at all for so long is away."""
STUCK_SECONDS = 900.0
"""A run that did not go on for so long hangs. Loading a large checkpoint from a slow disk takes minutes."""
LOOK = Timeouts(connect_seconds=3.0, read_seconds=8.0, total_seconds=10.0)
"""A look is part of the lease's heartbeat: one at a web UI that hangs must not last as long as the lease."""
LONGEST_RUN_SECONDS = 24 * 3600.0
MAX_RESULT_BYTES = 1 << 30
MAX_PREVIEW_BYTES = 256 << 10
_SHA256_DIGITS = 64


class ApiEngine:
    """Runs jobs in one web UI over HTTP."""

    def __init__(
        self,
        connection: ApiConnection,
        *,
        look_seconds: float = LOOK_SECONDS,
        away_seconds: float = AWAY_SECONDS,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        """Make it; nothing is asked yet. The times are those above."""
        self._connection = connection
        self._look_seconds = look_seconds
        self._away_seconds = away_seconds
        self._stuck_seconds = stuck_seconds
        self._forge = False
        self._unwanted: set[str] = set()
        self._closed = threading.Event()

    @property
    def runtime(self) -> str:
        """``forge`` where it has Forge's settings, as far as it was asked for its checkpoint yet."""
        return "forge" if self._forge else "a1111"

    def names(self, lists: Collection[str] = LISTS) -> Names:
        """Return what it lists now."""
        return read_lists(self._connection, lists)

    def refresh(self, lists: Collection[str]) -> None:
        """Have it make these lists anew."""
        refresh_lists(self._connection, lists)

    def busy(self) -> str | None:
        """Return why a job should not begin now."""
        job = str(self._state(self._look()).get("job") or "")
        if not job:
            return None
        return "a person is generating by hand" if job.startswith("task(") else "it is at work for another client"

    def loaded_checkpoint(self) -> str | None:
        """Return what it says in its settings: the SHA-256 of what it loaded last."""
        try:
            options = self._connection.get("/sdapi/v1/options")
        except (NotOfferedError, RequestRefusedError, RunFailedError):
            return None
        if not isinstance(options, dict):
            return None
        self._forge = "forge_additional_modules" in options
        told = options.get("sd_checkpoint_hash")
        return told if isinstance(told, str) and len(told) == _SHA256_DIGITS else None

    def progress(self, task_id: str, *, preview: bool = False) -> Progress:
        """Return how far the run is."""
        told = self._look()
        state = self._state(told)
        ours, image = self._task(task_id, state, preview=preview)
        if not ours:
            return Progress(phase=PREPARING, mark=("waits", state.get("job")))
        step, steps, job_no = (_number(state.get(key)) for key in ("sampling_step", "sampling_steps", "job_no"))
        begun = _number(state.get("job_count"), -1) > 0
        fraction, eta = _fraction(told.get("progress")), told.get("eta_relative")
        return Progress(
            fraction=fraction if begun else 0.0,
            phase=RUNNING if begun else LOADING,
            begun=True,
            step=step if begun else None,
            steps=steps if begun else None,
            eta_seconds=float(eta) if begun and isinstance(eta, (int, float)) and 0 <= eta < 1e6 else None,
            preview=_preview(image),
            mark=(state.get("job_timestamp"), begun, job_no, step, told.get("textinfo")),
        )

    def interrupt(self, task_id: str) -> None:
        """End a run. One that waits behind somebody else's is ended as soon as it has begun."""
        self._unwanted.add(task_id)
        self._interrupt_if_ours(task_id)

    def close(self) -> None:
        """Close the connections; a run that is under way is waited for no more."""
        self._closed.set()
        self._connection.close()

    # --- a run

    def run(self, request: Request) -> Result:
        """Run a request to its end."""
        call = _Call(self._connection, request)
        call.start()
        try:
            self._watch_over(call, request.task_id)
        except EngineError:
            call.give_up()
            raise
        finally:
            interrupted = request.task_id in self._unwanted
            self._unwanted.discard(request.task_id)
        if call.error is not None:
            raise call.error
        return result_of(call.answer, request.body, interrupted=interrupted or self._ended_early())

    def _ended_early(self) -> bool:
        """Tell whether somebody pressed Interrupt or Skip."""
        try:
            state = self._state(self._look())
        except EngineError:
            return False
        return not state.get("job") and ended_early(state)

    def _watch_over(self, call: "_Call", task_id: str) -> None:
        """Wait for the answer; notice a web UI that is gone, and a run that does not go on."""
        heard = moved = time.monotonic()
        look_at = heard + self._look_seconds
        mark: object = None
        while not call.done.wait(min(self._look_seconds, CLOSED_SECONDS)):
            now = time.monotonic()
            if self._closed.is_set():
                raise EngineAwayError("stopped waiting for the web UI")
            if now < look_at:
                continue
            look_at = now + self._look_seconds
            try:
                progress = self.progress(task_id)
                if task_id in self._unwanted:
                    self._interrupt_if_ours(task_id)
            except EngineError as error:
                if now - heard > self._away_seconds:
                    raise EngineAwayError(f"it has not answered for {now - heard:.0f} s: {error}") from None
                continue
            heard = now
            if not progress.begun or progress.mark != mark:
                mark, moved = progress.mark, now
            elif now - moved > self._stuck_seconds:
                self._interrupt_if_ours(task_id)
                raise EngineStuckError(
                    f"the web UI has not gone on with the job for {now - moved:.0f} s; it may have to be restarted"
                )

    def _interrupt_if_ours(self, task_id: str) -> None:
        if self._task(task_id, self._state(self._look()))[0]:
            self._connection.post("/sdapi/v1/interrupt")

    def _task(self, task_id: str, state: dict[str, Any], *, preview: bool = False) -> tuple[bool, Any]:
        """Tell whether what the web UI works at is this run, with its preview in base64 where one is wanted."""
        if not state.get("job"):
            return False, None
        asked = {"id_task": task_id, "live_preview": preview, "id_live_preview": -1}
        try:
            told = self._connection.ask("POST", "/internal/progress", asked, timeouts=LOOK)
        except (NotOfferedError, RequestRefusedError, RunFailedError):
            ours = str(state["job"]).startswith("scripts_")
            return ours, self._look(preview=True).get("current_image") if ours and preview else None
        if not isinstance(told, dict):
            return False, None
        return told.get("active") is True, told.get("live_preview")

    def _look(self, *, preview: bool = False) -> dict[str, Any]:
        skip = "" if preview else "?skip_current_image=true"
        try:
            told = self._connection.ask("GET", f"/sdapi/v1/progress{skip}", timeouts=LOOK)
        except (NotOfferedError, RequestRefusedError, RunFailedError) as error:
            raise EngineAwayError(str(error)) from None
        return told if isinstance(told, dict) else {}

    @staticmethod
    def _state(told: dict[str, Any]) -> dict[str, Any]:
        state = told.get("state")
        return state if isinstance(state, dict) else {}


class _Call:
    """The one long request of a run, in a thread of its own."""

    def __init__(self, connection: ApiConnection, request: Request) -> None:
        self.done = threading.Event()
        self.answer: Any = None
        self.error: EngineError | None = None
        self._connection = connection
        self._request = request
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="qm-web-ui", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def give_up(self) -> None:
        """Stop waiting for the answer."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        path = f"/sdapi/v1/{self._request.mode}"
        timeouts = Timeouts(read_seconds=LONGEST_RUN_SECONDS, total_seconds=LONGEST_RUN_SECONDS)
        body = {**self._request.body, "force_task_id": self._request.task_id}
        try:
            self.answer = self._connection.ask(
                "POST", path, body, timeouts=timeouts, limit_bytes=MAX_RESULT_BYTES, stop=self._stop
            )
        except NotOfferedError as error:
            self.error = EngineAwayError(str(error))
        except EngineError as error:
            self.error = error
        except Exception as error:  # whatever it is, the runner must hear of it
            self.error = RunFailedError(f"the request could not be sent ({type(error).__name__})")
        finally:
            self.done.set()


def _preview(text: Any) -> Preview | None:
    content = decoded(text, MAX_PREVIEW_BYTES)
    kind = content_type_of(content) if content is not None else None
    return Preview(content, kind) if content is not None and kind is not None else None


def _number(value: Any, otherwise: int = 0) -> int:
    return value if type(value) is int and abs(value) < 1 << 31 else otherwise


def _fraction(value: Any) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, (int, float)) and value == value else 0.0
