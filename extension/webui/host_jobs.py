"""The engine inside a web UI: runs a job through its own API objects, under its own queue lock.

It never stands in a person's way: it does not queue up at the lock but takes it where nobody holds it or waits for it.
Facts: A1111 1.10 and Forge ``modules/api/api.py``, ``call_queue.py``, ``fifo_lock.py``, ``progress.py``,
``shared_state.py``.

Forge moves models in one thread only, its main one, which a person's generation waits for while it holds the lock. A
run that waited for the lock in that thread would hang the web UI for good; so the lock is taken first, in our own
thread, and our API object is given none.
"""

import contextlib
import io
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from ..jobs.answers import ENDED_EARLY, ended_early, result_of
from ..jobs.engine import (
    LISTS,
    LOADING,
    RUNNING,
    SAVING,
    EngineAwayError,
    Names,
    Preview,
    Progress,
    Request,
    RequestRefusedError,
    Result,
    RunFailedError,
)
from . import host_lists
from .giving_way import Person
from .host_calls import in_main_thread, is_held, lock, module, words
from .host_settings import lent

LOOK_SECONDS = 0.1
PREVIEW_PIXELS = 512
FORGOTTEN_SECONDS = 5.0
"""So long a task may be on its way to the queue lock; where it failed before, the web UI lists it for ever."""


