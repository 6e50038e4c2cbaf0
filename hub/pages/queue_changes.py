"""What is changed of jobs from a page: cancelled, queued again, given another priority or server; one or many."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..errors import ConflictError, FieldError, RequestError
from ..fields import is_clean
from ..jobs.job import CANCELLED, HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..keys import Caller
from ..services import Hub
from .queue_list import PLACE

PICK = "pick-"
"""A chosen job is a field of its own name, because a form may have no field twice."""
MOST = 50
CANCEL, RETRY, PRIORITY, MOVE, SUBMIT = "cancel", "retry", "priority", "move", "submit"
_DID = {
    CANCEL: ("cancelled", "cancelled"),
    RETRY: ("queued again", "queued again"),
    PRIORITY: ("given its priority", "given their priority"),
    MOVE: ("moved", "moved"),
}
_REFUSALS = {
    "forbidden": "it belongs to somebody else, and this session may not change it",
    "job_not_found": "it is not there any more",
    "job_not_retryable": "it neither failed nor was cancelled",
    "job_done": "it is done already",
}
_AS_IT_IS = "its state does not allow it"


@dataclass(frozen=True)
class Change:
    """What is to be done with which jobs; ``value`` is a priority, or a server (empty: any)."""

    do: str
    ids: tuple[str, ...]
    value: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> "Change":
        """Read a form: the button of one job (``only``), or one for all that are chosen (``do``).

        Raises:
            FieldError: it says nothing that can be done.
        """
        do, _, one = form.get("only", "").partition(" ")
        ids = (one,) if one else tuple(name.removeprefix(PICK) for name in form if name.startswith(PICK))
        do = do or form.get("do", "")
        if do not in _DID:
            raise FieldError("do", f"must be one of {', '.join(_DID)}")
        if not 0 < len(ids) <= MOST:
            raise FieldError("jobs", f"choose one to {MOST} of them")
        value = form.get("priority" if do == PRIORITY else "server", "") if do in {PRIORITY, MOVE} else ""
        return cls(do, ids, value)


def carry_out(hub: Hub, caller: Caller, change: Change) -> "Done":
    """Do it, job by job: what cannot be done to one does not keep the others from it.

    Raises:
        FieldError: there is no such priority or server.
    """
    done: list[str] = []
    refused: list[str] = []
    for public_id in change.ids:
        try:
            _one(hub, caller, change, public_id)
            done.append(public_id)
        except FieldError:
            raise
        except RequestError as error:
            refused.append(error.code)
    return Done(change.do, tuple(done), len(refused), refused[0] if refused else "")


def _one(hub: Hub, caller: Caller, change: Change, public_id: str) -> None:
    if change.do == CANCEL:
        state = hub.changing.cancel(public_id, caller)
        if state != CANCELLED:
            raise ConflictError(f"this job is {state}", code="job_done")
    elif change.do == RETRY:
        hub.changing.retry(public_id, caller)
    elif change.do == PRIORITY:
        hub.changing.set_priority(public_id, caller, _priority(change.value))
    else:
        hub.changing.move(public_id, caller, change.value or None)


def _priority(text: str) -> int:
    if text.removeprefix("-").isdecimal() and len(text) < 4 and LOWEST_PRIORITY <= int(text) <= HIGHEST_PRIORITY:
        return int(text)
    raise FieldError("priority", f"must be from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}")


@dataclass(frozen=True)
class Done:
    """What came of a change, as it travels in the address of the page that is shown next."""

    do: str
    ids: tuple[str, ...]
    refused_count: int
    why: str
    back: str = PLACE

    def url(self, back: str) -> str:
        """Return the address to go to: the page before, with what was done."""
        parts = urlsplit(back if _is_ours(back) else PLACE)
        kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _WORDS]
        stated = {"did": self.do, "jobs": ",".join(self.ids), "refused": str(self.refused_count or ""), "why": self.why}
        return f"{parts.path}?{urlencode([*kept, *((name, text) for name, text in stated.items() if text)])}"

    @property
    def count(self) -> int:
        """How many jobs were changed."""
        return len(self.ids)

    @property
    def undo(self) -> tuple[str, ...]:
        """The jobs that can be put back."""
        return self.ids if self.do == CANCEL else ()

    @property
    def sentence(self) -> str:
        """What was done; empty where nothing was."""
        if self.do == SUBMIT:
            return "Submitted."
        if not self.count:
            return ""
        one, several = _DID[self.do]
        return f"The job was {one}." if self.count == 1 else f"{self.count} jobs were {several}."

    @property
    def refused(self) -> str:
        """What was not done, and why; empty where all was."""
        if not self.refused_count:
            return ""
        why = _REFUSALS.get(self.why, _AS_IT_IS)
        if self.refused_count == 1 and not self.count:
            return f"Nothing was changed: {why}."
        return f"{self.refused_count} of them could not be {_DID[self.do][1]}: of the first, {why}."


_WORDS = frozenset({"did", "jobs", "refused", "why"})


def read_done(query: Mapping[str, str], back: str) -> Done | None:
    """Return what a page's address says that was done just now, None where it says nothing."""
    do = query.get("did", "")
    if do == SUBMIT:
        return Done(do, (), 0, "", back)
    if do not in _DID:
        return None
    ids = tuple(each for each in query.get("jobs", "").split(",")[:MOST] if each.replace("-", "").isalnum())
    refused = query.get("refused", "")
    count = int(refused) if refused.isdecimal() and len(refused) < 4 else 0
    return Done(do, ids, count, query.get("why", ""), back)


def _is_ours(path: str) -> bool:
    """Say whether a path leads to a page about jobs, and nowhere else."""
    place = urlsplit(path).path if is_clean(path) and "\\" not in path else ""
    return path.startswith(PLACE) and (place == PLACE or place.startswith(f"{PLACE}/"))
