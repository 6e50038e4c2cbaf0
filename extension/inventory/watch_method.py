"""How changes in a folder are noticed: native events where they arrive, polling where they do not.

All of it is pure: the same path, mounts, platform and limits give the same choice; ``watch_survey`` asks the system for
these facts. What is said of a file system: ``inotify(7)`` ("Inotify reports only events that a user-space program
triggers through the filesystem API. As a result, it does not catch remote events that occur on network filesystems."),
and the documentation of the file systems' drivers for inode numbers.
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .mounts import Mount, mount_of
from .roots import Root

Method = Literal["native", "polling"]

_NETWORK = frozenset({
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "afpfs", "webdav", "davfs", "ftp",
    "coda", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs2", "pvfs2", "orangefs",
})  # fmt: skip
_SHARED_BY_HOST = frozenset({"9p", "drvfs", "vboxsf", "vmhgfs", "prl_fs", "virtiofs", "fakeowner", "osxfs"})
_FUSE = frozenset({"fuse", "macfuse", "osxfuse", "fusefs"})
_LOCAL_FUSE = frozenset({
    "mergerfs", "bindfs", "shfs", "unionfs", "unionfs-fuse", "encfs", "gocryptfs", "cryfs", "veracrypt", "dislocker",
    "fuse-overlayfs", "ntfs-3g", "exfat", "apfs-fuse", "zfs-fuse",
})  # fmt: skip
_UNSTABLE_INODES = frozenset({
    "vfat", "msdos", "fat", "fat32", "exfat", "udf", "fuseblk", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs",
    "webdav", "davfs",
})  # fmt: skip
"""File systems that number a file anew at each mount, or whenever it leaves the cache."""

_WATCHES = "fs.inotify.max_user_watches"
_INSTANCES = "fs.inotify.max_user_instances"
_AT_THE_DISK = "Run the agent on the machine that has the disk."
_EVENTS = {"linux": "inotify", "darwin": "FSEvents", "win32": "ReadDirectoryChangesW"}


@dataclass(frozen=True)
class WatchLimits:
    """What inotify allows a user and what this root would need on top of what our other roots take.

    None for a limit: there is none, or the system does not say.
    """

    max_user_watches: int | None = None
    max_user_instances: int | None = None
    folders: int = 0
    watches_taken: int = 0
    instances_taken: int = 0


NO_LIMITS = WatchLimits()


@dataclass(frozen=True)
class Choice:
    """How a root is watched and why; ``remedy`` says what a person could do for native events, if anything.

    ``stable_inodes``: an inode number stays a file's own as long as the file exists, across mounts. ``network``: writes
    of other machines show late here, so a file settles for longer.
    """

    method: Method
    reason: str
    remedy: str | None
    filesystem: str
    stable_inodes: bool
    network: bool


def choose(path: str, mounts: Sequence[Mount], platform: str, limits: WatchLimits = NO_LIMITS) -> Choice:
    """Choose how to watch an absolute path (links resolved by the caller) on a platform (a ``sys.platform``)."""
    if platform == "win32":
        path = _plain(path)
        if path.startswith("\\\\"):
            reason = f"{path} is a network share: it sends no reliable events"
            return Choice("polling", reason, _AT_THE_DISK, "unc", False, True)
    mount = mount_of(path, mounts, platform)
    if mount is None:
        return Choice("polling", f"it is not known which file system {path} is on", None, "unknown", False, False)
    choice = _by_file_system(mount, platform)
    if choice.method == "native" and platform.startswith("linux"):
        return _within_limits(choice, limits)
    return choice


def _plain(path: str) -> str:
    r"""Return a Windows path without the prefix for long names: ``\\?\C:\x`` is ``C:\x``, ``\\?\UNC\s`` is ``\\s``."""
    path = path.replace("/", "\\")
    if path[:4] not in {"\\\\?\\", "\\\\.\\"}:
        return path
    return f"\\\\{path[8:]}" if path[4:8].upper() == "UNC\\" else path[4:]


def _by_file_system(mount: Mount, platform: str) -> Choice:
    name = mount.filesystem
    family, _, driver = name.partition(".")
    events = f"{_EVENTS.get(platform, 'the system')} reports changes on {name or 'a local disk'}"
    native = Choice("native", events, None, name, name not in _UNSTABLE_INODES and family not in _FUSE, False)
    polling = replace(native, method="polling")
    shown = f"{mount.source} on {mount.point}" if mount.source not in {"", mount.point} else mount.point
    if mount.remote:
        reason = f"{shown} is a mapped network drive: it sends no reliable events"
        return replace(polling, reason=reason, remedy=_AT_THE_DISK, stable_inodes=False, network=True)
    if name in _NETWORK:
        reason = f"{shown} is {name}, a network file system: changes made by other machines send no events here"
        return replace(polling, reason=reason, remedy=_AT_THE_DISK, network=True)
    if name in _SHARED_BY_HOST:
        remedy = "Keep the models on a disk of this system itself, or run the agent on the host."
        reason = f"{shown} is {_host_share(mount)}, shared by the host: changes made there send no events here"
        return replace(polling, reason=reason, remedy=remedy, stable_inodes=False, network=True)
    if name == "autofs":
        reason = f"{mount.point} is mounted when it is used (autofs): what will be there is not known"
        return replace(polling, reason=reason, stable_inodes=False, network=True)
    if family in _FUSE:
        reason = f"{shown} is {name}: changes made around this mount send no events here"
        return replace(polling, reason=reason, network=driver not in _LOCAL_FUSE)
    return native


def _host_share(mount: Mount) -> str:
    wsl = mount.filesystem == "drvfs" or "aname=drvfs" in mount.options or mount.source.startswith("drvfs")
    return f"{mount.filesystem} (a Windows drive in WSL)" if wsl else mount.filesystem


def _within_limits(choice: Choice, limits: WatchLimits) -> Choice:
    watches, instances = limits.max_user_watches, limits.max_user_instances
    needed = limits.watches_taken + limits.folders
    if watches is not None and needed > watches:
        reason = f"{needed} folders are more than {_WATCHES} = {watches} allows"
        return replace(choice, method="polling", reason=reason, remedy=watches_remedy(needed))
    if instances is not None and limits.instances_taken + 1 > instances:
        reason = f"{limits.instances_taken + 1} watched roots are more than {_INSTANCES} = {instances} allows"
        return replace(choice, method="polling", reason=reason, remedy=instances_remedy(limits.instances_taken + 1))
    return choice


def exhausted(choice: Choice, error: OSError, limits: WatchLimits) -> Choice:
    """Return the polling choice for a root whose native watch the system refused with ``error``.

    Other programs of the same user count against inotify's limits too, so only trying tells.
    """
    if error.errno == errno.ENOSPC:
        reason = f"{_WATCHES} = {limits.max_user_watches} is used up, by this and other programs"
        remedy: str | None = watches_remedy(limits.folders + (limits.max_user_watches or 0))
    elif error.errno == errno.EMFILE:
        # inotify_init(2) gives one error for both; the second is rare.
        reason = f"{_INSTANCES} = {limits.max_user_instances} is used up, or this process has too many files open"
        remedy = instances_remedy(limits.max_user_instances or 0)
    else:
        reason, remedy = f"the system refused to watch: {error}", None
    return replace(choice, method="polling", reason=reason, remedy=remedy)


def watches_remedy(needed: int) -> str:
    """Return what to do where ``needed`` folders are more than inotify may watch."""
    return _sysctl(_WATCHES, max(524288, 1 << (2 * needed - 1).bit_length()))


def instances_remedy(needed: int) -> str:
    """Return what to do where ``needed`` watched roots are more than inotify has instances."""
    return _sysctl(_INSTANCES, max(1024, 1 << (2 * needed - 1).bit_length()))


def _sysctl(name: str, value: int) -> str:
    return f"Raise it: sudo sysctl {name}={value}, and the same line in /etc/sysctl.d/90-inotify.conf to keep it."


def explain(roots: Sequence[Root], choices: Mapping[str, Choice]) -> list[dict[str, object]]:
    """Return one object per root for ``agent --explain-watch``: label, path, method, reason, remedy, file system."""
    return [
        {
            "label": root.label,
            "path": root.path,
            "method": choices[root.path].method,
            "reason": choices[root.path].reason,
            "remedy": choices[root.path].remedy,
            "filesystem": choices[root.path].filesystem,
            "stable_inodes": choices[root.path].stable_inodes,
            "network": choices[root.path].network,
        }
        for root in roots
    ]
