"""``quartermaster correct --from FILE``: corrections from a CSV file, a JSON list, or what an earlier run left to undo.

A CSV file has a line of names (``hash``, ``base_model``, ``type``, ``note``) and a line per model; an empty base model
and type take a correction back. JSON is a list of such objects, or ``{"items": […]}`` as the hub answers it in
``undo``.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..hub_client import HubClient, InvalidRequestError
from .connection import hub_of
from .output import DONE, NO, CommandError, emit, say, tell

MOST_AT_ONCE = 1_000
MAX_FILE_BYTES = 64 * 1024 * 1024
NAMES = ("hash", "base_model", "type", "note")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for many corrections."""
    parser.add_argument(
        "--from", dest="file", type=Path, metavar="FILE", help="corrections of many models, as CSV or JSON"
    )
    parser.add_argument("--dry-run", action="store_true", help="with --from: say what would be, change nothing")
    parser.add_argument("--keep-going", action="store_true", help="with --from: leave out what cannot be done")
    parser.add_argument("--undo-to", type=Path, metavar="FILE", help="with --from: a new file for what takes it back")


def refuse_options(arguments: argparse.Namespace) -> None:
    """Raise CommandError where an option is given that means something with ``--from`` alone."""
    if arguments.dry_run or arguments.keep_going or arguments.undo_to is not None:
        raise CommandError("--dry-run, --keep-going and --undo-to go with --from FILE")


def execute(arguments: argparse.Namespace) -> int:
    """Correct what the file says, up to 1,000 models in a transaction, and print what came of each.

    Raises:
        CommandError: the file or the arguments make no sense, or the hub cannot or will not.
    """
    alone = ("base_model", "type", "note")
    if arguments.hashes or arguments.clear or any(getattr(arguments, name) is not None for name in alone):
        raise CommandError("--from FILE goes without hashes and without --base-model, --type, --note and --clear")
    items = read_items(arguments.file)
    undo_to = arguments.undo_to
    if undo_to is not None and undo_to.exists():
        raise CommandError(f"{undo_to} exists already; name a new file for --undo-to")
    undo: list[Any] = []
    refused = 0
    with hub_of(arguments) as hub:
        for start in range(0, len(items), MOST_AT_ONCE):
            answer = _correct(hub, items[start : start + MOST_AT_ONCE], arguments)
            refused += sum(not result.get("success") for result in answer["results"])
            undo += answer.get("undo", {"items": []})["items"]
            if undo_to is not None and not arguments.dry_run:  # after each part: a later one may fail
                undo_to.write_text(json.dumps({"items": undo}), encoding="ascii")
            for result in answer["results"]:
                _show(result, arguments.json)
            if refused and not arguments.keep_going:
                say(f"Nothing of these {len(answer['results'])} was changed; --keep-going does the others.")
                return NO
    say(f"{len(items) - refused} corrected{' (dry run)' if arguments.dry_run else ''}, {refused} refused")
    return NO if refused else DONE


def _correct(hub: HubClient, items: list[dict[str, Any]], arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        return hub.override_many(items, dry_run=arguments.dry_run, all_or_nothing=not arguments.keep_going)
    except InvalidRequestError as error:
        failed = error.details.get("failed")
        if error.code != "bulk_refused" or not isinstance(failed, list):
            raise
        return {"results": [each for each in failed if isinstance(each, dict)]}


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit({name: result.get(name) for name in ("hash", "success", "override", "error", "message")})
        return
    if not result.get("success"):
        tell(f"{result.get('hash')}  refused: {result.get('message')}")
        return
    held = result.get("override") or {}
    parts = [
        f"{word} {held[name]}" for name, word in (("base_model", "base model"), ("type", "type")) if held.get(name)
    ]
    tell(f"{result.get('hash')}  {', '.join(parts) or 'not corrected'}")


def read_items(path: Path) -> list[dict[str, Any]]:
    """Return the corrections in a file.

    Raises:
        CommandError: it cannot be read, or holds none; the message names the line.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CommandError(f"{path} is longer than {MAX_FILE_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    if not text.strip():
        raise CommandError(f"{path} holds no corrections")
    items = list(_from_json(text, path) if text.lstrip()[:1] in {"[", "{"} else _from_csv(text, path))
    if not items:
        raise CommandError(f"{path} holds no corrections")
    return items


def _from_json(text: str, path: Path) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} holds no JSON: {error}") from error
    value = value.get("items") if isinstance(value, dict) else value
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CommandError(f"{path} must hold a list of objects, or an object with such a list as items")
    for number, item in enumerate(value):
        unknown = item.keys() - set(NAMES)
        if unknown or not isinstance(item.get("hash"), str):
            raise CommandError(f"{path}: item {number} must have a hash, and of {', '.join(NAMES)} what it corrects")
        yield item


def _from_csv(text: str, path: Path) -> Iterator[dict[str, Any]]:
    rows = csv.DictReader(text.splitlines())
    names = [name.strip() for name in rows.fieldnames or ()]
    if "hash" not in names or set(names) - set(NAMES):
        raise CommandError(f"{path}: the first line must name the columns: hash, and any of base_model, type, note")
    rows.fieldnames = names
    try:
        for row in rows:
            if None in row or any(value is None for value in row.values()):
                raise CommandError(f"{path}, line {rows.line_num}: as many values as the first line has names")
            yield {name: value.strip() or None for name, value in row.items()}
    except csv.Error as error:
        raise CommandError(f"{path}, line {rows.line_num}: {error}") from error
