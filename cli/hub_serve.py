"""``quartermaster hub serve``: a hub in the foreground."""

import argparse

from ..hub.running import serve
from ..hub.settings import HubSettings
from ..hub_client import DEFAULT_HUB_PORT
from .hub_options import DEFAULT_HOST, add_common_arguments, add_tls_arguments, port_number, warn_of_open, with_tls
from .output import DONE, emit, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"the address to listen on (default {DEFAULT_HOST})")
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_HUB_PORT, help=f"0 takes a free one (default {DEFAULT_HUB_PORT})"
    )
    add_tls_arguments(parser)
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Run a hub until it is told to stop."""
    settings = with_tls(settings, arguments)

    def announce(address: str) -> None:
        if arguments.json:
            emit({"address": address})
        else:
            tell(f"listening on {address}")

    warn_of_open(arguments.host, settings)
    serve(settings, arguments.host, arguments.port, announce)
    return DONE
