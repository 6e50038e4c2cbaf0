"""``quartermaster hub pair``: a one-time code in the place of a key."""

import argparse
from dataclasses import asdict

from ..hub.ages import iso_time
from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub.whereabouts import whereabouts
from .hub_options import add_common_arguments
from .output import DONE, emit, say, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--server", metavar="ID", required=True, help="the server of that web UI, new or known")
    parser.add_argument("--name", help="what its key will be called")
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Make a code and say where to type it."""
    hub = Hub(settings)
    try:
        made = hub.pairing.make(arguments.server, arguments.name)
    finally:
        hub.close()
    place = whereabouts(settings.data_dir)
    if arguments.json:
        emit({**asdict(made), "expires_at": iso_time(made.expires_at), "address": place.address})
        return DONE
    tell(f"code:    {made.code}")
    tell(f"hub:     {place.address}")
    tell(f"expires: {iso_time(made.expires_at)}, after ten minutes")
    say(f"Enter address and code in the Hub tab of {arguments.server}'s web UI. The code works once.")
    if place.only_here:
        say("The hub listens on this machine alone: for other machines, start it with --host 0.0.0.0")
    elif not place.noted:
        say("No hub has run with this data folder yet: the address is a guess.")
    return DONE
