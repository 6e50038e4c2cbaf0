"""The facts of this machine that ``watch_method`` decides by: mounts, links, inotify's limits, numbers of folders.

Nothing here touches a file system that is polled: an NFS server that is gone would hold the thread for minutes.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .mounts import Mount, read_mounts
from .roots import Root, exclusion
from .watch_method import Choice, WatchLimits, choose

_MAX_LINKS = 40
"""As many links as Linux follows in one path (``path_resolution(7)``)."""


def choices_for(roots: Sequence[Root]) -> dict[str, Choice]:
    """Return how to watch each root, by its path."""
    mounts, limits = read_mounts(), read_limits()
    choices = {}
    for root in roots:
        place = resolve(root.path, mounts)
        choice = choose(place, mounts, sys.platform)
        if choice.method == "native" and limits.max_user_watches is not None:
            limits = replace(limits, folders=count_folders(root, limits.max_user_watches))
            choice = choose(place, mounts, sys.platform, limits)
            if choice.method == "native":
                taken = limits.watches_taken + limits.folders
                limits = replace(limits, watches_taken=taken, instances_taken=limits.instances_taken + 1)
        choices[root.path] = choice
    return choices


def choice_for(path: str) -> Choice:
    """Return how to watch one absolute path, inotify's limits aside."""
    mounts = read_mounts()
    return choose(resolve(path, mounts), mounts, sys.platform)


def read_limits() -> WatchLimits:
    """Return inotify's limits of this machine (none off Linux)."""
    return WatchLimits(_read_sysctl("max_user_watches"), _read_sysctl("max_user_instances"))


def _read_sysctl(name: str) -> int | None:
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return None


def resolve(path: str, mounts: Sequence[Mount], platform: str = sys.platform) -> str:
    """Return an absolute path with its links resolved as far as they lie on file systems with native events.

    The walk ends at the first part that lies on one that is polled, so that nothing there is asked.
    """
    resolved = Path(path)
    for _ in range(_MAX_LINKS):
        link = next((p for p in (*reversed(resolved.parents), resolved) if _is_link(p, mounts, platform)), None)
        if link is None:
            break
        target = link.parent / os.readlink(link)
        resolved = Path(os.path.normpath(target), *resolved.parts[len(link.parts) :])
    return str(resolved)


def _is_link(path: Path, mounts: Sequence[Mount], platform: str) -> bool:
    return choose(str(path), mounts, platform).method == "native" and path.is_symlink()


def count_folders(root: Root, enough: int) -> int:
    """Return how many folders a root has, itself included; stops counting beyond ``enough``."""
    excluded = exclusion(root.excludes)
    waiting, count = [("", root.path)], 0
    while waiting and count <= enough:
        prefix, folder = waiting.pop()
        count += 1
        try:
            with os.scandir(folder) as entries:
                below = [(f"{prefix}{e.name}", e.path) for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        waiting += [(f"{name}/", path) for name, path in below if not (excluded and excluded.match(name))]
    return count
