"""Mount tables: which file system a path is on, from what each operating system says of its mounts.

Formats: ``proc_pid_mountinfo(5)`` on Linux, the output of ``mount`` on macOS, drive types on Windows
(``GetDriveTypeW``). Parsing is pure; ``read_mounts`` asks the system.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

_MOUNT_COMMAND_TIMEOUT_SECONDS = 10
_WINDOWS_REMOTE = 4
_WINDOWS_NO_ROOT = 1


@dataclass(frozen=True)
class Mount:
    """One mount: where it appears, the type of file system in lower case, what is mounted, and its options.

    ``remote`` is what Windows says of a drive; elsewhere the type tells.
    """

    point: str
    filesystem: str
    source: str = ""
    options: str = ""
    remote: bool = False


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """Read ``/proc/self/mountinfo``, in its order: a later mount hides an earlier one. Other lines are skipped."""
    mounts = []
    for line in text.splitlines():
        fields = line.split(" ")
        separator = fields.index("-", 6) if "-" in fields[6:] else len(fields)
        if separator + 2 < len(fields):
            filesystem, source = fields[separator + 1 : separator + 3]
            options = ",".join([fields[5], *fields[separator + 3 :]])
            mounts.append(Mount(_unescape(fields[4]), filesystem.lower(), _unescape(source), options))
    return tuple(mounts)


def _unescape(field: str) -> str:
    """Undo mountinfo's octal escapes: space, tab, newline and backslash are ``\\040`` and so on."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def parse_macos_mounts(text: str) -> tuple[Mount, ...]:
    """Read the output of macOS' ``mount``: ``SOURCE on POINT (TYPE, OPTION, …)`` a line."""
    found = (re.fullmatch(r"(.*?) on (/.*) \(([^,()]+)(?:, ([^()]*))?\)", line) for line in text.splitlines())
    return tuple(Mount(m[2], m[3].strip().lower(), m[1], m[4] or "") for m in found if m)


def drive_mount(drive: str, drive_type: int, filesystem: str) -> Mount | None:
    """Return the mount of a Windows drive such as ``C:\\``, or None where there is none.

    ``drive_type`` is the answer of ``GetDriveTypeW``: 2 removable, 3 fixed, 4 remote, 5 CD, 6 RAM disk.
    """
    if drive_type <= _WINDOWS_NO_ROOT:
        return None
    return Mount(drive, filesystem.lower(), drive, remote=drive_type == _WINDOWS_REMOTE)


def mount_of(path: str, mounts: Iterable[Mount], platform: str) -> Mount | None:
    """Return the mount that a path lies on, or None: the deepest, and of several at one point the last.

    ``path`` is absolute and resolved as far as the caller wants links followed; ``platform`` is a ``sys.platform``.
    """
    flavour: type[PurePath] = PureWindowsPath if platform == "win32" else PurePosixPath
    wanted = flavour(path)
    around = [(flavour(mount.point), mount) for mount in mounts if wanted.is_relative_to(flavour(mount.point))]
    if not around:
        return None
    deepest = max(len(point.parts) for point, _ in around)
    return next(mount for point, mount in reversed(around) if len(point.parts) == deepest)


def read_mounts() -> tuple[Mount, ...]:
    """Return this machine's mounts; empty where it does not say. Touches no mounted file system, so nothing hangs."""
    if sys.platform == "win32":
        return _windows_drives()
    try:
        if sys.platform == "darwin":
            command = ["/sbin/mount"]
            told = subprocess.run(command, capture_output=True, check=True, timeout=_MOUNT_COMMAND_TIMEOUT_SECONDS)
            return parse_macos_mounts(os.fsdecode(told.stdout))
        with open("/proc/self/mountinfo", "rb") as stream:
            return parse_mountinfo(os.fsdecode(stream.read()))
    except (OSError, subprocess.SubprocessError):
        return ()


def _windows_drives() -> tuple[Mount, ...]:
    if sys.platform != "win32":
        return ()
    import ctypes

    kernel = ctypes.windll.kernel32
    present = kernel.GetLogicalDrives()
    found = []
    for index in range(26):
        if present >> index & 1:
            drive = f"{chr(ord('A') + index)}:\\"
            kind = kernel.GetDriveTypeW(drive)
            # A remote drive is not asked for its file system: that would wait for a server that is gone.
            name = ctypes.create_unicode_buffer(64)
            if kind != _WINDOWS_REMOTE:
                kernel.GetVolumeInformationW(drive, None, 0, None, None, None, name, len(name))
            found.append(drive_mount(drive, kind, name.value))
    return tuple(mount for mount in found if mount)
