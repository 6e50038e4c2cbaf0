"""``quartermaster hub serve``: a hub in the foreground."""

import argparse
import logging

from ..hub.logs import FORMATS, configure_logging
from ..hub.running import serve
from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub_client import DEFAULT_HUB_PORT
from .hub_login import first_login_link
from .hub_options import (
    DEFAULT_HOST,
    add_backup_argument,
    add_common_arguments,
    add_tls_arguments,
    port_number,
    warn_of_open,
    with_backup_choice,
    with_tls,
)
from .output import DONE, emit, say, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"the address to listen on (default {DEFAULT_HOST})")
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_HUB_PORT, help=f"0 takes a free one (default {DEFAULT_HUB_PORT})"
    )
    parser.add_argument(
        "--log-format",
        choices=FORMATS,
        help="how the log on stderr is written (default: $QUARTERMASTER_LOG_FORMAT, text)",
    )
    add_backup_argument(parser)
    add_tls_arguments(parser)
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Run a hub until it is told to stop."""
    settings = with_tls(settings, arguments)

    def announce(address: str, hub: Hub) -> None:
        link = first_login_link(hub, address)
        if arguments.json:
            emit({"address": address, **({"login": link} if link else {})})
            return
        tell(f"listening on {address}")
        if link:
            say(f"Log in to the web page, once, at {link}")
            say("For another link: quartermaster hub login")

    # A service is asked later what it did: it tells of every request, where a command speaks up only when it must.
    level = logging.DEBUG if arguments.verbose else logging.INFO
    configure_logging(arguments.log_format or settings.log_format, level)
    warn_of_open(arguments.host, settings)
    serve(with_backup_choice(settings, arguments), arguments.host, arguments.port, announce)
    return DONE
