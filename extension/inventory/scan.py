"""Finds the model files below one root, with what the operating system says of each; reads no file.

Links are followed, and each folder is entered once: real folders first, then linked ones, so that a loop of links ends
and a linked folder's files are listed under their real place where that is below the same root. Two links to one
*file* are two paths.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .kinds import MODEL_SUFFIXES
from .problems import Problem, shown
from .roots import exclusion

SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", "@eadir", "#recycle", "$recycle.bin", "lost+found",
     "system volume information", ".trash", ".trashes"}
)  # fmt: skip
"""Folders of other programs, in lower case: version control, caches, trash cans, NAS indexes."""

LONGEST_NAME_BYTES = 254
"""A name of 255 bytes leaves no room for any partial, preview or sidecar name beside it."""


LARGEST_INODE = 0x7FFF_FFFF_FFFF_FFFF
"""Some file systems use all 64 bits, the index has 63."""

UNSURE_NS = -1
"""Stands for a change time that proves nothing: it equals no other, not even itself."""

_TICK_NS = 20_000_000
"""Kernels stamp files with a clock of up to 10 ms per tick: what is changed twice within one has one change time."""
_COARSE_TICK_NS = 2_100_000_000
"""The same where stamps are whole seconds, or two."""


class FileStat(NamedTuple):
    """What the operating system says of one file; links are followed.

    ``device`` changes across reboots and remounts: it counts only within one scan. ``changed_ns`` is the inode's
    change time (0 where the platform has none, ``UNSURE_NS`` where it was so recent when the file was looked at that
    another change may get the same). ``busy`` says that a downloader's control file stands beside it.
    """

    size: int
    mtime_ns: int
    inode: int
    device: int
    changed_ns: int
    busy: bool


@dataclass
class ScanResult:
    """What stands below a root.

    ``files`` maps relative POSIX paths to their stat. ``unreadable`` holds the relative folders (``""``: the root
    itself) whose content could not be listed, so that nothing can be said about files known to be in them.
    ``volumes`` holds the relative folders at which another file system begins. ``linked`` says that links to folders
    were followed, on the way to where the scan began too. ``gone`` says why the root itself cannot be listed, or is
    None.
    """

    files: dict[str, FileStat] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    folders: int = 0
    linked: bool = False
    gone: str | None = None


def scan_root(
    path: str,
    *,
    excludes: tuple[str, ...] = (),
    below: str = "",
    stopped: Callable[[], bool] = lambda: False,
) -> ScanResult:
    """List the model files below a root, or below its sub-folder ``below``.

    Args:
        path: the root, absolute.
        excludes: glob patterns, see ``roots.exclusion``; what matches is not listed.
        below: relative POSIX path of the only sub-folder to list; ``""`` lists all.
        stopped: asked once a folder; when it says True, the scan ends with the root reported as gone.
    """
    result = ScanResult()
    walk = _Walk(path, excludes, result)
    try:
        walk.begin(below)
    except OSError as error:
        result.gone = f"{shown(path)}: {error.strerror or error}"
        result.unreadable.add(below)
        return result
    while walk.step():
        if stopped():
            result.gone = "the scan was stopped"
            result.unreadable.add(below)
            return result
    if below in result.unreadable and not below:
        result.gone = result.problems[-1].what if result.problems else "it cannot be listed"
    return result


class _Walk:
    """One scan under way: the folders still to enter and those entered already."""

    def __init__(self, path: str, excludes: tuple[str, ...], result: ScanResult) -> None:
        self.path = path
        self.exclusion = exclusion(excludes)
        self.result = result
        self.entered: set[tuple[int, int]] = set()
        self.folders: list[tuple[str, str, int]] = []
        self.links: list[tuple[str, str, int]] = []

    def begin(self, below: str) -> None:
        """Enter the first folder.

        Raises:
            OSError: it cannot be reached.
        """
        start = os.path.join(self.path, *below.split("/")) if below else self.path
        real = os.path.realpath(start)
        status = os.stat(real)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(20, "it is not a folder")
        if below:
            self.result.linked = real != os.path.join(os.path.realpath(self.path), *below.split("/"))
        # A linked folder is a volume of its own where it is another than that of the folder with the link.
        parent = os.stat(os.path.dirname(start if below else real))
        self.folders.append((start, below, parent.st_dev))

    def step(self) -> bool:
        """List one folder; return False when none is left. A linked folder waits until all real ones are done."""
        if self.folders:
            place, relative, parent_device = self.folders.pop()
        elif self.links:
            self.links.sort(reverse=True)
            place, relative, parent_device = self.links.pop()
            self.result.linked = True
        else:
            return False
        try:
            status = os.stat(place)
            identity = (status.st_dev, status.st_ino)
            if identity in self.entered:
                return True
            self.entered.add(identity)
            with os.scandir(place) as entries:
                listed = list(entries)
        except OSError as error:
            self.result.unreadable.add(relative)
            self.problem(place, f"this folder cannot be read ({error.strerror or error})")
            return True
        self.result.folders += 1
        if status.st_dev != parent_device:
            self.result.volumes.add(relative)
        self.take(listed, relative, status.st_dev)
        return True

    def take(self, listed: Iterable["os.DirEntry[str]"], relative: str, device: int) -> None:
        """Sort one folder's entries into model files, folders, and things to report."""
        prefix = relative + "/" if relative else ""
        downloading: set[str] = set()
        files = self.result.files
        found: list[tuple[str, os.DirEntry[str]]] = []
        for entry in listed:
            name = entry.name
            suffix = os.path.splitext(name)[1].lower()
            if suffix in MODEL_SUFFIXES:
                found.append((name, entry))
            elif suffix == ".aria2":
                downloading.add(name[:-6])
            else:
                self.folder(entry, prefix, device)
        for name, entry in found:
            status = self.file_stat(entry, prefix, device)
            if status is not None and self.name_is_fit(entry) and not self.excluded(prefix + name):
                files[prefix + name] = _file_stat(status, name in downloading)

    def folder(self, entry: "os.DirEntry[str]", prefix: str, device: int) -> None:
        """Remember a folder, or a link to one, for later; anything else is none of ours."""
        try:
            if entry.is_dir(follow_symlinks=False):
                target = self.folders
            elif not entry.is_symlink():
                return
            elif entry.is_dir() or (not os.path.splitext(entry.name)[1] and not os.path.exists(entry.path)):
                target = self.links  # a link that leads nowhere may have led to a folder that is unmounted now
            else:
                return
        except OSError as error:
            self.problem(entry.path, f"it cannot be looked at ({error.strerror or error})")
            return
        name = entry.name
        if name.lower() in SKIPPED_FOLDERS or self.excluded(prefix + name):
            return
        if self.name_is_fit(entry):
            target.append((entry.path, prefix + name, device))

    def file_stat(self, entry: "os.DirEntry[str]", prefix: str, device: int) -> os.stat_result | None:
        """Return the stat of what has a model's name, or None: a folder, a link to nowhere, a socket, a FIFO."""
        try:
            status = os.stat(entry.path) if os.name == "nt" else entry.stat()
        except OSError as error:
            what = (
                "it is a link that leads nowhere"
                if entry.is_symlink()
                else f"it cannot be looked at ({error.strerror})"
            )
            self.problem(entry.path, what)
            if entry.is_symlink() and _is_unmounted(entry.path):
                self.result.unreadable.add(prefix + entry.name)
            return None
        if stat.S_ISREG(status.st_mode):
            return status
        if stat.S_ISDIR(status.st_mode):
            self.folder(entry, prefix, device)
        else:
            self.problem(entry.path, "it is not a regular file (a socket, a FIFO or a device)")
        return None

    def name_is_fit(self, entry: "os.DirEntry[str]") -> bool:
        """Tell whether a name can be published; report one that cannot."""
        name = entry.name
        if name.isascii() and name.isprintable() and len(name) <= LONGEST_NAME_BYTES and "\\" not in name:
            return True
        try:
            length = len(name.encode("utf-8"))
        except UnicodeEncodeError:
            self.problem(entry.path, "its name is not UTF-8; rename it")
            return False
        if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name):
            self.problem(entry.path, "its name holds a line break or another control character; rename it")
        elif length > LONGEST_NAME_BYTES:
            self.problem(entry.path, "its name is 255 bytes long, so no preview or sidecar fits beside it; shorten it")
        elif "\\" in name:
            self.problem(entry.path, "its name holds a backslash, which is a separator elsewhere; rename it")
        else:
            return True
        return False

    def excluded(self, relative: str) -> bool:
        return self.exclusion is not None and self.exclusion.match(relative) is not None

    def problem(self, path: str, what: str) -> None:
        self.result.problems.append(Problem(shown(path), what))


def _file_stat(status: os.stat_result, busy: bool) -> FileStat:
    changed_ns = 0 if os.name == "nt" else _sure(status.st_ctime_ns)
    inode = status.st_ino & LARGEST_INODE
    return FileStat(status.st_size, status.st_mtime_ns, inode, status.st_dev, changed_ns, busy)


def _sure(changed_ns: int) -> int:
    """Return a change time, or ``UNSURE_NS`` where it is so recent that the next change may have the same."""
    tick_ns = _TICK_NS if changed_ns % 1_000_000_000 else _COARSE_TICK_NS
    return UNSURE_NS if -tick_ns < time.time_ns() - changed_ns < tick_ns else changed_ns


def _is_unmounted(link: str) -> bool:
    """Tell whether a file link leads nowhere because its whole target folder is away, not just the file."""
    try:
        return not os.listdir(os.path.dirname(os.path.realpath(link)))
    except OSError:
        return True


def stat_file(path: str) -> FileStat | None:
    """Return the stat of one model file, or None where there is no regular file (any more)."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _file_stat(status, os.path.lexists(path + ".aria2")) if stat.S_ISREG(status.st_mode) else None
