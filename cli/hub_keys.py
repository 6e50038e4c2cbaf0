"""``quartermaster hub key``: make, list and revoke the keys of a hub."""

import argparse
from collections.abc import Callable
from dataclasses import asdict

from ..hub.ages import iso_time
from ..hub.services import Hub
from ..hub.settings import HubSettings
from .hub_options import add_common_arguments
from .output import DONE, emit, say, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="key_action", metavar="ACTION", required=True)
    _configure_create(actions.add_parser("create", help="make a key; its secret is shown this once"))
    add_common_arguments(actions.add_parser("list", help="list the keys, without their secrets"))
    revoke = actions.add_parser("revoke", help="make a key useless at once")
    revoke.add_argument("key", metavar="KEY", help="the key as `hub key list` shows it")
    add_common_arguments(revoke)


def _configure_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="what the key is for")
    parser.add_argument(
        "--scope",
        required=True,
        choices=("agent", "client", "admin"),
        help="agent: its server's inventory, and what a client may; client: reads, submits jobs; admin: all",
    )
    parser.add_argument(
        "--server", metavar="ID", help="the server of an agent's key: its agent runs with the same --server"
    )
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Do what was asked for with the keys."""
    hub = Hub(settings)
    try:
        return _ACTIONS[arguments.key_action](hub, arguments)
    finally:
        hub.close()


def _create(hub: Hub, arguments: argparse.Namespace) -> int:
    made = hub.keys.create(arguments.name, arguments.scope, arguments.server)
    if arguments.json:
        emit(asdict(made))
    else:
        tell(f"key:    {made.key}")
        tell(f"secret: {made.secret}")
        say("The secret is not shown again.")
    return DONE


def _list(hub: Hub, arguments: argparse.Namespace) -> int:
    for info in hub.keys.listed():
        if arguments.json:
            times = {"created_at": iso_time(info.created_at), "revoked_at": iso_time(info.revoked_at)}
            emit({**asdict(info), **times})
        else:
            state = "revoked" if info.revoked_at is not None else "valid"
            origin = "paired" if info.by_pairing else "made"
            tell("\t".join([info.key, info.scope, info.server_id or "-", state, origin, info.name]))
    return DONE


def _revoke(hub: Hub, arguments: argparse.Namespace) -> int:
    hub.keys.revoke(arguments.key)
    if arguments.json:
        emit({"key": arguments.key, "revoked": True})
    else:
        tell(f"{arguments.key} is revoked")
    return DONE


_ACTIONS: dict[str, Callable[[Hub, argparse.Namespace], int]] = {"create": _create, "list": _list, "revoke": _revoke}
