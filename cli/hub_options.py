"""What the actions of ``quartermaster hub`` have in common."""

import argparse
from dataclasses import replace

from ..hub.settings import HubSettings
from .folders import folder_name
from .output import add_verbose_argument, say

DEFAULT_HOST = "127.0.0.1"


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every action of the hub has."""
    parser.add_argument(
        "--data",
        type=folder_name,
        metavar="DIR",
        help="the hub's data folder (default: $QUARTERMASTER_HOME/hub, or quartermaster/hub in the user's data folder)",
    )
    parser.add_argument("--json", action="store_true", help="print answers as JSON")
    add_verbose_argument(parser)


def add_tls_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a hub that speaks TLS itself."""
    parser.add_argument(
        "--tls-cert",
        type=folder_name,
        metavar="FILE",
        help="speak https with this certificate and its chain, in PEM (default: $QUARTERMASTER_TLS_CERT, or http)",
    )
    parser.add_argument(
        "--tls-key", type=folder_name, metavar="FILE", help="the certificate's key (default: $QUARTERMASTER_TLS_KEY)"
    )


def with_tls(settings: HubSettings, arguments: argparse.Namespace) -> HubSettings:
    """Return the settings with what the command line says of TLS.

    Raises:
        SettingsError: there is only one of certificate and key.
    """
    return replace(
        settings,
        tls_cert=arguments.tls_cert or settings.tls_cert,
        tls_key=arguments.tls_key or settings.tls_key,
    )


def add_backup_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--no-backup``, for whatever may migrate the database."""
    parser.add_argument(
        "--no-backup", action="store_true", help="where the database has to be migrated, do not back it up before that"
    )


def with_backup_choice(settings: HubSettings, arguments: argparse.Namespace) -> HubSettings:
    """Return the settings as ``--no-backup`` has it."""
    return replace(settings, backup_before_migrating=False) if arguments.no_backup else settings


def port_number(text: str) -> int:
    """Return a port of TCP; for argparse, which reports what is none."""
    if not (text.isascii() and text.isdigit()) or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def warn_of_open(host: str, settings: HubSettings) -> None:
    """Say what it means that a hub listens at this address, if anything."""
    if settings.tls_cert is None and host not in {DEFAULT_HOST, "localhost", "::1"}:
        say("This hub listens beyond this machine without TLS: use a trusted network, or put a TLS proxy before it.")
