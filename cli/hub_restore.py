"""``quartermaster hub restore``: a backup in the place of a hub's database."""

import argparse

from ..hub.settings import HubSettings
from ..hub.storage.inspection import inspect_database
from ..hub.storage.restoring import restore
from .folders import file_path
from .hub_options import add_common_arguments
from .output import DONE, command_line, emit, say, tell
from .progress import AmountLine


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=file_path, metavar="FILE", help="a file that `hub backup` or a migration made")
    add_common_arguments(parser)


def execute(settings: HubSettings, arguments: argparse.Namespace) -> int:
    """Restore the backup and say how to undo that."""
    with AmountLine("copied") as line:
        done = restore(settings, arguments.file, line.show)
    waiting = [each.revision for each in inspect_database(settings).missing]
    if arguments.json:
        undo = None if done.undo is None else str(done.undo)
        emit({"restored": str(arguments.file), "migration": done.revision, "undo": undo, "missing": waiting})
        return DONE
    tell(f"{settings.describe_database()} is as in {arguments.file}, at migration {done.revision}")
    if done.undo is not None:
        data = ["--data", arguments.data] if arguments.data else []
        say(f"What was there before is kept. To undo: {command_line('hub', 'restore', str(done.undo), *data)}")
    if waiting:
        say(f"The next start of a hub migrates it ({', '.join(waiting)}).")
    return DONE
