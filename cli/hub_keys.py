"""``quartermaster hub key``: make, list, rotate and revoke the keys of a hub."""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict

from ..hub.ages import iso_time, parse_time
from ..hub.keys import LONGEST_GRACE_SECONDS, NewKey
from ..hub.services import Hub
from ..hub.settings import HubSettings
from .hub_options import add_common_arguments
from .output import DONE, emit, say, tell

_TIMES = ("created_at", "revoked_at", "expires_at", "last_used_at", "rotated_at", "previous_until")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="key_action", metavar="ACTION", required=True)
    _configure_create(actions.add_parser("create", help="make a key; its secret is shown this once"))
    add_common_arguments(actions.add_parser("list", help="list the keys, without their secrets"))
    _configure_rotate(actions.add_parser("rotate", help="give a key a new secret; it is shown this once"))
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
    parser.add_argument(
        "--expires",
        type=_moment,
        metavar="DATE",
        help="the last day that the key is good for (UTC), such as 2027-12-31, or a time in ISO 8601 (default: none)",
    )
    add_common_arguments(parser)


def _configure_rotate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the key as `hub key list` shows it")
    parser.add_argument(
        "--grace",
        type=_minutes,
        default=0.0,
        metavar="MINUTES",
        help="for how long the old secret works beside the new one (default: not at all)",
    )
    add_common_arguments(parser)


def _moment(text: str) -> float:
    try:
        return parse_time(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a date such as 2027-12-31, or a time in ISO 8601") from None


def _minutes(text: str) -> float:
    longest = LONGEST_GRACE_SECONDS / 60
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= longest:
        raise argparse.ArgumentTypeError(f"must be a number of minutes from 0 to {longest:g}")
    return minutes


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Do what was asked for with the keys."""
    hub = Hub(settings)
    try:
        return _ACTIONS[arguments.key_action](hub, arguments)
    finally:
        hub.close()


def _create(hub: Hub, arguments: argparse.Namespace) -> int:
    made = hub.keys.create(arguments.name, arguments.scope, arguments.server, expires_at=arguments.expires)
    return _show_once(made, arguments)


def _rotate(hub: Hub, arguments: argparse.Namespace) -> int:
    made = hub.keys.rotate(arguments.key, arguments.grace * 60)
    return _show_once(made, arguments)


def _show_once(made: NewKey, arguments: argparse.Namespace) -> int:
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
            emit({name: iso_time(value) if name in _TIMES else value for name, value in asdict(info).items()})
        else:
            expired = info.expires_at is not None and info.expires_at <= time.time()
            state = "revoked" if info.revoked_at is not None else "expired" if expired else "valid"
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


_ACTIONS: dict[str, Callable[[Hub, argparse.Namespace], int]] = {
    "create": _create,
    "list": _list,
    "rotate": _rotate,
    "revoke": _revoke,
}
