"""The arguments that name folders: where the models are, and where our own data is."""

import argparse
from pathlib import Path

from ..extension.inventory.roots import RootError, parse_root
from ..extension.paths import HomeUnknownError, data_home
from .output import CommandError


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--models``, ``--root``, ``--exclude`` and ``--never-share``."""
    group = parser.add_argument_group("models")
    group.add_argument(
        "--models",
        metavar="DIR",
        type=folder_name,
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


def folder_name(text: str) -> str:
    """Return the name of a folder as given; for argparse, which reports one that names nothing."""
    if not text.strip():  # a shell variable that is not set would stand for the working directory
        raise argparse.ArgumentTypeError("names no folder")
    return text


def file_path(text: str) -> Path:
    """Return the path of a file, absolute; for argparse, which reports one that names nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("names no file")
    return Path(text).expanduser().absolute()


def named_roots_of(options: argparse.Namespace) -> tuple[tuple[str | None, str], ...]:
    """Return the roots of ``--root``.

    Raises:
        CommandError: one is not of the form KIND=PATH.
    """
    try:
        return tuple(parse_root(argument) for argument in options.root)
    except RootError as error:
        raise CommandError(str(error)) from None


def add_data_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--data``, the folder where ``what`` is kept."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=folder_name,
        help=f"the folder of {what} (default: $QUARTERMASTER_HOME, or quartermaster in the user's data folder)",
    )


def home_of(options: argparse.Namespace) -> Path:
    """Return our data folder, absolute: that of ``--data``, else the user's.

    Raises:
        CommandError: nothing tells which it is.
    """
    try:
        return Path(options.data).expanduser().absolute() if options.data else data_home()
    except (HomeUnknownError, RuntimeError) as error:  # the latter: "~nobody"
        raise CommandError(f"{error}") from None
