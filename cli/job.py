"""``quartermaster job``: have images made by whichever server of the fleet has the models, and look after that.

An action is a function that takes the arguments and a client, and returns an exit code.

Exit codes: 0 done; 1 the answer is no (a job failed, no server could run it now, there is no such job); 2 wrong use;
3 the hub could not be reached; 130 Ctrl-C.
"""

import argparse
from collections.abc import Callable

from ..hub_client import ConflictError, HubClient, Job, NotFoundError, RefusedError
from . import job_arguments as read
from . import job_images, job_submit
from .connection import configure_hub, hub_of
from .job_words import details_of, line_of
from .output import DONE, NO, emit, say, tell

HELP = "have images made where their models are: submit jobs, watch them, fetch what came of them"

STATES = ("pending", "processing", "completed", "failed", "cancelled")

_EPILOG = """\
exit codes:
  0  done; of check: a server could run it now; of watch: the job was completed
  1  no: the job failed, no server could run it now, or there is no such job
  2  wrong use: a file or an argument that makes no sense, a bad address or key
  3  the hub could not be reached
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, line: str, run: Callable[[argparse.Namespace, HubClient], int]) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        sub.set_defaults(run=run)
        return sub

    submit = add("submit", "queue a job", job_submit.submit)
    job_submit.configure(submit)
    job_submit.configure_queueing(submit)
    check = add("check", "say what a job would come to, and queue nothing", job_submit.check)
    job_submit.configure(check)
    listing = add("list", "list jobs, the newest first", listed)
    listing.add_argument("--state", choices=STATES, help="only jobs in this state")
    listing.add_argument("--server", metavar="NAME", help="only jobs that this server runs, ran or is to run")
    listing.add_argument("--limit", type=read.limit, default=50, metavar="N", help="at most so many (default: 50)")
    show = add("show", "show all that is known of a job", shown)
    watch = add("watch", "follow a job to its end", job_images.watch)
    job_images.configure_watching(watch)
    images = add("images", "list the images of a job, or save them", job_images.images)
    job_images.configure_saving(images)
    cancel = add("cancel", "cancel jobs, in whatever state", cancelled)
    retry = add("retry", "queue jobs again that failed or were cancelled", retried)
    priority = add("priority", "change the priority of a job that waits", prioritised)
    move = add("move", "let another server run a job", moved)
    for one in (show, watch, images, priority, move):
        one.add_argument("job", metavar="JOB", help="the job's id")
    for several in (cancel, retry):
        several.add_argument("jobs", metavar="JOB", nargs="+", help="the job's id")
    priority.add_argument("priority", metavar="N", type=read.priority, help="-10 to 10; more is sooner")
    move.add_argument("server", metavar="SERVER", help="the server's name, or any")
    for sub in actions.choices.values():
        configure_hub(sub)
        sub.add_argument("--json", action="store_true", help="the hub's own answers, one JSON object per line")


def execute(arguments: argparse.Namespace) -> int:
    """Run the action and return its exit code."""
    prepare = getattr(arguments, "prepare", None)
    if prepare is not None:  # what is wrong here is told before a hub is asked
        prepare(arguments)
    with hub_of(arguments) as hub:
        code = arguments.run(arguments, hub)
    assert isinstance(code, int)
    return code


def listed(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Print jobs, a line each."""
    filters = {"status": arguments.state, "server": arguments.server, "limit": str(min(arguments.limit, 200))}
    jobs = hub.jobs.listed({name: value for name, value in filters.items() if value is not None})
    for _, job in zip(range(arguments.limit), jobs, strict=False):
        emit(job.wire) if arguments.json else tell(line_of(job))
    return DONE


def shown(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Print one job."""
    tell_job(hub.jobs.get(arguments.job), arguments.json)
    return DONE


def cancelled(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Cancel jobs."""
    return _each(arguments, hub.jobs.cancel)


def retried(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Queue jobs again."""
    return _each(arguments, hub.jobs.retry)


def prioritised(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Change a job's priority."""
    return _each(arguments, lambda job_id: hub.jobs.set_priority(job_id, arguments.priority))


def moved(arguments: argparse.Namespace, hub: HubClient) -> int:
    """Let another server run a job."""
    server = None if arguments.server.lower() == "any" else arguments.server
    return _each(arguments, lambda job_id: hub.jobs.move(job_id, server))


def _each(arguments: argparse.Namespace, change: Callable[[str], Job]) -> int:
    """Change each job and print what it is then; what is refused of one does not keep the others."""
    code = DONE
    for job_id in getattr(arguments, "jobs", None) or [arguments.job]:
        try:
            job = change(job_id)
        except RefusedError as error:
            if not isinstance(error, (NotFoundError, ConflictError)):
                raise
            say(f"quartermaster: {job_id}: {error}")
            code = NO
            continue
        emit(job.wire) if arguments.json else tell(line_of(job))
    return code


def tell_job(job: Job, as_json: bool) -> None:
    """Print one job, on as many lines as it takes a person."""
    if as_json:
        emit(job.wire)
        return
    for line in details_of(job):
        tell(line)
