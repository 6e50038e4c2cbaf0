"""The arguments that say where models are, shared by the commands that look at disks."""

import argparse

from ..extension.inventory.roots import RootError, parse_root
from .output import CommandError


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--models``, ``--root``, ``--exclude`` and ``--never-share``."""
    group = parser.add_argument_group("models")
    group.add_argument(
        "--models",
        metavar="DIR",
        type=_folder,
        help="a web UI's folder (A1111, Forge, ComfyUI, Stability Matrix), its models folder, or any folder",
    )
    group.add_argument(
        "--root",
        metavar="KIND=PATH",
        action="append",
        default=[],
        help="one folder of models of one kind (LORA=/data/loras; auto=… lets folder names decide); repeatable",
    )
    group.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out what matches this glob pattern, e.g. '*.ckpt' or 'private'; repeatable",
    )
    group.add_argument(
        "--never-share",
        metavar="DIR",
        action="append",
        default=[],
        help="list the models of this folder, but never copy them to another server; repeatable",
    )


def _folder(text: str) -> str:
    if not text.strip():  # a shell variable that is not set would stand for the working directory
        raise argparse.ArgumentTypeError("names no folder")
    return text


def named_roots_of(options: argparse.Namespace) -> tuple[tuple[str | None, str], ...]:
    """Return the roots of ``--root``.

    Raises:
        CommandError: one is not of the form KIND=PATH.
    """
    try:
        return tuple(parse_root(argument) for argument in options.root)
    except RootError as error:
        raise CommandError(str(error)) from None
