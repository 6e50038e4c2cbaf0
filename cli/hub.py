"""``quartermaster hub``: run a hub, make, list and revoke its keys, pair a web UI with it."""

import argparse
from dataclasses import asdict
from pathlib import Path

from ..hub.ages import iso_time
from ..hub.errors import HubError, NotFoundError
from ..hub.running import serve
from ..hub.services import Hub
from ..hub.settings import HubSettings, default_data_dir
from ..hub.whereabouts import whereabouts
from ..hub_client import DEFAULT_HUB_PORT
from .output import DONE, NO, WRONG_USE, CommandError, emit, say, tell

DEFAULT_HOST = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    serving = actions.add_parser("serve", help="run a hub until Ctrl-C")
    serving.add_argument("--host", default=DEFAULT_HOST, help=f"the address to listen on (default {DEFAULT_HOST})")
    serving.add_argument(
        "--port", type=_port, default=DEFAULT_HUB_PORT, help=f"0 takes a free one (default {DEFAULT_HUB_PORT})"
    )
    _common(serving)

    key = actions.add_parser("key", help="make, list and revoke API keys")
    key_actions = key.add_subparsers(dest="key_action", metavar="ACTION", required=True)
    create = key_actions.add_parser("create", help="make a key; its secret is shown this once")
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--scope", required=True, choices=("agent", "client", "admin"))
    create.add_argument("--server", metavar="ID", help="the server of an agent's key")
    _common(create)
    _common(key_actions.add_parser("list", help="list the keys, without their secrets"))
    revoke = key_actions.add_parser("revoke", help="make a key useless at once")
    revoke.add_argument("key", metavar="KEY")
    _common(revoke)

    pair = actions.add_parser("pair", help="print a one-time code that a web UI's Hub tab takes instead of a key")
    pair.add_argument("--server", metavar="ID", required=True, help="the server of that web UI, new or known")
    pair.add_argument("--name", help="what its key will be called")
    _common(pair)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the hub's data folder (default: in the user's own)")
    parser.add_argument("--json", action="store_true", help="print answers as JSON")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    try:
        settings = HubSettings.from_environment((arguments.data or default_data_dir()).expanduser().absolute())
        if arguments.action == "serve":
            return _serve(settings, arguments)
        if arguments.action == "pair":
            return _pair(settings, arguments)
        return _keys(settings, arguments)
    except NotFoundError as error:
        raise CommandError(str(error), NO) from error
    except HubError as error:
        raise CommandError(str(error), WRONG_USE) from error


def _serve(settings: HubSettings, arguments: argparse.Namespace) -> int:
    def announce(address: str) -> None:
        if arguments.json:
            emit({"address": address})
        else:
            tell(f"listening on {address}")

    if arguments.host not in {"127.0.0.1", "localhost", "::1"}:
        say("This hub listens beyond this machine without TLS: use a trusted network, or put a TLS proxy before it.")
    serve(settings, arguments.host, arguments.port, announce)
    return DONE


def _pair(settings: HubSettings, arguments: argparse.Namespace) -> int:
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


def _keys(settings: HubSettings, arguments: argparse.Namespace) -> int:
    hub = Hub(settings)
    try:
        if arguments.key_action == "create":
            return _create(hub, arguments)
        if arguments.key_action == "list":
            return _list(hub, arguments)
        hub.keys.revoke(arguments.key)
        if arguments.json:
            emit({"key": arguments.key, "revoked": True})
        else:
            tell(f"{arguments.key} is revoked")
        return DONE
    finally:
        hub.close()


def _create(hub: Hub, arguments: argparse.Namespace) -> int:
    made = hub.keys.create(arguments.name, arguments.scope, arguments.server)
    if arguments.json:
        emit(asdict(made))
    else:
        tell(f"key:    {made.key}\nsecret: {made.secret}")
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
