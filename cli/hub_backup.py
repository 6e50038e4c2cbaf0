"""``quartermaster hub backup``: a copy of a hub's database, made while the hub runs or not."""

import argparse

from ..hub.settings import HubSettings
from ..hub.storage.backups import Backups
from ..hub.storage.inspection import inspect_database
from .folders import file_path
from .hub_options import add_common_arguments
from .output import DONE, NO, CommandError, emit, tell
from .progress import AmountLine, size


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--to", type=file_path, metavar="FILE", help="a new file (default: a dated one in the data folder's backups)"
    )
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Back the database up and say where to."""
    revision = inspect_database(settings).revision
    if revision is None:
        raise CommandError(f"there is no hub's database yet: {settings.describe_database()}", NO)
    with AmountLine("backed up") as line:
        made = Backups(settings).make(revision, arguments.to, line.show)
    if arguments.json:
        emit({"file": str(made.path), "size": made.size_bytes, "migration": made.revision})
    else:
        tell(f"{made.path}  ({size(made.size_bytes)}, migration {made.revision})")
    return DONE
