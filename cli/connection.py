"""The hub that a command speaks to: its options, its client, and how its errors end the process."""

import argparse
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..extension.paths import file_name
from ..extension.status_file import read_all
from ..hub_client import (
    CA_VARIABLE,
    DEFAULT_HUB_ADDRESS,
    KEY_VARIABLE,
    SECRET_VARIABLE,
    BadAnswerError,
    ConflictError,
    HubClient,
    HubError,
    NotFoundError,
    RateLimitedError,
    ServerFaultError,
    StoppedError,
    UnreachableError,
    find_credentials,
)
from .folders import folder_name, home_of
from .output import ABORTED, NO, UNREACHABLE, WRONG_USE, CommandError

HUB_VARIABLE = "QUARTERMASTER_HUB"

_EXIT_CODES: tuple[tuple[tuple[type[HubError], ...], int], ...] = (
    ((UnreachableError, BadAnswerError, ServerFaultError, RateLimitedError), UNREACHABLE),
    ((NotFoundError, ConflictError), NO),
    ((StoppedError,), ABORTED),
)
"""Any other error of a hub is wrong use: a bad address, key or argument."""


def configure_hub(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command which asks a hub has."""
    parser.add_argument(
        "--hub", metavar="URL", help=f"the hub's address (default: ${HUB_VARIABLE}, or {DEFAULT_HUB_ADDRESS})"
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        type=folder_name,
        help='the key, as {"key": …, "secret": …} in a file that only you may read '
        f"(default: ${KEY_VARIABLE} and ${SECRET_VARIABLE})",
    )
    add_ca_argument(parser)


def add_ca_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the authorities of a hub's certificate."""
    parser.add_argument(
        "--ca",
        metavar="FILE",
        type=folder_name,
        help=f"trust a hub's https certificate by the authorities in this PEM file alone (default: ${CA_VARIABLE}, or "
        "the usual ones)",
    )


@contextmanager
def hub_of(
    arguments: argparse.Namespace, *, stop: threading.Event | None = None, environ: Mapping[str, str] = os.environ
) -> Iterator[HubClient]:
    """Yield a client for the hub that the arguments name; a HubError in the block ends the command.

    Where neither they nor the environment name a hub or a key, it is the hub that ``up`` runs for this user.

    Raises:
        CommandError: the address or key cannot be used, or the hub failed or refused; with the exit code for that.
    """
    try:
        address, key_file = arguments.hub or environ.get(HUB_VARIABLE), key_file_of(arguments)
        if not (address or key_file or environ.get(KEY_VARIABLE)):
            address, key_file = own_hub(_home(arguments)) or (None, None)
        credentials = find_credentials(key_file, environ)
        with HubClient(address or DEFAULT_HUB_ADDRESS, credentials, stop=stop, ca_file=arguments.ca) as client:
            yield client
    except HubError as error:
        raise CommandError(str(error), exit_code(error)) from error


def key_file_of(arguments: argparse.Namespace) -> Path | None:
    """Return the file of ``--key-file``, or None."""
    return Path(os.path.expanduser(arguments.key_file)) if arguments.key_file else None


def own_key_file(home: Path, server_id: str) -> Path:
    """Return the file in which ``up`` keeps the key of its agent, with our data folder as ``home``."""
    return home / "keys" / f"{file_name(server_id)}.json"


def own_hub(home: Path) -> tuple[str, Path] | None:
    """Return address and key file of the hub that ``up`` runs for this user now, or None where it runs none."""
    with suppress(OSError):  # whoever may not look at the agents' states has none of his own
        for agent in read_all(home):
            key_file = own_key_file(home, str(agent.get("server_id")))
            if agent["running"] and isinstance(agent.get("hub"), str) and key_file.exists():
                return agent["hub"], key_file
    return None


def _home(arguments: argparse.Namespace) -> Path:
    return home_of(argparse.Namespace(data=getattr(arguments, "data", None)))


def exit_code(error: HubError) -> int:
    """Return how a command ends that cannot go on after this error."""
    return next((code for kinds, code in _EXIT_CODES if isinstance(error, kinds)), WRONG_USE)
