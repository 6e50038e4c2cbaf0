"""``quartermaster status``: what the agents of this machine do, and what the hub sees."""

import argparse
import os
import time
from typing import Any

from ..extension.status_file import read_all
from ..hub_client import KEY_VARIABLE
from .connection import HUB_VARIABLE, configure_hub, hub_of, own_hub
from .folders import add_data_argument, home_of
from .output import DONE, NO, CommandError, emit, say, tell
from .progress import duration


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    configure_hub(parser)
    add_data_argument(parser, "the agents' index and states")
    parser.add_argument("--json", action="store_true", help="a line of JSON per agent and per server")


def execute(options: argparse.Namespace) -> int:
    """Print each agent of this machine, then each server of the hub.

    The hub is asked where ``--hub`` or a key is given, or ``up`` runs one. Exit code 1 where an agent does not run or
    is not in sync, or where there is nothing to tell of; 3 where the hub was asked and did not answer.

    Raises:
        CommandError: the agents' states cannot be read, or the hub could not be asked.
    """
    home = home_of(options)
    try:
        agents = read_all(home)
    except OSError as error:
        raise CommandError(f"the data folder {home} cannot be read: {error.strerror or error}") from None
    code = DONE
    for agent in agents:
        if not agent["running"] or agent.get("in_sync") is False:
            code = NO
        if options.json:
            emit({"agent": agent})
        else:
            _tell_agent(agent)
    if not agents:
        say("No agent has run on this machine with this data folder yet.")
    if not (options.hub or options.key_file or os.environ.get(KEY_VARIABLE) or own_hub(home)):
        say("The hub is not asked without a key: --key-file FILE, or the key in the environment.")
        return code if agents else NO
    if options.hub is None and HUB_VARIABLE not in os.environ and (options.key_file or KEY_VARIABLE in os.environ):
        options.hub = next((agent["hub"] for agent in agents if agent.get("hub")), None)
    with hub_of(options) as hub:
        servers = [dict(server.wire) for server in hub.servers()]
    for server in servers:
        if options.json:
            emit({"server": server})
        else:
            tell(f"server {server.get('server_id')}: {server.get('state')}, {server.get('count', '?')} models, "
                 f"last seen {server.get('last_seen') or 'never'}")  # fmt: skip
    return code


def _tell_agent(agent: dict[str, Any]) -> None:
    running = "running," if agent["running"] else "NOT RUNNING, at its end it had"
    tell(f"agent {agent.get('server_id')}: {running} {agent.get('models')} models "
         f"({agent.get('claimed')} claimed), digest {agent.get('digest')}")  # fmt: skip
    for root in agent.get("roots", []):
        state = f"STALE: {root['stale']}" if root.get("stale") else f"{root.get('method')}: {root.get('reason')}"
        tell(f"  {root.get('label')}  {root.get('path')}  {state}")
    tell(f"  queue: {agent.get('queue')} files to read; {agent.get('unsent')} changes to send")
    last = agent.get("last_sync")
    since = f"{duration(time.time() - last)} ago" if isinstance(last, int | float) else "never"
    was = "" if agent["running"] else "was "
    state = "in sync" if agent.get("in_sync") else "not in sync"
    tell(f"  hub: {agent.get('hub')}, {was}{state}, last answer {since}")
    if agent.get("error"):
        tell(f"  {agent['error']}")
    if agent.get("jobs"):
        tell(f"  jobs: {_words_of(agent['jobs'], running=agent['running'])}")
    if agent.get("problems"):
        tell(f"  {agent['problems']} files are passed over; the agent's log names them")


def _words_of(jobs: dict[str, Any], *, running: bool) -> str:
    """Return how an agent that runs jobs is at it."""
    hours = f" at {jobs['hours']}" if jobs.get("hours") else ""
    if not running:
        return f"taken{hours}, while it runs"
    now = "now" if jobs.get("now") else "not now"
    return f"taken{hours}; {jobs.get('problem') or now}"
