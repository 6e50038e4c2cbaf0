"""``quartermaster hub login``: a one-time link to the hub's web page."""

import argparse

from ..hub.ages import iso_time
from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub.whereabouts import whereabouts
from .hub_options import add_common_arguments
from .output import DONE, emit, say, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Make a link and say how long it is good for."""
    hub = Hub(settings)
    try:
        made = hub.login_codes.make()
    finally:
        hub.close()
    place = whereabouts(settings.data_dir)
    link, expires = made.link(place.address), iso_time(made.expires_at)
    if arguments.json:
        emit({"login": link, "address": place.address, "expires_at": expires})
        return DONE
    tell(link)
    say(f"It logs one browser in, once, as an administrator, until {expires}.")
    if place.only_here:
        say("The hub listens on this machine alone: open the link here.")
    elif not place.noted:
        say("No hub has run with this data folder yet: the address is a guess.")
    return DONE


def first_login_link(hub: Hub, address: str) -> str | None:
    """Return a link for a hub's console to print where nobody ever logged in to its page."""
    made = hub.login_codes.first()
    return made.link(address) if made else None
