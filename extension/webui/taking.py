"""Whether this web UI takes jobs of the fleet, and when: its settings, the tab's switch, and what it is at just now."""

from datetime import datetime
from typing import Any

from ..jobs.hours import ALWAYS, Hours, HoursError, read_hours
from ..jobs.runner import Runner, Terms
from .host import Host
from .settings import PREFIX, Settings

_WORDS = {
    "starting": ("waiting", "starting", ""),
    "waiting": ("waiting", "waiting for jobs", ""),
    "working": ("running", "running a job", ""),
    "delivering": ("running", "handing over images", ""),
    "busy": ("resting", "resting", "Somebody generates by hand, or did just now: jobs give way."),
    "closed": ("closed", "outside its hours", ""),
    "trouble": ("failed", "takes no jobs", ""),
}
"""What the runner is at -> how the page shows it, in which words, and a sentence."""


def terms(host: Host) -> Terms:
    """Return the terms as the settings say them now; hours that cannot be read mean that no jobs are taken."""
    settings = Settings.of(host)
    try:
        return Terms(settings.take_jobs, _hours(settings.job_hours))
    except HoursError:
        return Terms(takes=False)


def here(host: Host, runner: Runner | None, *, paired: bool, now: datetime) -> dict[str, Any]:
    """Answer ``GET jobs/here``."""
    settings = Settings.of(host)
    state, word, message, hours = "off", "off", "Other servers run them; jobs can be queued here all the same.", ""
    try:
        times = _hours(settings.job_hours)
        hours = times.text
    except HoursError as error:
        times, wrong = ALWAYS, str(error)
    else:
        wrong = ""
    if settings.take_jobs and wrong:
        state, word, message = "failed", "takes no jobs", f"The hours in the settings cannot be read: {wrong}."
    elif settings.take_jobs and not paired:
        state, word, message = "failed", "no hub", "Pair this web UI with a hub first, on the page Hub."
    elif settings.take_jobs and runner is None:
        state, word, message = "waiting", "starting", "The agent is starting."
    elif settings.take_jobs and runner is not None:
        state, word, message = _doing(runner, times, now)
    return {
        "on": settings.take_jobs,
        "paired": paired,
        "state": state,
        "word": word,
        "message": message,
        "hours": hours,
        "patience_seconds": round(settings.job_patience_seconds),
        "job_id": runner.doing.job_id if runner is not None else None,
    }


def take(host: Host, on: bool) -> None:
    """Switch it on or off, as the settings page does."""
    host.set_option(f"{PREFIX}take_jobs", on)


def _doing(runner: Runner, times: Hours, now: datetime) -> tuple[str, str, str]:
    doing = runner.doing
    state, word, message = _WORDS.get(doing.state, ("waiting", doing.state, ""))
    if doing.problem:
        return state, word, f"{doing.problem}."
    if doing.title:
        return state, word, f"“{doing.title[:120]}”"
    if not times.are_open(now):
        change = times.next_change(now)
        return "closed", "outside its hours", f"It goes on {change:%A at %H:%M}." if change is not None else ""
    if doing.state == "closed":  # it was switched on, or its hours began, this second
        return _WORDS["starting"]
    return state, word, message


def _hours(text: str) -> Hours:
    return read_hours(text) if text.strip() else ALWAYS
