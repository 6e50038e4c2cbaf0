"""Where Quartermaster keeps what is its own on this machine: outside every web UI's folders, for this user only."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def data_home(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the folder of the index, keys and states.

    ``QUARTERMASTER_HOME`` where it is set; else ``quartermaster`` in the user's data folder, as the platform has it
    (XDG base directories, ``%LOCALAPPDATA%``, ``~/Library/Application Support``).
    """
    own = environ.get("QUARTERMASTER_HOME")
    if own:
        return Path(own).expanduser().absolute()
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        xdg = environ.get("XDG_DATA_HOME", "")
        base = Path(xdg) if os.path.isabs(xdg) else Path.home() / ".local" / "share"
    return base / "quartermaster"


def make_private(folder: Path) -> Path:
    """Make a folder that only this user may enter, where it is not there yet; return it.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


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
