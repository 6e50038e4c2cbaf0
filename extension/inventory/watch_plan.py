"""Which real folders must be watched so that changes in some roots are seen, links included.

No operating system's events follow links. So a root's real folder and the targets of the links to folders within it
are watched, and what happens there is translated back into the path that the root shows it under.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .mounts import Mount
from .roots import Root, exclusion
from .watch_method import choose
from .watch_survey import resolve


@dataclass(frozen=True)
class View:
    """What lies below the real folder ``real`` appears in ``root`` below ``shown``."""

    root: Root
    real: str
    shown: str
    link: str = ""
    """Where the link that leads to ``real`` itself lies, its folder resolved; empty for the root's own view."""

    def translate(self, path: str) -> str | None:
        """Return the path under which the root shows a real one; None where it does not, or excludes it."""
        if not is_within(path, self.real):
            return None
        shown = self.shown + path[len(self.real.rstrip(os.sep)) :]
        relative = shown[len(self.root.path) :].lstrip(os.sep).replace(os.sep, "/")
        excluded = exclusion(self.root.excludes)
        return None if excluded and excluded.match(relative) else shown


@dataclass(frozen=True)
class Plan:
    """Views of native roots; ``polled`` are those that lead into file systems that send no events."""

    views: tuple[View, ...] = ()
    polled: tuple[View, ...] = ()

    def folders(self) -> tuple[str, ...]:
        """Return the real folders to watch, with all beneath them: none lies within another."""
        outermost: list[str] = []
        for real in sorted({view.real for view in self.views}, key=lambda real: (len(real), real)):
            if not any(is_within(real, outer) for outer in outermost):
                outermost.append(real)
        return tuple(outermost)

    def roots_in(self, folder: str) -> tuple[Root, ...]:
        """Return the roots that show something at or below a real folder that is watched."""
        return tuple(dict.fromkeys(view.root for view in self.views if is_within(view.real, folder)))

    def links(self) -> frozenset[str]:
        """Return the real paths of the links within roots that the plan follows."""
        return frozenset(view.link for view in (*self.views, *self.polled) if view.link)


def make_plan(roots: Iterable[Root], mounts: Sequence[Mount], platform: str = sys.platform) -> Plan:
    """Return the plan for roots that are watched natively; those that do not exist (yet) have no view."""
    views: list[View] = []
    polled: list[View] = []
    for root in roots:
        real = resolve(root.path, mounts, platform)
        if os.path.isdir(real):
            views.append(View(root, real, root.path))
            for link in _links(root, real, lambda path: resolve(path, mounts, platform)):
                if choose(link.real, mounts, platform).method == "polling":
                    polled.append(link)
                elif os.path.isdir(link.real):
                    views.append(link)
    return Plan(tuple(views), tuple(polled))


def _links(root: Root, real: str, follow: Callable[[str], str]) -> Iterator[View]:
    """Yield a view for each link within a root, and within the folders linked from it, each walked once."""
    excluded = exclusion(root.excludes)
    waiting, walked = [(real, "")], {real}
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = [(entry, f"{prefix}{entry.name}") for entry in entries if _may_lead_on(entry)]
        except OSError:
            continue  # not readable or just gone: the scan says so, and what cannot be listed cannot be watched
        for entry, relative in found:
            if excluded and excluded.match(relative):
                continue
            target = entry.path
            if not entry.is_dir(follow_symlinks=False) or _is_junction(entry):
                target = follow(entry.path)
                yield View(root, target, os.path.join(root.path, *relative.split("/")), entry.path)
            if target not in walked:
                walked.add(target)
                waiting.append((target, f"{relative}/"))


def _may_lead_on(entry: "os.DirEntry[str]") -> bool:
    return entry.is_symlink() or entry.is_dir(follow_symlinks=False)


def _is_junction(entry: "os.DirEntry[str]") -> bool:
    check = getattr(entry, "is_junction", None)  # Python 3.12 and newer; older ones take a junction for a folder
    return bool(check and check())


def is_within(path: str, folder: str) -> bool:
    """Say whether a path is a folder or lies beneath it; both are absolute and written alike."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)
