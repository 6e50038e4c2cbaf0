"""``quartermaster agent``: the headless agent of one server."""

import argparse
import math
import os
import platform
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable

from ..extension.agent import Agent, wait_until
from ..extension.config import RECONCILE_SECONDS, AgentConfig, is_server_id
from ..extension.inventory.roots import RootError
from ..extension.inventory.watch_method import explain
from ..extension.inventory.watch_survey import choices_for
from ..extension.lock import AlreadyRunningError
from ..extension.sync import HEARTBEAT_SECONDS
from ..hub_client import DEFAULT_HUB_ADDRESS, Credentials, HubError, find_credentials
from .connection import HUB_VARIABLE, configure_hub, exit_code, key_file_of
from .folders import add_data_argument, add_folder_arguments, home_of, named_roots_of
from .job_options import add_job_arguments, jobs_of
from .output import ABORTED, DONE, NO, CommandError, emit, say, tell
from .progress import ProgressLine, size

REST_SECONDS = 0.5
_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    _SIGNALS.append(signal.SIGBREAK)  # what one process can send another there, and closing the console sends


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    configure_hub(parser)
    add_agent_arguments(parser)
    parser.add_argument("--once", action="store_true", help="make the hub know the present state, then end")
    parser.add_argument("--explain-watch", action="store_true", help="say how each folder is watched and why, then end")
    parser.add_argument("--json", action="store_true", help="print the final state as JSON")


