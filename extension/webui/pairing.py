"""What this web UI is called on the hub, and which hub it is paired with: one private file per web UI.

It stands in the user's data folder, never below the web UI's data path (whose files the web UI serves) and never in its
settings (which it shows to whoever asks).
"""

import hashlib
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ...hub_client import Credentials
from ..config import is_server_id
from ..paths import make_private

FOLDER = "web-uis"


@dataclass(frozen=True)
class Pairing:
    """A web UI's name among servers, and its hub (all three None where it is not paired).

    ``secret`` never leaves this machine: ``repr`` leaves it out.
    """

    data_path: str
    server_id: str
    address: str | None = None
    key: str | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Pairing({self.server_id!r}, {self.address!r})"

    @property
    def credentials(self) -> Credentials | None:
        """The key for the hub, or None where there is none."""
        return Credentials(self.key, self.secret) if self.key and self.secret else None


class PairingFile:
    """Keeps the pairing of the web UI that has this data path."""

    def __init__(self, home: Path, data_path: str, runtime: str) -> None:
        """``home`` is the agents' data folder, ``runtime`` the web UI's program (for a first name)."""
        self._folder = home / FOLDER
        self._data_path = os.path.normcase(os.path.abspath(data_path))
        self._runtime = runtime
        digest = hashlib.sha256(self._data_path.encode("utf-8", "surrogateescape")).hexdigest()
        self._path = self._folder / f"{digest[:16]}.json"

    def read(self) -> Pairing:
        """Return the pairing; a web UI that is new here gets a name that no other on this machine has.

        Raises:
            OSError: the data folder cannot be used.
        """
        kept = _read(self._path)
        if kept is not None and kept.data_path == self._data_path:
            return kept
        pairing = Pairing(self._data_path, self._free_name())
        self.write(pairing)
        return pairing

    def _free_name(self) -> str:
        taken = {kept.server_id for path in self._folder.glob("*.json") if (kept := _read(path)) is not None}
        stem = f"{platform.node() or 'web-ui'}-{self._runtime}"
        if not is_server_id(stem):
            stem = self._runtime
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)

    def pair(self, server_id: str, address: str, credentials: Credentials) -> Pairing:
        """Keep a hub and the key that it gave, under the name that it knows this web UI by."""
        pairing = Pairing(self._data_path, server_id, address, credentials.key, credentials.secret)
        self.write(pairing)
        return pairing

    def unpair(self) -> Pairing:
        """Forget the hub and its key; the name stays."""
        pairing = replace(self.read(), address=None, key=None, secret=None)
        self.write(pairing)
        return pairing

    def write(self, pairing: Pairing) -> None:
        """Replace the file in one step, readable by this user only.

        Raises:
            OSError: it cannot be written.
        """
        make_private(self._folder.parent)
        make_private(self._folder)
        handle, name = tempfile.mkstemp(prefix=".pairing-", dir=self._folder)  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(pairing), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _read(path: Path) -> Pairing | None:
    """Return what a file holds, or None where it is not there or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        pairing = Pairing(**kept)
    except (OSError, ValueError, TypeError):
        return None
    texts = (pairing.data_path, pairing.server_id)
    options = (pairing.address, pairing.key, pairing.secret)
    valid = all(isinstance(text, str) for text in texts) and all(o is None or isinstance(o, str) for o in options)
    return pairing if valid and is_server_id(pairing.server_id) else None