class _NoLock:
    """Stands for the queue lock in our API object, because we hold the real one."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class HostEngine:
    """Runs one job at a time in this process (``jobs.engine.Engine``)."""

    def __init__(self, runtime: str, patience_seconds: Callable[[], float]) -> None:
        """Prepare it; nothing of the web UI is asked before the first use.

        Args:
            runtime: the catalogue's name of this web UI.
            patience_seconds: how long after a person's last generation a job may begin.
        """
        self.runtime = runtime
        self._patience_seconds = patience_seconds
        self._person = Person()
        self._mutex = threading.Lock()
        self._making = threading.Lock()
        self._api: Any = None
        self._task: str | None = None
        self._begun = False
        self._made = False
        self._interrupted: set[str] = set()

    # --- what the web UI is

    def names(self, lists: Collection[str] = LISTS) -> Names:
        """Return what the web UI lists now, all of it: nothing is sent anywhere."""
        return host_lists.names(self._made_api())

    def refresh(self, lists: Collection[str]) -> None:
        """Look for the files of these lists anew."""
        with lock():
            host_lists.refresh(self._made_api(), lists)

    def loaded_checkpoint(self) -> str | None:
        """Return the SHA-256 of the checkpoint in memory, as far as the web UI knows it."""
        info = getattr(host_lists.loaded_model(), "sd_checkpoint_info", None)
        value = getattr(info, "sha256", None)
        return value.lower() if isinstance(value, str) and value else None

    def busy(self) -> str | None:
        """Return why a job should not begin now, or None."""
        with self._mutex:
            if self._task is not None:  # over a Reload UI, which waits for no run
                return "an earlier job has not ended yet"
        return self._occupied()

    def _occupied(self) -> str | None:
        self.look()
        return self._person.reason(self._patience_seconds())

    def look(self) -> None:
        """See whether somebody generates; called now and then, so that a short generation is noticed too."""
        progress, state = module("progress"), module("shared").state
        with self._mutex:
            others = [since for task, since in list(progress.pending_tasks.items()) if task not in self._person.ours]
            held = is_held()
            comes = any(held or abs(time.time() - since) < FORGOTTEN_SECONDS for since in others)
            foreign_job = bool(state.job) and not self._begun
            self._person.look(
                waits=comes or bool(getattr(lock(), "_pending_threads", ())),
                generates=foreign_job or (held and not self._begun),
                finished=tuple(task for task in list(progress.finished_tasks) if task not in self._person.ours),
            )

    def script_defaults(self, mode: str) -> Sequence[Any]:
        """Return what scripts get that a request does not name, by the place of each value."""
        found: Sequence[Any] = getattr(self._made_api(), f"default_script_arg_{mode}")
        return found

    # --- a run

    def run(self, request: Request) -> Result:
        """Run a request when nobody else generates, and return what it gave.

        Raises:
            EngineError: the web UI did not take it, or failed in it.
        """
        with self._mutex:
            if self._task is not None:
                raise RunFailedError("another job still runs in this web UI")
            self._task, self._begun, self._made = request.task_id, False, False
            self._person.ours.append(request.task_id)
        try:
            model = self._checked(request)
            if not self._take_lock(request.task_id):
                return Result((), interrupted=True)
            try:
                with self._mutex:
                    self._begun = True
                return self._generated(request, model)
            finally:
                with self._mutex:  # before the lock goes: whatever is interrupted later is not ours
                    self._task, self._begun = None, False
                lock().release()
        finally:
            with self._mutex:
                self._task, self._begun = None, False
                self._interrupted.discard(request.task_id)
            module("progress").pending_tasks.pop(request.task_id, None)  # where it failed before it began

    def progress(self, task_id: str, *, preview: bool = False) -> Progress:
        """Return how far a run is."""
        with self._mutex:
            if self._task != task_id or not self._begun:
                return Progress()
            if task_id in self._interrupted:
                module("shared").state.interrupt()  # beginning an image forgets what was asked before
            made = self._made
        state = module("shared").state
        if made:
            return Progress(1.0, SAVING, begun=True, mark=SAVING)
        count, steps = int(state.job_count or 0), int(state.sampling_steps or 0)
        if count <= 0:
            return Progress(0.0, LOADING, begun=True, mark=(LOADING, state.textinfo, time.monotonic() // 60))
        done = (state.job_no + (state.sampling_step / steps if steps > 0 else 0)) / count
        fraction = min(max(done, 0.0), 1.0)
        elapsed = time.time() - (getattr(state, "time_start", None) or time.time())
        return Progress(
            fraction,
            RUNNING,
            begun=True,
            step=int(state.sampling_step),
            steps=steps or None,
            eta_seconds=elapsed / fraction - elapsed if fraction > 0 else None,
            preview=_preview(state) if preview else None,
            mark=(state.job_no, state.sampling_step, state.textinfo),
        )

    def interrupt(self, task_id: str) -> None:
        """End a run early; another's is left alone."""
        with self._mutex:
            if self._task != task_id:
                return
            self._interrupted.add(task_id)
            if self._begun:
                module("shared").state.interrupt()

    def close(self) -> None:
        """Forget the API object: a Reload UI loads the scripts anew."""
        with self._making:
            self._api = None

    # --- below

    def _made_api(self) -> Any:
        """Return our API object, on an app that serves nothing; made once, because it builds every script's form."""
        with self._making:
            if self._api is None:
                try:
                    self._api = module("api.api").Api(FastAPI(), _NoLock())
                except Exception as error:
                    raise EngineAwayError(f"this web UI's API cannot be used: {words(error)}") from error
            return self._api

    def _checked(self, request: Request) -> Any:
        """Return the request as the web UI's own value, having looked for what it would ignore without a word."""
        options: Mapping[str, Any] = request.body.get("override_settings") or {}
        known = module("shared").opts.data_labels
        strange = sorted(str(key) for key in options if key not in known)
        if strange:
            raise RequestRefusedError(f"this web UI has no setting named {', '.join(strange)[:200]}")
        title = options.get("sd_model_checkpoint")
        for asked in filter(None, (title, request.body.get("refiner_checkpoint"))):
            if not host_lists.knows_checkpoint(str(asked)):
                raise RequestRefusedError(f"this web UI lists no checkpoint {str(asked)[:200]!r}; refresh its list")
        models = module("api.models")
        txt2img = request.mode == "txt2img"
        kind = models.StableDiffusionTxt2ImgProcessingAPI if txt2img else models.StableDiffusionImg2ImgProcessingAPI
        ours = {"force_task_id": request.task_id, "send_images": True, "save_images": True}
        body = {**request.body, **ours, "override_settings_restore_afterwards": False}
        try:
            return kind(**body)
        except ValueError as error:
            raise RequestRefusedError(f"this web UI does not take the parameters: {words(error)}") from error

    def _take_lock(self, task_id: str) -> bool:
        """Take the queue lock without keeping anybody waiting; False where the run was interrupted before it began."""
        while True:
            with self._mutex:
                if task_id in self._interrupted:
                    return False
            if self._occupied() is None and lock().acquire(False):
                return True
            time.sleep(LOOK_SECONDS)

    def _generated(self, request: Request, model: Any) -> Result:
        api = self._made_api()
        call = api.text2imgapi if request.mode == "txt2img" else api.img2imgapi
        settings = request.body.get("override_settings") or {}
        for word in ENDED_EARLY:  # of the run before: this one may fail before the web UI forgets them itself
            setattr(module("shared").state, word, False)
        try:
            with lent(settings):
                response = in_main_thread(lambda: call(model))
        except RunFailedError as error:
            if self._ended_early(request):  # before the first image, the web UI fails over having none
                return Result((), interrupted=True)
            title = settings.get("sd_model_checkpoint")
            if title and not host_lists.is_loaded(str(title)):
                raise RunFailedError(f"the web UI could not load the checkpoint {title}: {error}") from error
            raise RunFailedError(f"the web UI failed: {error}") from error
        self._made = True
        answer = {"info": response.info, "images": response.images}
        return result_of(answer, request.body, interrupted=self._ended_early(request))

    def _ended_early(self, request: Request) -> bool:
        with self._mutex:
            return request.task_id in self._interrupted or ended_early(vars(module("shared").state))


def _preview(state: Any) -> Preview | None:
    with contextlib.suppress(Exception):  # whatever a foreign decoder may raise: an image without preview is none less
        state.set_current_image()
        image = state.current_image
        if image is not None:
            small, content = image.convert("RGB"), io.BytesIO()
            small.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))
            small.save(content, "JPEG", quality=80)
            return Preview(content.getvalue(), "image/jpeg")
    return None
