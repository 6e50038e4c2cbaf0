"""``quartermaster hub audit``: what was changed, and by whom."""

import argparse
from typing import Any

from ..hub.services import Hub
from ..hub.settings import HubSettings
from ..hub.trust.audit import AuditQuestion
from .hub_options import add_common_arguments
from .output import DONE, emit, tell

_PAGE = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--action", dest="only_action", metavar="NAME", help="only this, such as key_created")
    parser.add_argument("--key", metavar="KEY", help="only what this key did")
    parser.add_argument("--subject", metavar="NAME", help="only what was done to this key, server or model")
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many (default: 100)")
    add_common_arguments(parser)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a number from 1 to 1000000")
    return int(text)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Print the changes, the newest first."""
    hub = Hub(settings)
    try:
        left, cursor = arguments.limit, None
        while left:
            question = AuditQuestion(arguments.only_action, arguments.key, arguments.subject, min(left, _PAGE), cursor)
            page = hub.audit.page(question)
            for entry in page["entries"]:
                _show(entry, arguments.json)
            left -= len(page["entries"])
            cursor = page["next_cursor"]
            if cursor is None:
                break
    finally:
        hub.close()
    return DONE


def _show(entry: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(entry)
        return
    by = entry["by"]
    who = f"{by['kind']} {by['name']}" + (f" ({by['key']})" if by["key"] else "")
    details = ", ".join(f"{name}: {value}" for name, value in entry["details"].items() if value is not None)
    tell("\t".join([entry["at"], who, entry["action"], entry["subject"] or "-", details]))
