"""``quartermaster availability HASH…``: ask a hub which servers have a model, by hash or with ``--by-name`` by name.

Exit codes: 0 every model is available; 1 at least one is not (stale, offline, downloadable, unavailable, ambiguous or
unknown); 2 a malformed hash, or a bad address or key; 3 the hub could not be reached.
"""

import argparse

from ..hub_client import AVAILABLE, Availability, model_hash
from .connection import configure_hub, hub_of
from .output import DONE, NO, CommandError, emit, tell

HELP = "ask a hub which servers have a model"

SHOWN_CANDIDATES = 5
"""How many models an ambiguous hash may mean are named to a person; ``--json`` has them all."""

_EPILOG = """\
exit codes:
  0  every model is available
  1  at least one is not: stale, offline, downloadable, unavailable, ambiguous, unknown
  2  wrong use: a malformed hash, a bad address, a key that the hub does not know
  3  the hub could not be reached
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("hashes", metavar="HASH", nargs="+", help="an AutoV2, AutoV3 or SHA-256, in any case")
    parser.add_argument(
        "--by-name",
        action="store_true",
        help="each HASH is a file's name or path, a checkpoint title, or <lora:name:1>",
    )
    configure_hub(parser)
    parser.add_argument("--json", action="store_true", help="the hub's own answers, one JSON object per line")


def execute(arguments: argparse.Namespace) -> int:
    """Print one answer per hash, in the order given, and return the exit code.

    Raises:
        CommandError: a hash is malformed (nothing is asked then), or the hub cannot be asked.
    """
    try:
        for text in () if arguments.by_name else arguments.hashes:
            model_hash(text)
    except ValueError as error:
        raise CommandError(str(error)) from error
    code = DONE
    with hub_of(arguments) as hub:
        ask = hub.find if arguments.by_name else hub.availabilities
        for answer in ask(arguments.hashes):
            if answer.status != AVAILABLE:
                code = NO
            if arguments.json:
                emit(dict(answer.wire) if arguments.by_name else {**answer.wire, "hash": answer.hash})
            else:
                tell(line_for(answer))
    return code


def line_for(answer: Availability) -> str:
    """Return an answer as one line: hash, name, status, and per server its state and the paths there."""
    name = (answer.model or {}).get("name")
    parts = [answer.hash, name if isinstance(name, str) and name else "-", answer.status]
    for server in answer.servers:
        state = "" if server.state == "present" else f" ({server.state})"
        parts.append(f"{server.server_id}{state}: {', '.join(server.paths)}")
    if answer.candidates:
        named = [str(model.get("sha256") or model.get("name")) for model in answer.candidates]
        more = f" and {len(named) - SHOWN_CANDIDATES} more" if len(named) > SHOWN_CANDIDATES else ""
        parts.append("may be " + ", ".join(named[:SHOWN_CANDIDATES]) + more)
    return "  ".join(part.replace("\t", "\\t") for part in parts)
