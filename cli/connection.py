"""The hub that a command speaks to: its options, its client, and how its errors end the process."""

import argparse
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..hub_client import (
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
        type=Path,
        help='the key, as {"key": …, "secret": …} in a file that only you may read '
        f"(default: ${KEY_VARIABLE} and ${SECRET_VARIABLE})",
    )


@contextmanager
def hub_of(
    arguments: argparse.Namespace, *, stop: threading.Event | None = None, environ: Mapping[str, str] = os.environ
) -> Iterator[HubClient]:
    """Yield a client for the hub that the arguments name; a HubError in the block ends the command.

    Raises:
        CommandError: the address or key cannot be used, or the hub failed or refused; with the exit code for that.
    """
    try:
        key_file = arguments.key_file.expanduser() if arguments.key_file else None
        credentials = find_credentials(key_file, environ)
        address = arguments.hub or environ.get(HUB_VARIABLE) or DEFAULT_HUB_ADDRESS
        with HubClient(address, credentials, stop=stop) as client:
            yield client
    except HubError as error:
        raise CommandError(str(error), exit_code(error)) from error


def exit_code(error: HubError) -> int:
    """Return how a command ends that cannot go on after this error."""
    return next((code for kinds, code in _EXIT_CODES if isinstance(error, kinds)), WRONG_USE)
