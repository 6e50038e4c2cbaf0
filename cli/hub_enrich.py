"""``quartermaster hub enrich``: how far the look-ups of models on Civitai are; switch them, start them, do them here.

Exit codes: 0 done; 1 with ``--now``, the service could not be asked for all that was due.
"""

import argparse
from typing import Any

from ..hub.keys import ADMIN, Caller
from ..hub.services import Hub
from ..hub.settings import HubSettings
from .hub_options import add_common_arguments
from .output import DONE, NO, emit, say, tell

THIS_MACHINE = Caller("", ADMIN, None)
"""Who may open the database needs no key."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--on", action="store_true", help="look models up from now on; Civitai learns their hashes")
    switch.add_argument("--off", action="store_true", help="look none up any more")
    switch.add_argument("--as-set", action="store_true", help="do as $QUARTERMASTER_CIVITAI says again")
    parser.add_argument(
        "--retry", choices=("errors", "not_found", "all"), help="ask again for these, before all others"
    )
    parser.add_argument("--now", action="store_true", help="do what is due here and now; else the running hub does it")
    parser.add_argument("--status", action="store_true", help="say how far it is (the default)")
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Do what is asked for, then print how it stands."""
    hub = Hub(settings)
    try:
        body: dict[str, Any] = {}
        if arguments.on or arguments.off or arguments.as_set:
            body["enabled"] = None if arguments.as_set else arguments.on
        if arguments.retry:
            body["retry"] = arguments.retry
        if body:
            hub.enrichment.change(body, THIS_MACHINE)
        if arguments.now:
            _do_now(hub)
        status = hub.enrichment.status()
    finally:
        hub.close()
    if arguments.json:
        emit({name: value for name, value in status.items() if name != "success"})
    else:
        _show(status)
    return NO if arguments.now and status["enabled"] and status["trouble"] else DONE


def _do_now(hub: Hub) -> None:
    """Ask until nothing is due; a running hub on the same database asks for others meanwhile, for none twice."""
    try:
        while hub.enrichment.work():
            counts = hub.enrichment.status()["counts"]
            say(f"{counts['asked']} asked, {counts['waiting']} to go")
    except KeyboardInterrupt:
        say("Stopped; what was answered is kept.")


def _show(status: dict[str, Any]) -> None:
    word = "on" if status["enabled"] else "off"
    tell(f"look-ups:  {word} (by {'the settings' if status['enabled_by'] == 'settings' else 'hand'})")
    for name, count in status["counts"].items():
        tell(f"{name.replace('_', ' ') + ':':<11}{count}")
    for name in ("next_at", "paused_until", "trouble", "trouble_since", "last_error", "last_answer_at"):
        if status[name] is not None:
            tell(f"{name.replace('_', ' ')}: {status[name]}")
    for unknown in status["unknown_base_models"]:
        tell(f"unknown base model: {unknown['name']} ({unknown['models']})")
