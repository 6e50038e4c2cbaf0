"""Keeps the last good catalogue of a hub in a folder: a hub that is away, or that sends rubbish, then does no harm."""

import logging
import os
import tempfile
from pathlib import Path

from .catalogue import Catalogue
from .errors import CatalogueError, Fault
from .facts import MAX_FILE_BYTES, version_key
from .load import from_bytes, to_bytes

log = logging.getLogger(__name__)

FILE_NAME = "catalogue.json"


class CatalogueStore:
    """One kept catalogue in one folder.

    Args:
        folder: made when something is kept; it belongs to the caller.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def keep(self, content: bytes) -> Catalogue:
        """Check a catalogue's JSON, write it in place of the one before, and return it.

        The file is replaced in one step: whoever reads it sees the old one or the new one.

        Raises:
            CatalogueError: it has faults, and what was kept before stays; or it cannot be written.
        """
        catalogue = from_bytes(content, FILE_NAME)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{FILE_NAME}.", suffix=".tmp", dir=self._path.parent)
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(to_bytes(catalogue))
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            problem = f"cannot be written: {error.strerror or error}"
            raise CatalogueError([Fault(str(self._path), "", "", problem)]) from error
        return catalogue

    def kept(self) -> Catalogue | None:
        """Return the kept catalogue, or None where there is none that can be used (which is logged)."""
        try:
            if self._path.stat().st_size > MAX_FILE_BYTES:
                log.warning("The kept catalogue %s is too large and not used", self._path)
                return None
            return from_bytes(self._path.read_bytes(), FILE_NAME)
        except FileNotFoundError:
            return None
        except (OSError, CatalogueError) as error:
            log.warning("The kept catalogue %s is not used: %s", self._path, error)
            return None

    def best(self, shipped: Catalogue) -> Catalogue:
        """Return the kept catalogue where it is newer than the shipped one, else the shipped one."""
        kept = self.kept()
        return kept if kept is not None and newer(kept, shipped) else shipped


def newer(one: Catalogue, other: Catalogue) -> bool:
    """Tell whether a catalogue has a higher version than another."""
    return version_key(one.version) > version_key(other.version)
