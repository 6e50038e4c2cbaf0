"""Calls into the web UI that hosts us: its modules by name, its queue lock, what generates in the right thread.

Facts: A1111 1.10 and Forge ``modules/call_queue.py``, ``fifo_lock.py``; Forge's ``modules_forge/main_thread.py``.
"""

import errno
import importlib
import sys
from collections.abc import Callable
from typing import Any

from ..jobs.engine import EngineAwayError, EngineError, NoRoomError, RequestRefusedError, RunFailedError


def module(name: str) -> Any:
    """Return one of the web UI's modules.

    Raises:
        EngineAwayError: there is none of this name.
    """
    try:
        return importlib.import_module(f"modules.{name}")
    except ImportError as error:
        raise EngineAwayError(f"this web UI cannot run jobs: it has no modules.{name}") from error


def lock() -> Any:
    """Return the queue lock, which whoever generates holds."""
    return module("call_queue").queue_lock


def is_held() -> bool:
    """Tell whether somebody holds the queue lock."""
    found = lock()
    if found.acquire(False):
        found.release()
        return False
    return True


def in_main_thread(work: Callable[[], Any]) -> Any:
    """Do what generates: on Forge in its main thread, whose loop swallows exceptions.

    Raises:
        EngineError: it failed.
    """
    outcome: list[Any] = []
    failure: list[Exception] = []

    def kept() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            failure.append(error)

    loop = sys.modules.get("modules_forge.main_thread")
    if hasattr(loop, "run_and_wait_result"):
        loop.run_and_wait_result(kept)  # type: ignore[union-attr]
    else:
        kept()
    if failure:
        raise _as_ours(failure[0]) from failure[0]
    return outcome[0]


def _as_ours(error: Exception) -> EngineError:
    """The API answers what it does not take with an HTTP status below 500."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoRoomError(f"the web UI's disk is full: {words(error)}")
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status < 500:
        return RequestRefusedError(f"this web UI does not take the request: {words(error)}")
    return RunFailedError(words(error))


def words(error: Exception) -> str:
    """Return what an error says, in one line."""
    detail = getattr(error, "detail", None)  # of an HTTPException
    return " ".join(str(detail if detail else f"{type(error).__name__}: {error}").split())[:500]
