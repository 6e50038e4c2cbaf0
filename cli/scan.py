"""``quartermaster scan``: which model files stand below a folder, and which of them would not be published, and why."""

import argparse
import os
import time

from ..extension.inventory.completeness import require_whole
from ..extension.inventory.discover import discover
from ..extension.inventory.errors import FileError
from ..extension.inventory.kinds import kind_of
from ..extension.inventory.roots import RootError, exclusion
from ..extension.inventory.scan import FileStat, scan_root
from ..extension.inventory.settle import DOWNLOADING, EMPTY, LOCAL_SECONDS, NETWORK_SECONDS, SETTLING
from ..extension.inventory.watch_survey import choices_for
from .folders import folder_name
from .output import DONE, CommandError, emit, say, tell
from .progress import size


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "folder", metavar="DIR", type=folder_name, help="a web UI's folder, its models folder, or any folder"
    )
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out what matches this glob pattern, e.g. '*.ckpt' or 'private'; repeatable",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help='a line of JSON per file; "unpublished" says why an agent would wait, or null',
    )


def execute(options: argparse.Namespace) -> int:
    """Print each file with its type and size; of safetensors the header is read, of others nothing.

    Files that an agent would list but not publish yet are marked; what it would pass over altogether goes to stderr.

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
    choices = choices_for(found.roots)
    count = total = unpublished = 0
    for root in found.roots:
        result = scan_root(root.path, excludes=(*root.excludes, *options.exclude))
        for problem in sorted(result.problems, key=lambda problem: problem.path):
            say(f"passed over: {problem.path}: {problem.what}")
        settle_seconds = NETWORK_SECONDS if choices[root.path].network else LOCAL_SECONDS
        for relative, status in sorted(result.files.items()):
            path, kind = f"{root.label}/{relative}", kind_of(root, relative)
            why = why_unpublished(os.path.join(root.path, *relative.split("/")), status, settle_seconds)
            count, total, unpublished = count + 1, total + status.size, unpublished + (why is not None)
            if options.json:
                row = {"path": path, "type": kind, "size": status.size, "mtime_ns": status.mtime_ns}
                emit({**row, "unpublished": why})
            else:
                tell(f"{kind:16} {status.size:>15,}  {path}" + (f"  (not published: {why})" if why else ""))
    some = f", {unpublished} of them not to be published yet" if unpublished else ""
    say(f"{count} model files, {size(total)}, in {found.layout} layout below {options.folder}{some}")
    return DONE


def why_unpublished(path: str, found: FileStat, settle_seconds: float) -> str | None:
    """Return why an agent would not publish a file now, as it would say it itself, or None."""
    if found.size == 0:
        return EMPTY
    if found.busy:
        return DOWNLOADING
    if time.time_ns() - found.mtime_ns < settle_seconds * 1e9:
        return SETTLING
    try:
        require_whole(path)
    except FileError as error:
        return error.reason
    return None
