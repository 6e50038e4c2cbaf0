"""Options of a headless agent that runs jobs: whether, in which web UI, at what times."""

import argparse
import os
from pathlib import Path

from ..extension.jobs.api_connection import DEFAULT_WEB_UI, LOGIN_VARIABLE, ApiConnection, WebUiSetupError, find_login
from ..extension.jobs.api_engine import ApiEngine
from ..extension.jobs.hours import Hours, HoursError, read_hours
from ..extension.jobs.runner import JobsConfig, Terms
from .folders import folder_name
from .output import CommandError


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    jobs = parser.add_argument_group("jobs")
    jobs.add_argument("--take-jobs", action="store_true", help="run the hub's jobs in a web UI on this machine")
    jobs.add_argument(
        "--web-ui",
        metavar="URL",
        help=f"that web UI, started with --api, over the same model folders (default: {DEFAULT_WEB_UI})",
    )
    jobs.add_argument(
        "--web-ui-auth-file",
        metavar="FILE",
        type=folder_name,
        help=f"user:password of its --api-auth, in a file that only you may read (default: ${LOGIN_VARIABLE})",
    )
    jobs.add_argument(
        "--job-hours",
        metavar="TIMES",
        type=_hours,
        help="take jobs only then, in local time: '22:00-07:00', 'mon-fri 22:00-07:00; sat, sun' (default: always)",
    )


def _hours(text: str) -> Hours:
    try:
        return read_hours(text)
    except HoursError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def jobs_of(options: argparse.Namespace) -> JobsConfig | None:
    """Return what the agent needs to run jobs, None where it is to run none.

    Raises:
        CommandError: the web UI's address or login cannot be used; or they are given and jobs are not to be taken.
    """
    if not options.take_jobs:
        given = {"--web-ui": options.web_ui, "--web-ui-auth-file": options.web_ui_auth_file}
        named = [name for name, value in {**given, "--job-hours": options.job_hours}.items() if value is not None]
        if named:
            raise CommandError(f"{named[0]} is only for an agent that takes jobs: add --take-jobs")
        return None
    file = options.web_ui_auth_file
    try:
        login = find_login(Path(os.path.expanduser(file)) if file else None)
        address = options.web_ui or DEFAULT_WEB_UI
        ApiConnection(address, login).close()
    except WebUiSetupError as error:
        raise CommandError(str(error)) from None
    terms = Terms(hours=options.job_hours) if options.job_hours is not None else Terms()
    return JobsConfig(lambda: ApiEngine(ApiConnection(address, login)), lambda: terms)
