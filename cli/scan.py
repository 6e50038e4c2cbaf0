"""``quartermaster scan``: which model files stand below a folder, and what an inventory would pass over."""

import argparse

from ..extension.inventory.discover import discover
from ..extension.inventory.kinds import kind_of
from ..extension.inventory.roots import RootError, exclusion
from ..extension.inventory.scan import scan_root
from .output import DONE, CommandError, emit, say, tell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", metavar="DIR", help="a web UI's folder, its models folder, or any folder")
    parser.add_argument("--exclude", metavar="PATTERN", action="append", default=[], help="leave out what matches")
    parser.add_argument("--json", action="store_true", help="a line of JSON per file")


def execute(options: argparse.Namespace) -> int:
    """Print each file with its type and size, reading none; problems go to stderr.

    Raises:
        CommandError: the folder cannot be listed.
    """
    try:
        found = discover(options.folder)
    except RootError as error:
        raise CommandError(str(error).replace("--models ", "", 1)) from None
    exclusion(tuple(options.exclude))  # a pattern that is none fails here, before anything is printed
    for note in found.notes:
        say(note)
    files = size = 0
    for root in found.roots:
        result = scan_root(root.path, excludes=(*root.excludes, *options.exclude))
        for problem in result.problems:
            say(f"passed over: {problem.path}: {problem.what}")
        for relative, status in sorted(result.files.items()):
            files, size = files + 1, size + status.size
            path, kind = f"{root.label}/{relative}", kind_of(root, relative)
            if options.json:
                emit({"path": path, "type": kind, "size": status.size, "mtime_ns": status.mtime_ns})
            else:
                tell(f"{kind:16} {status.size:>15,}  {path}")
    say(f"{files} model files, {size / 1e9:,.1f} GB, in {found.layout} layout below {options.folder}")
    return DONE
