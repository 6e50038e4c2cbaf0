"""``quartermaster correct HASH…``: say by hand what a model is; the hub keeps that above whatever agents find.

Exit codes: 0 done; 1 the hub does not know a model, or a hash means several; 2 wrong use, or the key may not; 3 the hub
could not be reached. With several hashes those before the one that failed are corrected. ``--from FILE`` corrects many
in one transaction per 1,000, see ``correct_many``.
"""

import argparse

from ..hub_client import HubClient, Override, model_hash
from . import correct_many
from .connection import configure_hub, hub_of
from .output import DONE, CommandError, emit, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("hashes", metavar="HASH", nargs="*", help="an AutoV2, AutoV3 or SHA-256, in any case")
    parser.add_argument("--base-model", metavar="NAME", help="a base model or an ecosystem, by any name of it")
    parser.add_argument("--type", metavar="TYPE", help="a model type: Checkpoint, LORA, VAE, …")
    parser.add_argument("--note", metavar="TEXT", help="why")
    parser.add_argument("--clear", action="store_true", help="take the correction back: what was found holds again")
    correct_many.configure(parser)
    configure_hub(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def execute(arguments: argparse.Namespace) -> int:
    """Correct each model, or take its correction back, and print what then holds.

    Raises:
        CommandError: the arguments make no sense (nothing is asked then), or the hub cannot or will not.
    """
    if arguments.file is not None:
        return correct_many.execute(arguments)
    correct_many.refuse_options(arguments)
    if not arguments.hashes:
        raise CommandError("name a hash, or a file of them with --from")
    corrects = arguments.base_model is not None or arguments.type is not None
    if corrects == arguments.clear or (arguments.clear and arguments.note is not None):
        raise CommandError("give --base-model or --type (or both), or --clear alone")
    try:
        for text in arguments.hashes:
            model_hash(text)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with hub_of(arguments) as hub:
        for text in arguments.hashes:
            held = None
            if arguments.clear:
                hub.clear_override(text)
            else:
                held = _correct(hub, text, arguments)
            if arguments.json:
                emit({"hash": text, "override": None if held is None else dict(held.wire)})
            else:
                tell(f"{text}  {line_for(held)}")
    return DONE


def _correct(hub: HubClient, text: str, arguments: argparse.Namespace) -> Override:
    """Correct what is named; what was corrected before and is not named now stays."""
    before = hub.override_of(text) or Override()
    return hub.override(
        text,
        base_model=before.base_model if arguments.base_model is None else arguments.base_model,
        type=before.type if arguments.type is None else arguments.type,
        note=before.note if arguments.note is None else arguments.note,
    )


def line_for(held: Override | None) -> str:
    """Return what a correction says, as words on one line."""
    if held is None:
        return "not corrected"
    parts = [f"base model {held.base_model}" if held.base_model else "", f"type {held.type}" if held.type else ""]
    line = ", ".join(part for part in parts if part)
    return f"{line} ({held.note})" if held.note else line