def add_agent_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs an agent has."""
    parser.add_argument(
        "--server",
        metavar="ID",
        type=_server_id,
        default=platform.node(),
        help="this server's id (default: %(default)s)",
    )
    add_folder_arguments(parser)
    add_data_argument(parser, "index, keys and states")
    parser.add_argument("--hash-mib-per-second", metavar="N", type=_positive, help="read no faster than this")
    parser.add_argument(
        "--workers", metavar="N", type=int, choices=range(1, 17), default=2, help="files read at once, 1 to 16 (2)"
    )
    add_job_arguments(parser)
    times = parser.add_argument_group("times, in seconds")
    times.add_argument(
        "--settle-seconds",
        metavar="S",
        type=_positive,
        help="how long a file must have been left alone (2, on network file systems 10)",
    )
    times.add_argument(
        "--heartbeat-seconds",
        metavar="S",
        type=_positive,
        default=HEARTBEAT_SECONDS,
        help=f"how often the hub hears of this agent, changes apart ({HEARTBEAT_SECONDS:g})",
    )
    times.add_argument(
        "--reconcile-seconds",
        metavar="S",
        type=_positive,
        default=RECONCILE_SECONDS,
        help=f"how often every folder is looked at, whatever was noticed ({RECONCILE_SECONDS:g})",
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return value


def _server_id(text: str) -> str:
    if not is_server_id(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be the id of a server: 1 to 100 characters, no slash, no backslash, no space at an end"
        )
    return text


def execute(options: argparse.Namespace) -> int:
    """Run the agent until Ctrl-C, or once.

    Raises:
        CommandError: it cannot start.
    """
    if options.models is None and not options.root:
        raise CommandError("say where the models are: --models DIR, or --root KIND=PATH")
    if options.once and options.take_jobs:
        raise CommandError("an agent that ends with --once takes no jobs: leave --once or --take-jobs out")
    if options.explain_watch:
        return _explain_watch(options)
    try:
        credentials = find_credentials(key_file_of(options), os.environ)
    except HubError as error:
        raise CommandError(str(error)) from None
    hub = options.hub or os.environ.get(HUB_VARIABLE) or DEFAULT_HUB_ADDRESS
    agent = open_agent(settings_of(options, hub, credentials))
    stop = threading.Event()
    with stopping_on_signals(stop.set):
        return _once(agent, stop, options) if options.once else _serve(agent, stop, options)


def settings_of(options: argparse.Namespace, hub: str | None, credentials: Credentials | None) -> AgentConfig:
    """Return the agent's settings from the command line.

    Raises:
        CommandError: a root, or the web UI for jobs, cannot be used.
    """
    return AgentConfig(
        server_id=options.server,
        models=options.models,
        named=named_roots_of(options),
        excludes=tuple(options.exclude),
        never_share=tuple(os.path.abspath(os.path.expanduser(folder)) for folder in options.never_share),
        hub=hub,
        credentials=credentials,
        ca_file=options.ca,
        home=home_of(options),
        workers=options.workers,
        mib_per_second=options.hash_mib_per_second,
        settle_seconds=options.settle_seconds,
        heartbeat_seconds=options.heartbeat_seconds,
        reconcile_seconds=options.reconcile_seconds,
        jobs=jobs_of(options),
    )


def open_agent(config: AgentConfig) -> Agent:
    """Make the agent.

    Raises:
        CommandError: its folders, its lock or its hub cannot be used; or its models cannot be found.
    """
    try:
        config.find_roots()
        return Agent(config)
    except RootError as error:
        raise CommandError(str(error)) from None
    except AlreadyRunningError as error:
        raise already_running(config.server_id, str(error)) from None
    except HubError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"the data folder {config.home} cannot be used: {error.strerror or error}") from None
    except sqlite3.Error as error:
        raise CommandError(f"the index in {config.home} cannot be used: {error}") from None


def already_running(server_id: str, lock: str) -> CommandError:
    """Return the error for a second agent of one server on this machine."""
    return CommandError(
        f"an agent of the server {server_id!r} runs already on this machine ({lock}): stop it first, "
        "or give this one another --server"
    )


def show_until_complete(agent: Agent, stop: threading.Event) -> bool:
    """Show hashing progress until the inventory is complete; False when ``stop`` came first."""
    line = ProgressLine()

    def complete() -> bool:
        line.show(agent.progress())
        return agent.quiet().done

    done = wait_until(complete, stop)
    line.end(agent.progress())
    return done


def say_problems(agent: Agent) -> None:
    """Say which files are passed over, and why."""
    for problem in sorted(agent.library.problems(), key=lambda problem: problem.path):
        say(f"not published: {problem.path}: {problem.what}")


def _explain_watch(options: argparse.Namespace) -> int:
    try:
        roots, notes = settings_of(options, None, None).find_roots()
    except RootError as error:
        raise CommandError(str(error)) from None
    for note in notes:
        say(note)
    for line in explain(roots, choices_for(roots)):
        if options.json:
            emit(line)
            continue
        remedy = f" {line['remedy']}" if line["remedy"] else ""
        tell(f"{line['method']:8} {line['path']}: {line['reason']}.{remedy}")
    return DONE


def _serve(agent: Agent, stop: threading.Event, options: argparse.Namespace) -> int:
    say(f"agent of {options.server}: telling {agent.config.hub}; Ctrl-C stops it")
    agent.start()
    try:
        if show_until_complete(agent, stop):
            status = agent.status()
            say(f"{status['models']} models published; watching {len(status['roots'])} folders")
            if status["jobs"] is not None:
                say(f"taking jobs{_at_times(status['jobs']['hours'])}")
        rest_until(stop)
    finally:
        agent.stop()
    if options.json:
        emit(agent.status())
    return DONE


def _at_times(hours: str) -> str:
    return f" ({hours})" if hours else ""


def _once(agent: Agent, stop: threading.Event, options: argparse.Namespace) -> int:
    agent.start(talk=False)
    try:
        if not show_until_complete(agent, stop):
            return ABORTED
        assert agent.syncer is not None
        error = agent.syncer.settle(stop)
        status = agent.status()
        say_problems(agent)
    finally:
        agent.stop()
    if options.json:
        emit(status)
    if error is None:
        for root in status["roots"]:
            if root["stale"]:
                say(f"the folder {root['path']} cannot be looked at ({root['stale']}): its models are told as stale")
        say(f"{agent.config.hub} knows all {status['models']} models of {options.server}; "
            f"{size(status['bytes_read'])} were read")  # fmt: skip
        return NO if any(root["stale"] for root in status["roots"]) else DONE
    say(f"quartermaster: {error}")
    return exit_code(error)


def rest_until(stop: threading.Event) -> None:
    """Do nothing until told to stop. Not in one long wait: on Windows no signal is handled during one."""
    while not stop.wait(REST_SECONDS):
        pass


class stopping_on_signals:  # noqa: N801 (reads like the context managers of contextlib)
    """While entered, Ctrl-C and a service manager's SIGTERM call ``stop`` instead of ending the process."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}

    def _handle(self, number: int, frame: object) -> None:
        self._stop()

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
