"""Where Quartermaster keeps what is its own on this machine: outside every web UI's folders, for this user only."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE_MODE = 0o600


class HomeUnknownError(Exception):
    """It is not known where this user's data belongs; the message says what to set."""


def data_home(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the folder of the index, keys and states.

    ``QUARTERMASTER_HOME`` where it is set; else ``quartermaster`` in the user's data folder, as the platform has it
    (XDG base directories, ``%LOCALAPPDATA%``, ``~/Library/Application Support``).

    Raises:
        HomeUnknownError: nothing tells where that would be.
    """
    own = environ.get("QUARTERMASTER_HOME")
    if own:
        return Path(own).expanduser().absolute()
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or _user_home() / "AppData" / "Local")
    elif platform == "darwin":
        base = _user_home() / "Library" / "Application Support"
    else:
        xdg = environ.get("XDG_DATA_HOME", "")
        base = Path(xdg) if os.path.isabs(xdg) else _user_home() / ".local" / "share"
    return base / "quartermaster"


def hub_folder(home: Path) -> Path:
    """Return the folder of this user's own hub, with the user's data folder as ``home``."""
    return home / "hub"


def _user_home() -> Path:
    """Return the user's home; where ``HOME`` is empty or relative (cron, containers), what the system knows of it.

    Python itself takes an empty ``HOME`` for the root folder of the file system.
    """
    try:
        if sys.platform != "win32" and not os.path.isabs(os.environ.get("HOME", "/")):
            import pwd

            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        return Path.home()
    except (KeyError, RuntimeError):  # a container may run as a user that nobody has heard of
        raise HomeUnknownError("this user has no home folder: name a folder in QUARTERMASTER_HOME") from None


def make_private(folder: Path) -> Path:
    """Make a folder that only this user may enter, where it is not there yet; return it.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a small file that only this user may read, in one step: it is there whole, or as it was before.

    Raises:
        OSError: it cannot be written; nothing is left of the attempt.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE), "wb") as file:
            file.write(text.encode("utf-8"))
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def file_name(server_id: str) -> str:
    """Return a server's id as a file name that no two ids share, on any file system."""
    name = "".join(_plain(c) or _escaped(c) for c in server_id)
    return _escaped(name[0]) + name[1:] if name in _DEVICES else name


_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))})
"""Names that Windows has for devices, whatever suffix a file of such a name has."""


def _plain(c: str) -> str:
    return c if c.isascii() and (c.islower() or c.isdigit() or c == "-") else ""


def _escaped(c: str) -> str:
    return f"%{ord(c):x}_"
